// SPDX-License-Identifier: Apache-2.0

// Package pcapfile reads captured packets from a file: pcap and pcapng of any
// byte order and time resolution, plain or gzip'd, or from a pipe.
//
// The formats are read here and not by gopacket/pcapgo v1.1.19: that cannot
// tell a truncated file from one that ends, panics on short pcapng options,
// divides by zero on a hostile time resolution and allocates what a damaged
// length says. pcapgo is what the tests compare with.
package pcapfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/turn"
	"github.com/modeltap/modeltap/observer/tcp"
)

// Config says what to read.
type Config struct {
	Path string // "-" is Stdin
	// Stdin is read when Path is "-"; nil means os.Stdin.
	Stdin io.Reader
	// Open opens Path; nil means os.Open.
	Open func(path string) (io.ReadCloser, error)
	// Server says whether an endpoint is a server to observe; everything else
	// in the file is passed over. Nil means to find out from handshakes, from
	// the first bytes and, as a last resort, from the lower port.
	Server func(event.Endpoint) bool
}

// Source is one file.
type Source struct {
	cfg   Config
	roles roles
	turns *turn.Queue

	mu    sync.Mutex
	stats event.SourceStats
}

// New returns a Source for the file. Nothing is opened before Run.
func New(cfg Config) *Source {
	name := cfg.Path
	if name == "-" {
		name = "standard input"
	}
	return &Source{
		cfg:   cfg,
		roles: roles{server: cfg.Server},
		turns: turn.New(),
		stats: event.SourceStats{Source: "file", Attached: name},
	}
}

const (
	batchSegments = 256
	batchBytes    = 2 * maxFrame
)

// Run reads the file to its end and emits its segments; now is the latest
// packet time so far. It returns nil at the end, *TruncatedError when the file
// ends inside a packet, *BrokenError when it is damaged or no capture, and the
// context's error when that ended first. All that was readable before an error
// was emitted. Last, unless nil, is the last turn: no emit and no Sync comes
// after it.
func (s *Source) Run(ctx context.Context, emit func(batch []event.Segment, now int64), last func()) (err error) {
	defer s.turns.Close(last)
	var r io.ReadCloser
	if s.cfg.Path == "-" {
		r = pipe(cmp.Or[io.Reader](s.cfg.Stdin, os.Stdin))
	} else if r, err = s.open(); err != nil {
		return fmt.Errorf("capture file: %w (is the path right and readable?)", err)
	}
	defer r.Close()
	defer context.AfterFunc(ctx, func() { r.Close() })()
	in, err := newInput(r)
	if err != nil {
		return s.failed(ctx, &input{}, err)
	}
	return s.failed(ctx, in, s.read(ctx, in, emit))
}

func (s *Source) open() (io.ReadCloser, error) {
	if s.cfg.Open != nil {
		return s.cfg.Open(s.cfg.Path)
	}
	return os.Open(s.cfg.Path)
}

// failed puts err into the words of Run's contract.
func (s *Source) failed(ctx context.Context, in *input, err error) error {
	name := s.stats.Attached
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF) && in.offset == 0:
		return &BrokenError{name, 0, errors.New("the file is empty")}
	case errors.Is(err, io.ErrUnexpectedEOF) && in.start == 0:
		return &BrokenError{name, in.offset, errors.New("the file ends inside its header")}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &TruncatedError{name, in.start}
	}
	return &BrokenError{name, in.start, err}
}

func (s *Source) read(ctx context.Context, in *input, emit func([]event.Segment, int64)) error {
	magic, err := in.r.Peek(4)
	if err != nil && len(magic) == 0 {
		return err
	}
	open := openPcap
	if string(magic) == "\n\r\r\n" {
		open = openPcapng
	}
	read, err := open(in)
	if err != nil {
		return err
	}
	var (
		batch = make([]event.Segment, 0, batchSegments)
		arena = make([]byte, batchBytes)
		used  int
		now   int64
		f     frame
		pipe  = s.cfg.Path == "-"
	)
	flush := func() {
		if len(batch) > 0 {
			s.count(batch)
			emit(batch, now)
		}
		batch, used = batch[:0], 0
	}
	defer flush()
	for {
		if len(batch) == batchSegments || used+maxFrame > len(arena) || pipe && in.r.Buffered() == 0 {
			flush()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		s.turns.Serve(flush)
		if err := read(&f, arena[used:used+maxFrame]); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
		now = max(now, f.time)
		if seg, ok := s.segment(&f); ok {
			batch = append(batch, seg)
			used += len(f.data)
		}
	}
}

// segment decodes f; false when it is not to be observed.
func (s *Source) segment(f *frame) (event.Segment, bool) {
	var p tcp.Packet
	switch tcp.Decode(f.link, f.data, f.wire, &p) {
	case tcp.NotTCP:
		return event.Segment{}, false
	case tcp.Fragment, tcp.Malformed:
		s.mu.Lock()
		s.stats.CopyFailed[0]++
		s.mu.Unlock()
		return event.Segment{}, false
	}
	flow, dir, ok := s.roles.of(&p)
	return event.Segment{
		Time: f.time, Flow: flow, Dir: dir, Seq: p.Seq, Ack: p.Ack,
		Len: p.Len, Flags: p.Flags, Payload: p.Payload,
	}, ok
}

func (s *Source) count(batch []event.Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		s.stats.Packets[batch[i].Dir]++
		s.stats.Bytes[batch[i].Dir] += uint64(batch[i].Len)
	}
}

// Sync emits what was read so far and runs fn on Run's goroutine. fn is not run
// when ctx or Run (turn.ErrEnded) ends first. While Run waits for a pipe, Sync
// waits with it.
func (s *Source) Sync(ctx context.Context, fn func()) error { return s.turns.Do(ctx, fn) }

// Stats returns the counters. CopyFailed counts, whatever their direction, IP
// fragments and packets whose headers are damaged or cut off.
func (s *Source) Stats() event.SourceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}
