// SPDX-License-Identifier: Apache-2.0

package sniff

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// frames make a protocol's frames around n bytes each.
var frames = map[Verdict]func(r *rand.Rand, d event.Direction, n int) []byte{
	HTTP2: func(r *rand.Rand, d event.Direction, n int) []byte {
		b := []byte{byte(n >> 16), byte(n >> 8), byte(n), frameData, byte(r.IntN(2)) * 8, 0, 1, byte(r.IntN(2)), byte(r.IntN(128))<<1 | 1}
		return append(b, noise(r, n)...)
	},
	WebSocket: func(r *rand.Rand, d event.Direction, n int) []byte {
		b := []byte{[...]byte{0x81, 0x82, 0xc1, 0xc2}[r.IntN(4)]}
		mask := byte(d^1) << 7
		switch {
		case n < 126:
			b = append(b, mask|byte(n))
		case n < 1<<16:
			b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
		default:
			b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
		}
		if mask != 0 {
			b = append(b, noise(r, 4)...)
		}
		return append(b, noise(r, n)...)
	},
	TLS: func(r *rand.Rand, d event.Direction, n int) []byte {
		n = min(n, 1<<14)
		return append([]byte{recordApplicationData, 3, 3, byte(n >> 8), byte(n)}, noise(r, n)...)
	},
	HTTP1: func(r *rand.Rand, d event.Direction, n int) []byte {
		b := strings.TrimLeft(strings.ToUpper(strings.Repeat("0", 1)+hex(n)), "0")
		return append([]byte(b+"\r\n"), append(noise(r, n), "\r\n"...)...)
	},
}

func hex(n int) (s string) {
	for ; n > 0; n >>= 4 {
		s = string("0123456789abcdef"[n&15]) + s
	}
	return s
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestMiddle: frames of all sizes are found where segments begin with them, one
// to a segment, several to one, or one in several, after any beginning.
func TestMiddle(t *testing.T) {
	for want, frame := range frames {
		for _, d := range []event.Direction{event.Request, event.Response} {
			for seed := range uint64(400) {
				r := rand.New(rand.NewPCG(seed, 3))
				most := [...]int{8, 100, 300, 5000, 70000}[r.IntN(5)]
				var m Middle
				got, segment := More, noise(r, r.IntN(40))
				for i := 0; i < 60 && got == More; i++ {
					for range 1 + r.IntN(3) {
						segment = append(segment, frame(r, d, 1+r.IntN(most))...)
					}
					cut := len(segment)
					if i > 2 && r.IntN(2) == 0 {
						cut = 1 + r.IntN(cut)
					}
					if got = m.Look(d, segment[:cut]); got == More && cut < len(segment) {
						got = m.Look(d, segment[cut:])
					}
					segment = segment[:0]
				}
				if got != want {
					t.Fatalf("seed %d, %v: found %d, want %d", seed, d, got, want)
				}
			}
		}
	}
}

// TestMiddleInSingleBytes: a chain is followed however small the pieces are.
func TestMiddleInSingleBytes(t *testing.T) {
	for want, frame := range frames {
		r := rand.New(rand.NewPCG(1, 4))
		var m Middle
		got := More
		for i := 0; i < 200 && got == More; i++ {
			for _, c := range frame(r, event.Response, 1+r.IntN(20)) {
				if got = m.Look(event.Response, []byte{c}); got != More {
					break
				}
			}
		}
		if got != want {
			t.Errorf("found %d, want %d", got, want)
		}
	}
}

// bodies are what HTTP/1 carries that is made of no frames.
var bodies = map[string]func(r *rand.Rand) byte{
	"random":         func(r *rand.Rand) byte { return byte(r.Uint32()) },
	"zeros":          func(*rand.Rand) byte { return 0 },
	"ones":           func(*rand.Rand) byte { return 0xff },
	"small":          func(r *rand.Rand) byte { return byte(r.IntN(4)) },
	"quiet audio":    func(r *rand.Rand) byte { return byte(0x7e + r.IntN(5)) },
	"text":           func(r *rand.Rand) byte { return " abc{}\":\n\r1234AB"[r.IntN(16)] },
	"hexadecimal":    func(r *rand.Rand) byte { return "0123456789abcdef\r\n"[r.IntN(18)] },
	"cut characters": func(r *rand.Rand) byte { return byte(0x80 + r.IntN(64)) },
}

// TestMiddleOfBodies: bodies in segments of all sizes are nothing else.
func TestMiddleOfBodies(t *testing.T) {
	for name, next := range bodies {
		for seed := range uint64(30) {
			r := rand.New(rand.NewPCG(seed, 5))
			var m Middle
			for range 300 {
				p := make([]byte, 1+r.IntN([...]int{3, 40, 200, 1500}[r.IntN(4)]))
				for i := range p {
					p[i] = next(r)
				}
				d := event.Direction(r.IntN(2))
				if v := m.Look(d, p); v != More && (v != HTTP1 || name != "hexadecimal") {
					t.Fatalf("%s, seed %d: taken for %d: %.30q", name, seed, v, p)
				}
			}
		}
	}
}

// TestMiddleOfRows: rows of equal numbers, as tensors and silence are, are
// nothing else.
func TestMiddleOfRows(t *testing.T) {
	for _, width := range []int{1, 2, 4, 8} {
		for n := range 256 {
			for at := range width {
				row := make([]byte, 1448)
				for i := at; i < len(row); i += width {
					row[i] = byte(n)
				}
				var m Middle
				for range 50 {
					if v := m.Look(event.Response, row); v != More {
						t.Fatalf("%d in byte %d of %d: taken for %d", n, at, width, v)
					}
				}
			}
		}
	}
}

// TestMiddleOverLoss: bytes that are missing within a frame do not lose the
// chain, others do.
func TestMiddleOverLoss(t *testing.T) {
	frame := append([]byte{0, 0, 100, frameData, 0, 0, 0, 0, 1}, make([]byte, 100)...)
	for lost := 1; lost < 200; lost++ {
		var m Middle
		first := m.Look(event.Response, frame[:60])
		m.Missing(event.Response, lost)
		rest := append(append([]byte{}, frame...), frame...)
		next := m.Look(event.Response, rest[(60+lost)%len(frame):][:40])
		if within := lost+60 <= len(frame)-40; first != More || within && next != More {
			t.Fatalf("%d bytes lost: %d, then %d", lost, first, next)
		}
	}
}

func TestEnd(t *testing.T) {
	for name, c := range map[string]struct {
		d    event.Direction
		seen string
		want Verdict
	}{
		"nothing":         {event.Response, "", More},
		"one frame":       {event.Response, "\x81\x05hello", WebSocket},
		"text":            {event.Response, "hello, world", HTTP1},
		"too little text": {event.Response, "hello", Unknown},
		"no text":         {event.Response, "hello\x00 world", Unknown},
		"of a client":     {event.Request, "hello, world", Unknown},
	} {
		var m Middle
		if c.seen != "" {
			if v := m.Look(c.d, []byte(c.seen)); v != More {
				t.Errorf("%s: decided for %d", name, v)
			}
		}
		if got := m.End(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func FuzzMiddle(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x81\x05hello"), uint8(7))
	f.Add([]byte("\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x01"), uint8(3))
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, p []byte, cut uint8) {
		var m Middle
		for len(p) > 0 {
			n := min(len(p), 1+int(cut))
			m.Look(event.Direction(n&1), p[:n:n])
			m.Missing(event.Response, int(p[0]))
			p = p[n:]
		}
		m.End()
	})
}

func BenchmarkMiddleText(b *testing.B) {
	p := []byte("data: " + strings.Repeat("x", 242) + "\n\n")
	var m Middle
	b.ReportAllocs()
	for b.Loop() {
		m.Look(event.Response, p)
	}
}

func TestMiddleAllocatesNothing(t *testing.T) {
	p := []byte("\x81\x02hi and more that is no frame")
	var m Middle
	if n := testing.AllocsPerRun(100, func() { m.Look(event.Response, p) }); n != 0 {
		t.Errorf("%v allocations for a piece", n)
	}
}
