// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/discover"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/source/afpacket"
	"github.com/modeltap/modeltap/observer/source/cgroup"
	"github.com/modeltap/modeltap/observer/source/pcapfile"
	"github.com/modeltap/modeltap/observer/source/turn"
)

// script is a source of one batch, which ends with its context.
type script struct {
	turns *turn.Queue
	batch []event.Segment
}

func (s *script) Run(ctx context.Context, emit func([]event.Segment, int64), last func()) error {
	defer s.turns.Close(last)
	emit(s.batch, int64(len(s.batch)))
	for ctx.Err() == nil {
		s.turns.Serve(func() {})
		runtime.Gosched()
	}
	return nil
}

func (s *script) Sync(ctx context.Context, fn func()) error { return s.turns.Do(ctx, fn) }
func (s *script) Stats() event.SourceStats                  { return event.SourceStats{Source: "script"} }

// openRequests are n connections with one request each that nobody answers.
func openRequests(n int) (batch []event.Segment) {
	server := event.Endpoint{IP: [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1}, Port: 8000}
	text := []byte("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	for i := range n {
		f := event.Flow{Server: server, Client: event.Endpoint{IP: [16]byte{10: 0xff, 11: 0xff, 12: 10, 14: byte(i >> 8), 15: byte(i)}, Port: 1000}}
		batch = append(batch,
			event.Segment{Time: int64(i), Flow: f, Seq: 1, Flags: event.SYN, Dir: event.Request},
			event.Segment{Time: int64(i), Flow: f, Seq: 2, Flags: event.ACK, Dir: event.Request, Len: uint32(len(text)), Payload: text})
	}
	return batch
}

func inFlight(snap event.Snapshot) (n int) {
	for _, s := range snap.Series {
		n += int(s.Receiving + s.Waiting + s.Streaming)
	}
	return n
}

// A scrape that is under way when the daemon ends sees all of the open requests
// or is refused: nothing between, nothing after, and (this is for the race
// detector) nothing beside the closing of the pipeline or of the capture.
func TestSnapshotsWhileItEnds(t *testing.T) {
	const open = 1000
	for range 10 {
		spec, err := servers.ParseSpec("app=8000")
		if err != nil {
			t.Fatal(err)
		}
		sink := &ledger{}
		o, err := New(Config{Targets: []servers.Spec{spec}}, sink)
		if err != nil {
			t.Fatal(err)
		}
		closed := false
		c := &capture{source: &script{turn.New(), openRequests(open)}, discover: discover.New(discover.Config{Table: o.table, Kernel: discover.Linux(discover.Programs{})})}
		c.programs = func() []event.Program {
			if closed {
				t.Error("a snapshot uses what is closed")
			}
			return nil
		}
		c.closers = append(c.closers, func() error { closed = true; return nil })
		if _, err := o.Snapshot(t.Context()); !errors.Is(err, errNotReady) || !errors.Is(o.Ready(), errNotReady) {
			t.Fatalf("before the start: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- o.observe(ctx, c) }()
		var group sync.WaitGroup
		seen := make(chan struct{}, 4)
		for range cap(seen) { // scrapes and the live page
			group.Go(func() {
				var once sync.Once
				told := func() { once.Do(func() { seen <- struct{}{} }) }
				defer told()
				for {
					snap, err := o.Snapshot(t.Context())
					switch {
					case errors.Is(err, errNotReady):
						runtime.Gosched()
					case errors.Is(err, errEnded) || errors.Is(err, turn.ErrEnded):
						return
					case err != nil:
						t.Error(err)
						return
					case inFlight(snap) != open || snap.Connections != open:
						t.Errorf("%d connections, %d requests of %d", snap.Connections, inFlight(snap), open)
						return
					default:
						told()
					}
				}
			})
		}
		for range cap(seen) {
			<-seen
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		group.Wait()
		if !closed || len(sink.exchanges) != open {
			t.Errorf("closed %v, %d exchanges of %d told", closed, len(sink.exchanges), open)
		}
		if _, err := o.Snapshot(t.Context()); !errors.Is(err, errEnded) || !errors.Is(o.Ready(), errEnded) {
			t.Errorf("after the end: %v", err)
		}
	}
}

// A panic of what a snapshot looks at is told, counted, and ends nothing.
func TestPanicInASnapshot(t *testing.T) {
	o, err := New(Config{}, &ledger{})
	if err != nil {
		t.Fatal(err)
	}
	shards := o.pipe.shards
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- o.observe(ctx, &capture{source: &script{turns: turn.New()}, discover: discover.New(discover.Config{Table: o.table, Kernel: discover.Linux(discover.Programs{})})})
	}()
	for o.Ready() != nil {
		runtime.Gosched()
	}
	look := func(change func()) (event.Snapshot, error) {
		o.mu.RLock()
		s := o.live.source
		o.mu.RUnlock()
		if err := s.Sync(ctx, change); err != nil {
			t.Fatal(err)
		}
		return o.Snapshot(ctx)
	}
	if _, err := look(func() { o.pipe.shards = []*shard{nil} }); err == nil || errors.Is(err, errEnded) {
		t.Errorf("a snapshot of nothing: %v", err)
	}
	if snap, err := look(func() { o.pipe.shards = shards }); err != nil || snap.Tally.Panics != 1 {
		t.Errorf("%d panics counted, %v", snap.Tally.Panics, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// slowFile is a capture file that has no end.
type slowFile struct{ head []byte }

func (f *slowFile) Read(p []byte) (int, error) {
	if len(f.head) == 0 { // a packet of 4 bytes, which is none of TCP
		f.head = binary.LittleEndian.AppendUint32(nil, 1)
		for _, v := range []uint32{0, 4, 4, 0} {
			f.head = binary.LittleEndian.AppendUint32(f.head, v)
		}
	}
	n := copy(p, f.head)
	f.head = f.head[n:]
	return n, nil
}

// The three sources keep one contract: emit, the functions of Sync and the last
// turn never run beside one another, and nothing runs after the last. That they
// share variables without a lock is for the race detector.
func TestEverySourceEndsWithItsLastTurn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: loads BPF programs and opens a packet socket")
	}
	tap, err := bpf.Load(bpf.Options{RingSize: 1 << 16})
	if err != nil {
		t.Skip("needs BPF: ", err)
	}
	defer tap.Close()
	for name, open := range map[string]func() (source, func() error, error){
		"cgroup": func() (source, func() error, error) {
			s, err := cgroup.New(tap, cgroup.Options{})
			if err != nil {
				return nil, nil, err
			}
			return s, s.Close, nil
		},
		"packet": func() (source, func() error, error) {
			s, err := afpacket.New(afpacket.Config{Interface: "lo", RingBytes: 2 << 20})
			return s, nil, err
		},
		"file": func() (source, func() error, error) {
			magic := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
			for _, v := range []uint32{4<<16 | 2, 0, 0, 65535, 1} {
				magic = binary.LittleEndian.AppendUint32(magic, v)
			}
			return pcapfile.New(pcapfile.Config{Path: "-", Stdin: &slowFile{head: magic}}), nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "packet" && !afpacket.Supported {
				t.Skip("this build cannot capture packets")
			}
			for range 10 {
				src, closeSource, err := open()
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				running, over := true, 0
				ended := make(chan error, 1)
				go func() {
					ended <- src.Run(ctx, func([]event.Segment, int64) {
						if !running {
							over++
						}
					}, func() { running = false })
				}()
				var group sync.WaitGroup
				turns := make(chan struct{}, 8)
				for range cap(turns) {
					group.Go(func() {
						for first := true; ; first = false {
							err := src.Sync(context.Background(), func() {
								if !running {
									over++
								}
							})
							if err != nil {
								if !errors.Is(err, turn.ErrEnded) {
									t.Error(err)
								}
								return
							}
							if first {
								turns <- struct{}{}
							}
						}
					})
				}
				for range cap(turns) {
					<-turns
				}
				stop()
				if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				group.Wait()
				if running || over != 0 {
					t.Errorf("running %v, %d calls after the last turn", running, over)
				}
				if closeSource != nil {
					if err := closeSource(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}
