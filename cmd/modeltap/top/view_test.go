// SPDX-License-Identifier: Apache-2.0

package top

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

func TestScreens(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		keys          []string
	}{
		{"servers_80x24", 80, 24, nil},
		{"servers_120x30", 120, 30, nil},
		{"servers_160x40", 160, 40, nil},
		{"requests_80x24", 80, 24, []string{"2"}},
		{"requests_160x24", 160, 24, []string{"r", "t"}},
		{"latency_80x24", 80, 24, []string{"3"}},
		{"gpu_80x24", 80, 24, []string{"4"}},
		{"self_80x24", 80, 24, []string{"5"}},
		{"server_80x24", 80, 24, []string{"down", "enter"}},
		{"request_80x24", 80, 24, []string{"2", "enter"}},
		{"help_80x24", 80, 24, []string{"?"}},
	} {
		s := newScreen(t, c.width, c.height)
		for n := range 15 {
			s.looked(n)
		}
		s.press(c.keys...)
		golden(t, c.name+".txt", s.text())
	}
}

func TestASCIIScreen(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.glyphs = paint.ASCII()
	for n := range 15 {
		s.looked(n)
	}
	golden(t, "ascii_80x24.txt", s.text())
	for _, view := range []string{"1", "2", "3", "4", "5", "?"} {
		s.press(view)
		for _, r := range s.text() {
			if r > '~' {
				t.Errorf("view %s shows %q", view, r)
			}
		}
	}
}

// Whatever the size and the view, the screen has the terminal's size.
func TestEverySize(t *testing.T) {
	for _, view := range []string{"1", "2", "3", "4", "5", "?", "enter"} {
		for _, asleep := range []bool{true, false} {
			for _, w := range []int{1, 2, 5, 13, 20, 40, 60, 79, 80, 81, 100, 120, 200, 500} {
				for _, h := range []int{1, 2, 3, 5, 10, 24, 60} {
					s := newScreen(t, w, h)
					if !asleep {
						s.looked(1)
						s.looked(2)
					}
					s.press(view)
					lines := strings.Split(s.View().Content, "\n")
					if len(lines) > h {
						t.Errorf("view %s at %dx%d has %d lines", view, w, h, len(lines))
					}
					for _, l := range lines {
						if paint.Width(l) > w {
							t.Errorf("view %s at %dx%d has a line of %d: %q", view, w, h, paint.Width(l), l)
						}
					}
				}
			}
		}
	}
}

// What is red or yellow has a mark too.
func TestColourIsNeverAlone(t *testing.T) {
	s := newScreen(t, 160, 40)
	for n := range 12 {
		s.looked(n)
	}
	found := 0
	for _, view := range []string{"1", "2", "4", "5", "1", "down", "enter"} {
		s.press(view)
		for part := range strings.SplitSeq(s.View().Content, "\x1b[") {
			code, text, _ := strings.Cut(part, "m")
			if code == "31" || code == "1;31" {
				found++
				if !strings.Contains(text, "!") {
					t.Errorf("view %s: red alone: %q", view, text)
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("%d red parts: the test looks at little", found)
	}
}

// The only control sequences on the screen are those of styles, whatever names
// the wire gives.
func TestHostileNames(t *testing.T) {
	s := newScreen(t, 160, 40)
	evil := "x\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp"
	text := func(n int) string {
		return strings.ReplaceAll(strings.ReplaceAll(exposition(n), "phi-4", evil), "python3:8001", evil)
	}
	s.saw(text(1), 1)
	s.saw(text(2), 2)
	for _, view := range []string{"1", "2", "3", "4", "5", "1", "down", "enter"} {
		s.press(view)
		plain := ansi.Strip(s.View().Content)
		for _, r := range plain {
			if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e') {
				t.Fatalf("view %s shows %U in %q", view, r, plain)
			}
		}
		for part := range strings.SplitSeq(s.View().Content, "\x1b") {
			if part != "" && strings.HasPrefix(part, "[2J") || strings.HasPrefix(part, "]") {
				t.Fatalf("view %s sends %q", view, part)
			}
		}
	}
	s.press("1")
	s.shows("x?[2J?]0;owned")
}

func TestWithoutAnything(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.shows("connecting to 127.0.0.1:9478")
	s.saw("modeltap_build_info{version=\"1\"} 1\n", 1)
	s.shows("no model server was seen yet", "live")
	for view, want := range map[string]string{"2": "until first token", "3": "nothing was observed yet", "4": "no GPU", "5": "nothing lost"} {
		s.press(view)
		s.shows(want)
	}
	s.press("1", "enter", "down", "end", "s", "S")
	s.shows("no model server was seen yet")
}

// A daemon that goes away is said to be stale for as long as it is, and what it
// said stays; when it comes back, so does everything.
func TestLostDaemon(t *testing.T) {
	s := newScreen(t, 120, 24)
	s.looked(1)
	s.looked(2)
	lost := errors.New("http://127.0.0.1:9478/metrics: nothing listens there: start modeltap")
	for n := 3; n < 9; n++ {
		if cmd := s.send(fetchedMsg{err: lost, at: t0.Add(time.Duration(n) * time.Second)}); cmd == nil {
			t.Fatal("it does not try again")
		}
	}
	s.send(clockMsg(t0.Add(9 * time.Second)))
	s.shows("! stale 7 s", "python3:8001", "nothing listens there")
	if !strings.Contains(s.View().Content, "\x1b[2m") {
		t.Error("stale values are not dimmed")
	}
	s.looked(10)
	s.shows("live")
	s.hides("stale", "nothing listens")
	// The first look that hangs shows too.
	s.send(clockMsg(t0.Add(20 * time.Second)))
	s.shows("! stale 10 s")
}

func TestNeverReached(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.send(fetchedMsg{err: errors.New("http://h:1/metrics: nothing listens there: start modeltap, or give its address with --url"), at: t0})
	s.shows("! no answer", "start modeltap, or", "trying again every 1s")
}

// A restart is no rate: the pair is dropped.
func TestRestartedDaemon(t *testing.T) {
	s := newScreen(t, 80, 24)
	s.looked(1)
	s.looked(2)
	s.shows("5.0")
	s.saw(strings.ReplaceAll(exposition(50), "process_start_time_seconds 1.6999e9", "process_start_time_seconds 1.7e9"), 3)
	if !strings.Contains(line(s.text(), "vllm-1"), "–") || strings.Contains(line(s.text(), "vllm-1"), "5.0") {
		t.Errorf("rates over a restart:\n%s", s.text())
	}
	s.saw(strings.ReplaceAll(exposition(51), "process_start_time_seconds 1.6999e9", "process_start_time_seconds 1.7e9"), 4)
	s.shows("5.0")
}

// line returns the first line that holds a text.
func line(text, holds string) string {
	for l := range strings.Lines(text) {
		if strings.Contains(l, holds) {
			return l
		}
	}
	return ""
}

// Sixteen GPUs share a line on a small screen and have each their own on a
// large one.
func TestManyGPUs(t *testing.T) {
	var b strings.Builder
	b.WriteString(exposition(1))
	for i := 2; i < 16; i++ {
		fmt.Fprintf(&b, "gpu_up{uuid=\"GPU-%[1]d\",gpu=\"%[1]d\"} 1\ngpu_temperature_celsius{uuid=\"GPU-%[1]d\",gpu=\"%[1]d\",sensor=\"gpu\"} %d\n", i, 70+i)
	}
	s := newScreen(t, 80, 24)
	s.saw(b.String(), 1)
	s.shows("16 GPUs", "max 85°C")
	s.hides("GPU15")
	s.send(tea.WindowSizeMsg{Width: 80, Height: 80})
	s.shows("GPU15 ", "GPU0 ")
	s.hides("16 GPUs")
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.press("4")
	for range 15 {
		s.press("down")
	}
	s.shows("GPU15 ", "HOST")
}

// More servers than lines scroll with the cursor.
func TestManyServers(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "model_tokens_per_second{server=\"s%03d\",model=\"m\"} %d\n", i, 1000-i)
	}
	s := newScreen(t, 80, 24)
	s.saw(b.String(), 1)
	s.shows("s000")
	s.hides("s100")
	s.press("end")
	s.shows("s299")
	s.press("g")
	s.shows("s000")
	s.press("pgdown", "pgdown")
	s.shows("› s036")
}
