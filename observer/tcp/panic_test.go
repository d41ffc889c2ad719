// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

// bomb panics in a random call.
type bomb struct {
	rnd  *rand.Rand
	dead bool
	t    testing.TB
}

func (b *bomb) tick() {
	if b.dead {
		b.t.Fatal("called after its panic")
	}
	if b.rnd.IntN(20) == 0 {
		b.dead = true
		panic("bomb")
	}
}

func (b *bomb) Data(event.Direction, event.Mark, []byte) { b.tick() }
func (b *bomb) Skip(event.Direction, event.Mark, int)    { b.tick() }
func (b *bomb) Gap(event.Direction, event.Mark, int)     { b.tick() }
func (b *bomb) FIN(event.Direction, event.Mark)          { b.tick() }
func (b *bomb) Read(int64, uint64)                       { b.tick() }
func (b *bomb) Close(int64, CloseReason)                 { b.tick() }

// fuse panics in its first Gap.
type fuse struct{ *recorder }

func (f fuse) Gap(event.Direction, event.Mark, int) { panic("fuse") }

func TestExpireGoesOnAfterAPanic(t *testing.T) {
	w := newWorld(t, Config{})
	record := w.cfg.New
	w.cfg.New = func(c *Conn, s *event.Segment) Handler {
		h := record(c, s).(*recorder)
		if len(w.conns) == 3 {
			return fuse{h}
		}
		return h
	}
	for i := range uint16(3) {
		c, _ := pair(uint64(i) + 1)
		c.flow.Client.Port = i
		w.feed(c.data("ab"))
		c.seq++
		w.feed(c.data("d"))
	}
	func() {
		defer func() {
			if recover() != "fuse" {
				t.Fatal("no panic")
			}
			w.KillCurrent()
		}()
		w.Expire(s)
	}()
	w.intact(t)
	w.Expire(s)
	for _, r := range w.conns[:2] {
		r.stream(t, event.Request, "ab·d", 1)
	}
	if w.Connections() != 2 || w.Buffered() != 0 {
		t.Fatalf("%d connections, %d bytes held", w.Connections(), w.Buffered())
	}
}

// TestPanicsKillOneConnectionOnly checks all accounts after every one of many
// panics in every kind of call, Config.New included.
func TestPanicsKillOneConnectionOnly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	w := &world{}
	w.Assembler = New(Config{
		Budget: budget.New(40, 400*blockSize), MaxDirection: 20 * blockSize,
		MaxWait: time.Duration(10 * ms), Idle: time.Duration(300 * ms), Linger: time.Duration(50 * ms),
		New: func(*Conn, *event.Segment) Handler {
			b := &bomb{rnd: rnd, t: t}
			b.tick()
			return b
		},
	})
	panics := 0
	try := func(f func()) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case "bomb":
				panics++
				w.KillCurrent()
			default:
				panic(fmt.Sprint("not ours: ", p))
			}
		}()
		f()
	}
	for i := range 50_000 {
		e := end{dir: event.Direction(rnd.IntN(2)), flow: flow1, cookie: uint64(1 + rnd.IntN(60)), time: int64(i) * ms}
		e.flow.Client.Port = uint16(e.cookie)
		e.seq = uint32(rnd.IntN(20_000))
		seg := e.seg(rnd.IntN(3000), event.Flags(1<<rnd.IntN(11)))
		seg.Payload = make([]byte, rnd.IntN(int(seg.Len)+1))
		if seg.Flags&event.ACK != 0 {
			seg.Ack = uint32(rnd.IntN(20_000))
		}
		if rnd.IntN(20) == 0 {
			seg.Kind = event.Kind(rnd.IntN(3))
		}
		try(func() { w.Segment(seg) })
		w.intact(t)
		try(func() { w.Expire(int64(i) * ms) })
		w.intact(t)
	}
	if panics < 1000 {
		t.Fatalf("only %d panics", panics)
	}
	for w.Connections() > 0 {
		try(func() { w.Close(0) })
		w.intact(t)
	}
	if w.Buffered() != 0 {
		t.Fatal("memory is still accounted")
	}
}
