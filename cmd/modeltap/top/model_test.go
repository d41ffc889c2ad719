// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// first returns the server in the first row of the screen.
func (s *screen) first() string { return s.rows()[0].Server }

func TestSort(t *testing.T) {
	s := newScreen(t, 160, 24)
	s.looked(1)
	s.looked(2)
	if s.first() != "llm/vllm-1/server" {
		t.Error("the most tokens are not first")
	}
	s.press("S")
	if s.first() != "python3:8001" {
		t.Error("S does not turn the order round")
	}
	s.shows("sort:tok/s▲")
	s.press("S")
	seen := map[string]string{}
	for range orders {
		s.press("s")
		seen[orders[s.order].title] = s.first()
		s.shows("sort:" + orders[s.order].title)
	}
	for title, want := range map[string]string{
		"server": "llm/vllm-1/server", "model": "llm/vllm-1/server", "req/s": "llm/vllm-1/server", "err/s": "python3:8001",
		"sockw95": "python3:8001", "wait": "python3:8001", "strm": "llm/vllm-1/server", "tok/s": "llm/vllm-1/server",
	} {
		if seen[title] != want {
			t.Errorf("sorted by %s, %s is first, want %s", title, seen[title], want)
		}
	}
	s.press("<")
	if orders[s.order].title == "tok/s" {
		t.Error("< does not go back")
	}
}

// What is unknown is last, whichever way round.
func TestUnknownIsLast(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.saw("model_server_info{server=\"idle\"} 1\nmodel_tokens_per_second{server=\"busy\",model=\"m\"} 0\n", 1)
	for range 2 {
		if s.first() != "busy" {
			t.Errorf("reversed %v: %s is first", s.reversed, s.first())
		}
		s.press("S")
	}
}

func TestFilter(t *testing.T) {
	s := newScreen(t, 120, 30)
	s.looked(1)
	s.press("/", "P", "H", "I")
	s.shows("filter:PHI", "filter: PHI_", "python3:8001")
	if len(s.rows()) != 1 || len(s.listed()) != 2 {
		t.Errorf("%d servers and %d requests fit, want 1 and 2", len(s.rows()), len(s.listed()))
	}
	s.press("q") // is text now
	s.shows("nothing fits the filter")
	s.press("backspace", "enter", "2")
	s.shows("filter:PHI", "[2 requests]", "http_error 500")
	s.hides("vllm-1")
	s.press("esc")
	s.shows("filter:–", "vllm-1")
	s.press("/", "5", "0", "0", "enter")
	if len(s.listed()) != 1 {
		t.Errorf("%d requests have the code", len(s.listed()))
	}
	s.press("/", "ctrl+u")
	s.send(tea.PasteMsg{Content: "a\x1b[2Jb\nsecond line" + strings.Repeat("x", 500)})
	if s.filter != "a?[2Jb" {
		t.Errorf("pasted: %q", s.filter)
	}
	s.send(tea.PasteMsg{Content: strings.Repeat("é", 500)})
	if len(s.filter) > maxFilter {
		t.Errorf("the filter has %d bytes", len(s.filter))
	}
	s.press("esc")
	if s.typing || s.filter != "" {
		t.Error("esc does not drop what is typed")
	}
}

// Without f the cursor stays where it is, with f on its server.
func TestCursor(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.looked(1)
	s.press("j")
	if s.cursor[viewServers] != 1 || s.selected.Server != "python3:8001" {
		t.Fatalf("the cursor is at %d, on %s", s.cursor[viewServers], s.selected.Server)
	}
	s.press("j", "down", "G")
	if s.cursor[viewServers] != 1 {
		t.Errorf("the cursor is at %d of 2", s.cursor[viewServers])
	}
	s.press("S")
	if s.cursor[viewServers] != 1 || s.selected.Server != "llm/vllm-1/server" {
		t.Errorf("not following: at %d, on %s", s.cursor[viewServers], s.selected.Server)
	}
	s.press("f", "S")
	s.shows("follow")
	if s.cursor[viewServers] != 0 || s.selected.Server != "llm/vllm-1/server" {
		t.Errorf("following: at %d, on %s", s.cursor[viewServers], s.selected.Server)
	}
	s.press("k", "up")
	if s.cursor[viewServers] != 0 {
		t.Errorf("above the first: %d", s.cursor[viewServers])
	}
}

func TestDetails(t *testing.T) {
	s := newScreen(t, 100, 40)
	s.looked(1)
	s.looked(2)
	s.press("down", "enter")
	s.shows("python3:8001", "phi-4", "comm python3  pid 41", "1 stalled!", "http_error 500", "time per output token")
	s.press("esc")
	s.shows("SERVER")
	s.press("enter")
	s.saw("modeltap_build_info{version=\"1\"} 1\n", 3)
	s.shows("is gone: esc goes back")
	s.looked(4)
	s.shows("pid 41")
	s.press("2", "down", "enter")
	s.shows("outcome        http_error", "code           500")
	s.looked(5)
	s.shows("code           500")
	s.press("esc", "esc")
	if s.view != viewServers {
		t.Error("esc does not lead to the servers")
	}
}

// A pause holds what is shown, not what is learnt.
func TestPause(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.looked(1)
	s.looked(2)
	before := line(s.text(), "out tok/s")
	s.press("space")
	s.looked(3)
	s.shows("paused")
	if held := line(s.text(), "vllm-1"); !strings.Contains(held, "1690") {
		t.Errorf("what is shown moved: %q", held)
	}
	s.press("space")
	s.shows("live")
	if now := line(s.text(), "vllm-1"); !strings.Contains(now, "1700") {
		t.Errorf("after the pause: %q, before %q", now, before)
	}
}

func TestInterval(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.looked(1)
	old := dueMsg{s.round}
	s.press("+")
	if s.interval != 2*time.Second {
		t.Errorf("+ makes it %v", s.interval)
	}
	if cmd := s.send(old); cmd != nil {
		t.Error("the old timer still counts")
	}
	if cmd := s.send(dueMsg{s.round}); cmd == nil || !s.busy {
		t.Error("the new timer does not count")
	}
	if cmd := s.send(dueMsg{s.round}); cmd != nil {
		t.Error("a second look while one is under way")
	}
	for range 20 {
		s.press("+")
	}
	if s.interval != time.Minute {
		t.Errorf("the longest is %v", s.interval)
	}
	for range 20 {
		s.press("-")
	}
	if s.interval != 500*time.Millisecond {
		t.Errorf("the shortest is %v", s.interval)
	}
	if d := stepped(3*time.Second, true); d != 5*time.Second {
		t.Errorf("between the steps: %v", d)
	}
}

func TestQuit(t *testing.T) {
	for _, key := range []tea.Key{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}} {
		s := newScreen(t, 80, 24)
		cmd := s.send(tea.KeyPressMsg(key))
		if cmd == nil {
			t.Fatalf("%v does nothing", key)
		}
		if _, ok := cmd().(tea.QuitMsg); !ok {
			t.Errorf("%v does not quit", key)
		}
	}
}

func TestViews(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.looked(1)
	for i := range views {
		if s.view != i {
			t.Errorf("tab leads to %d, want %d", s.view, i)
		}
		s.shows("[" + string(rune('1'+i)) + " " + viewNames[i] + "]")
		s.press("tab")
	}
	s.press("r")
	if s.view != viewRequests {
		t.Error("r does not show the requests")
	}
	s.press("?")
	s.shows("KEYS", "COLUMNS")
	s.press("?")
	s.hides("KEYS")
	for _, want := range scaleNames {
		s.shows("scale: " + want)
		s.press("t")
	}
}

// The look of Init is made with the context of the program and tells how long
// it took.
func TestLook(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "x")
	m := newModel(ctx, func(ctx context.Context) (sample, error) {
		if ctx.Value(key{}) != "x" {
			t.Error("another context")
		}
		return sample{scrape: scraped(t, exposition(1), t0)}, nil
	}, "a", time.Second, newScreen(t, 1, 1).glyphs)
	if m.Init() == nil {
		t.Error("nothing happens at first")
	}
	msg, ok := m.look()().(fetchedMsg)
	if !ok || msg.err != nil || msg.took <= 0 || msg.at.IsZero() {
		t.Errorf("%+v", msg)
	}
}
