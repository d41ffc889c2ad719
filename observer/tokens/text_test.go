// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// length is a tokenizer to which each byte is a token.
func length(text []byte) (int64, bool) { return int64(len(text)), true }

func desk() *Desk { return NewDesk(map[string]Tokenizer{"m": length}, true) }

func kept(t *testing.T, tray *Tray, m *Meter) *Text {
	t.Helper()
	text := tray.Open([]byte("m"))
	if text == nil {
		t.Fatal("no text for a model with a tokenizer")
	}
	m.Keep(text)
	return text
}

// Whatever is written, taken back by a copy of the meter, read in another way
// and joined: what is kept is the text of the meter that is left.
func FuzzKeptText(f *testing.F) {
	f.Add([]byte("some text in pieces, read twice"), uint64(1))
	f.Add(bytes.Repeat([]byte("0123456789"), 450), uint64(2))
	f.Add([]byte{}, uint64(3))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 7))
		tray := desk().Tray()
		var m Meter
		k := kept(t, tray, &m)
		var want []byte
		for len(text) > 0 {
			n := min(1+r.IntN(len(text)), len(text))
			piece := text[:n]
			text = text[n:]
			before := m
			switch r.IntN(4) {
			case 0: // taken back
				m.Write(piece)
				m = before
			case 1: // another reading, which is not taken
				fork := m.Fork()
				fork.Write([]byte("something else"))
				m.Write(piece)
				want = append(want, piece...)
			case 2: // another reading, which is
				fork := m.Fork()
				m.Write([]byte("something that is longer than what takes its place"))
				fork.Write(piece[:len(piece)/2])
				fork.Write(piece[len(piece)/2:])
				m = fork.Join()
				want = append(want, piece...)
			default:
				m.Write(piece)
				want = append(want, piece...)
			}
			if m.Bytes() != int64(len(want)) {
				t.Fatalf("%d bytes, want %d", m.Bytes(), len(want))
			}
		}
		if k.short {
			t.Fatalf("given up: %v", k.why)
		}
		if got := k.main[:m.Bytes()]; !bytes.Equal(got, want) {
			t.Fatalf("kept %q, want %q", got, want)
		}
		if _, ok := tray.Submit(k, &m, []byte("m"), nil); !ok || tray.Done(true).N != int64(len(want)) {
			t.Fatal("not counted as it is")
		}
	})
}

// A text beyond the limit costs no memory any more and says why it is missing.
func TestTextTooLong(t *testing.T) {
	d := desk()
	tray := d.Tray()
	var m Meter
	k := kept(t, tray, &m)
	piece := []byte(strings.Repeat("x", 64<<10))
	for range MaxText / len(piece) {
		m.Write(piece)
	}
	if k.short || d.Held() > 2*MaxText {
		t.Fatalf("short %t, %d bytes held for a text at the limit", k.short, d.Held())
	}
	m.Write([]byte("x"))
	if !k.short || d.Held() != 0 {
		t.Errorf("short %t, %d bytes held for a text above the limit", k.short, d.Held())
	}
	m.Write(piece) // nothing more is kept
	if why, ok := tray.Submit(k, &m, []byte("m"), nil); ok || why != event.UntokenizedTooLong || d.Held() != 0 {
		t.Errorf("%v %t, %d bytes held", why, ok, d.Held())
	}
}

// All texts together stay within their limit, and those that go make room.
func TestTextsShareMemory(t *testing.T) {
	d := desk()
	tray := d.Tray()
	piece := []byte(strings.Repeat("x", MaxText))
	meters := make([]Meter, MaxTexts/MaxText+3)
	texts := make([]*Text, len(meters))
	short := 0
	for i := range meters {
		texts[i] = kept(t, tray, &meters[i])
		meters[i].Write(piece)
		if texts[i].short {
			short++
		}
		if d.Held() > MaxTexts {
			t.Fatalf("%d bytes held", d.Held())
		}
	}
	if short != 3 {
		t.Errorf("%d texts given up, want 3", short)
	}
	if why, _ := tray.Submit(texts[len(texts)-1], &meters[len(texts)-1], []byte("m"), nil); why != event.UntokenizedMemory {
		t.Errorf("given up for %v", why)
	}
	for _, k := range texts[:len(texts)-1] {
		tray.Release(k)
	}
	if d.Held() != 0 {
		t.Errorf("%d bytes held by nothing", d.Held())
	}
	var m Meter
	if k := kept(t, tray, &m); func() bool { m.Write(piece); return k.short }() {
		t.Error("no room after everything was released")
	}
}

// Nothing of a text stays in the memory that the next one gets.
func TestTextIsForgotten(t *testing.T) {
	tray := desk().Tray()
	var m Meter
	k := kept(t, tray, &m)
	secret := []byte("a prompt that nobody should read")
	fork := m.Fork()
	fork.Write(secret)
	m.Write(secret)
	main, aside := k.main[:cap(k.main)], k.aside[:cap(k.aside)]
	if !bytes.Contains(main, secret) || !bytes.Contains(aside, secret) {
		t.Fatal("the test looks at nothing")
	}
	m.Write(bytes.Repeat([]byte("y"), firstText)) // moves to a larger room
	if bytes.Contains(main, secret) {
		t.Error("the text is still where it was before it grew")
	}
	main = k.main[:cap(k.main)]
	if _, ok := tray.Submit(k, &m, []byte("m"), nil); !ok {
		t.Fatal("refused")
	}
	tray.Done(true)
	if bytes.Contains(main, secret) || bytes.Contains(aside, secret) {
		t.Error("the text is still there after it was counted")
	}
	if again := tray.Open([]byte("m")); len(again.main)+len(again.aside) != 0 || again.short {
		t.Error("the next text does not begin empty")
	}
}

// A text that is missing a piece is never counted as if it were whole.
func TestTextWithAHole(t *testing.T) {
	tray := desk().Tray()
	var m Meter
	m.Write([]byte("before anything was kept"))
	k := kept(t, tray, &m)
	m.Write([]byte("and after"))
	if why, ok := tray.Submit(k, &m, []byte("m"), nil); ok || why != event.UntokenizedFailed {
		t.Errorf("%v %t", why, ok)
	}
	var a, b Meter
	k = kept(t, tray, &a)
	if _, ok := tray.Submit(k, &b, []byte("m"), nil); ok {
		t.Error("the text of another meter was counted")
	}
}

func TestKeepingAllocatesNothing(t *testing.T) {
	tray := desk().Tray()
	var m Meter
	token := []byte(" token")
	k := kept(t, tray, &m)
	m.Write(bytes.Repeat(token, 1000))
	tray.Release(k) // its room is kept
	m = Meter{}
	k = kept(t, tray, &m)
	if n := testing.AllocsPerRun(500, func() {
		before := m
		fork := m.Fork()
		fork.Write(token)
		m.Write(token)
		if m.Bytes()%12 == 0 {
			m = before
			m.Write(token)
		}
	}); n > 0.01 { // the room aside is made once
		t.Errorf("%v allocations for each token", n)
	}
	if k.short {
		t.Error("given up")
	}
}

func BenchmarkKeepToken(b *testing.B) {
	tray := desk().Tray()
	text := tray.Open([]byte("m"))
	token := []byte(" token")
	b.ReportAllocs()
	var m Meter
	m.Keep(text)
	for b.Loop() {
		if m.Bytes() > MaxText-16 {
			m = Meter{}
			m.Keep(text)
		}
		m.Write(token)
	}
}
