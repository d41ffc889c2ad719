// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"fmt"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// hand gives a text of n bytes to the tray, to come back with n.
func hand(t *testing.T, tray *Tray, model string, n int) (event.Untokenized, bool) {
	t.Helper()
	var m Meter
	text := tray.Open([]byte(model))
	if text == nil {
		t.Fatalf("no tokenizer for %q", model)
	}
	m.Keep(text)
	m.Write(make([]byte, n))
	return tray.Submit(text, &m, []byte(model), n)
}

func TestWhichTokenizer(t *testing.T) {
	is := func(n int64) Tokenizer { return func([]byte) (int64, bool) { return n, true } }
	all := map[string]Tokenizer{"qwen": is(1), Unnamed: is(2), AnyModel: is(3)}
	for _, c := range []struct {
		name   string
		models map[string]Tokenizer
		model  string
		want   int64
	}{
		{"own", all, "qwen", 1},
		{"other", all, "llama", 3},
		{"none named", all, "", 2},
		{"none named, any", map[string]Tokenizer{AnyModel: is(3)}, "", 3},
		{"no match", map[string]Tokenizer{"qwen": is(1)}, "llama", 0},
		{"none named, no match", map[string]Tokenizer{"qwen": is(1)}, "", 0},
	} {
		tray := NewDesk(c.models, true).Tray()
		if c.want == 0 {
			if tray.Open([]byte(c.model)) != nil {
				t.Errorf("%s: a text is kept", c.name)
			}
			continue
		}
		if _, ok := hand(t, tray, c.model, 5); !ok {
			t.Errorf("%s: refused", c.name)
		} else if j := tray.Done(true); j.N != c.want {
			t.Errorf("%s: tokenizer %d, want %d", c.name, j.N, c.want)
		}
	}
}

// Without tokenizers there is nothing to ask and nothing to wait for.
func TestNoDesk(t *testing.T) {
	d := NewDesk(nil, false)
	if d != nil || d.Tray() != nil || d.Held() != 0 || d.Tray().Open([]byte("m")) != nil || d.Tray().Done(true) != nil {
		t.Error("a desk without tokenizers does something")
	}
	d.Hurry()
}

// Each text comes back once, with its own count, to the tray that gave it.
func TestEveryTextComesBack(t *testing.T) {
	d := NewDesk(map[string]Tokenizer{"m": length}, false)
	var wg sync.WaitGroup
	for range 4 {
		tray := d.Tray()
		wg.Go(func() {
			back := map[int]int{}
			take := func(wait bool) {
				for j := tray.Done(wait); j != nil; j = tray.Done(wait) {
					if n := j.For.(int); !j.OK || j.N != int64(n) {
						t.Errorf("%d, %t for %d bytes", j.N, j.OK, n)
					}
					back[j.For.(int)]++
				}
			}
			for i := range 1000 {
				for {
					var m Meter
					text := tray.Open([]byte("m"))
					m.Keep(text)
					m.Write(make([]byte, i))
					if _, ok := tray.Submit(text, &m, []byte("m"), i); ok {
						break
					}
					take(false)
				}
			}
			take(true)
			for i := range 1000 {
				if back[i] != 1 {
					t.Errorf("text %d came back %d times", i, back[i])
				}
			}
		})
	}
	wg.Wait()
	if held := d.Held(); held > maxSpare*2*spareText {
		t.Errorf("%d bytes held by nothing", held)
	}
}

// A tokenizer that cannot keep up fills the queue, and no more than that; what
// is left when the desk hurries comes back uncounted.
func TestQueueIsBounded(t *testing.T) {
	gate, begun := make(chan struct{}), make(chan struct{}, maxWaiting+1)
	d := NewDesk(map[string]Tokenizer{"m": func(text []byte) (int64, bool) {
		begun <- struct{}{}
		<-gate
		return int64(len(text)), true
	}}, false)
	tray := d.Tray()
	for i := range maxWaiting {
		if why, ok := hand(t, tray, "m", 10); !ok {
			t.Fatalf("text %d refused: %v", i, why)
		}
	}
	if why, ok := hand(t, tray, "m", 10); ok || why != event.UntokenizedQueueFull {
		t.Errorf("%v %t beyond the limit", why, ok)
	}
	<-begun
	if j := tray.Done(false); j != nil {
		t.Error("a text came back before it was counted")
	}
	d.Hurry()
	close(gate)
	counted, left := 0, 0
	for j := tray.Done(true); j != nil; j = tray.Done(true) {
		if j.OK {
			counted++
		} else {
			left++
		}
	}
	if counted != 1 || left != maxWaiting-1 {
		t.Errorf("%d counted and %d left, want the one that had begun and the others", counted, left)
	}
}

// A tokenizer that fails or panics costs its own count only.
func TestTokenizerFails(t *testing.T) {
	for _, inline := range []bool{true, false} {
		t.Run(fmt.Sprint("inline=", inline), func(t *testing.T) {
			tray := NewDesk(map[string]Tokenizer{"m": func(text []byte) (int64, bool) {
				switch len(text) {
				case 1:
					panic("a bug in a tokenizer")
				case 2:
					return 7, false
				}
				return 3, true
			}}, inline).Tray()
			ok := map[int]bool{}
			for n := 1; n <= 3; n++ {
				if _, ok := hand(t, tray, "m", n); !ok {
					t.Fatal("refused")
				}
			}
			for j := tray.Done(true); j != nil; j = tray.Done(true) {
				ok[j.For.(int)] = j.OK
			}
			if len(ok) != 3 || ok[1] || ok[2] || !ok[3] {
				t.Errorf("counted: %v, want 3 only", ok)
			}
		})
	}
}
