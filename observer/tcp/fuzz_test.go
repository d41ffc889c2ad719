// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

// conserving is the oracle of FuzzAssembler: every byte handed over is the one
// that belongs to its sequence number, times are monotone, and positions
// advance by exactly what was handed over.
type conserving struct {
	recorder
	pos [2]uint64
}

// content is the byte at a sequence number, whichever segment carries it.
func content(seq uint32) byte { return byte(seq) ^ byte(seq>>8)*31 }

func (c *conserving) Data(d event.Direction, m event.Mark, p []byte) {
	c.run(d, m)
	seq := c.conn.dirs[d].start() + uint32(c.pos[d])
	for i, b := range p {
		if b != content(seq+uint32(i)) {
			c.t.Fatalf("%v: byte %d of a run at %d is not its own", d, i, seq)
		}
	}
	c.pos[d] += uint64(len(p))
}

func (c *conserving) Skip(d event.Direction, m event.Mark, n int) {
	c.run(d, m)
	c.pos[d] += uint64(n)
}

func (c *conserving) Gap(d event.Direction, m event.Mark, n int) {
	c.run(d, m)
	if n <= 0 {
		c.t.Fatalf("gap of %d bytes", n)
	}
	c.pos[d] += uint64(n)
}

func (c *conserving) FIN(d event.Direction, m event.Mark) {
	c.recorder.FIN(d, m)
	c.whole()
}

func (c *conserving) Read(_ int64, pos uint64) {
	if c.whole(); pos > c.pos[event.Request] {
		c.t.Fatalf("read up to %d of %d", pos, c.pos[event.Request])
	}
}

func (c *conserving) Close(t int64, why CloseReason) {
	c.whole()
	c.recorder.Close(t, why)
}

// whole checks that Data, Skip and Gap make up the distance in the sequence.
func (c *conserving) whole() {
	for d := range c.pos {
		if got := c.conn.dirs[d].pos; got != c.pos[d] {
			c.t.Fatalf("direction %d: position %d after %d bytes", d, got, c.pos[d])
		}
	}
}

// FuzzAssembler feeds arbitrary segments of few connections and checks what
// comes out byte by byte, and the accounts after each of them.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x02\x00\x00\x00\x00\x00\x10\x00\x00\x08\x00\x00\x20\x00\x00"))
	f.Add([]byte("aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffgggggggg"))
	f.Add([]byte("\x00\x10\x00\x00\xff\x00\x10\x20\x01\x11\x00\x01\xff\x00\x20\x20\x80\x04\x00\x01\xff\x00\x20\x20"))
	f.Fuzz(func(t *testing.T, script []byte) {
		w := &world{}
		w.Assembler = New(Config{
			Budget: budget.New(3, 48*blockSize), MaxDirection: 6 * blockSize,
			MaxWait: time.Duration(100 * ms), Idle: time.Duration(2000 * ms), Linger: time.Duration(300 * ms),
			New: func(c *Conn, _ *event.Segment) Handler {
				return &conserving{recorder: recorder{t: t, conn: c}}
			},
		})
		now := int64(0)
		for ; len(script) >= 8; script = script[8:] {
			b := script[:8]
			e := end{dir: event.Direction(b[0] & 1), flow: flow1, cookie: uint64(b[0] >> 1 & 3), netns: uint64(b[0] >> 3 & 1)}
			e.flow.Client.Port = uint16(b[0] >> 4 & 1)
			now += int64(b[6]) * ms
			e.time = now - int64(b[7]&15)*ms
			// Sequence numbers lie around the wrap.
			e.seq = uint32(int32(int16(binary.LittleEndian.Uint16(b[3:]))))
			s := e.seg(int(b[5])*20, event.Flags(b[1]&31)|event.Flags(b[2]&7)<<8)
			s.Ack = e.seq + uint32(b[7])<<4
			from := s.Seq
			if s.Flags&event.SYN != 0 {
				from++
			}
			if s.Flags&event.Skipped == 0 {
				s.Payload = make([]byte, max(0, int(s.Len)-int(b[2]>>5)*100))
				for i := range s.Payload {
					s.Payload[i] = content(from + uint32(i))
				}
			}
			if b[2]>>3&3 == 3 {
				s.Kind = event.Kind(1 + b[1]&1)
			}
			w.Segment(s)
			w.intact(t)
			if b[6]&3 == 0 {
				w.Expire(now)
				w.intact(t)
			}
			if w.Buffered() > 12*blockSize || w.Connections() > 3 {
				t.Fatalf("%d bytes held, %d connections", w.Buffered(), w.Connections())
			}
		}
		w.Close(now)
		if w.Connections() != 0 || w.Buffered() != 0 || len(w.holding) != 0 {
			t.Fatal("not empty after Close")
		}
	})
}
