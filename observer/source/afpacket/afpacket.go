// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package afpacket

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/gopacket/afpacket"
	"golang.org/x/net/bpf"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/turn"
	"github.com/modeltap/modeltap/observer/tcp"
)

// Supported says that this build can capture packets.
const Supported = true

const (
	blockBytes = 1 << 20
	frameBytes = 1 << 12
	// blockTimeout is after how long the kernel hands over a block that is not
	// full, and so the delay of a packet.
	blockTimeout = 10 * time.Millisecond
	// pollTimeout exceeds it, so that a wait that ends without a block means
	// that the ring is empty.
	pollTimeout = 25 * time.Millisecond
	// maxAge bounds how long a batch is gathered.
	maxAge  = 20 * time.Millisecond
	idleFor = time.Second // emit an empty batch after that

	batchSegments = 512
	batchBytes    = 2 * blockBytes
)

// Source is one AF_PACKET socket with its ring (TPACKET_V3).
type Source struct {
	cfg   Config
	turns *turn.Queue
	local locals

	batch []event.Segment
	arena []byte
	used  int
	first time.Time // time stamp of the first packet of the batch
	told  time.Time // when something was emitted last
	last  int64     // latest clock handed out, ns since 1970

	mu    sync.Mutex // guards what follows, and the closing of ring
	ring  *afpacket.TPacket
	ports map[uint16]bool
	stats event.SourceStats
}

// New opens the socket in the network namespace of the calling thread and
// starts to capture into the ring. Run or Close releases it.
func New(cfg Config) (*Source, error) {
	blocks := max(2, (cfg.RingBytes+blockBytes-1)/blockBytes)
	if cfg.RingBytes <= 0 {
		blocks = 8
	}
	ring, err := afpacket.NewTPacket(
		afpacket.OptInterface(cfg.Interface),
		afpacket.SocketDgram,
		afpacket.TPacketVersion3,
		afpacket.OptFrameSize(frameBytes),
		afpacket.OptBlockSize(blockBytes),
		afpacket.OptNumBlocks(blocks),
		afpacket.OptBlockTimeout(blockTimeout),
		afpacket.OptPollTimeout(pollTimeout),
	)
	where := cfg.Interface
	if where == "" {
		where = "all interfaces of this network namespace"
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("packet capture on %s: %w (CAP_NET_RAW is needed: run as root, or add that capability)", where, err)
	case err != nil:
		return nil, fmt.Errorf("packet capture on %s: %w (does the interface exist, and is there memory for a ring of %d MiB?)", where, err, blocks)
	}
	s := &Source{
		cfg:   cfg,
		turns: turn.New(),
		batch: make([]event.Segment, 0, batchSegments),
		arena: make([]byte, batchBytes),
		ring:  ring,
		stats: event.SourceStats{Source: "packet", Attached: where},
	}
	if err := s.SetPorts(cfg.Ports); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// SetPorts replaces the ports of the servers to observe: in the kernel's
// filter for the packets that arrive from now on, and here for those in the
// ring. No port means no packet.
func (s *Source) SetPorts(ports []uint16) error {
	raw, err := bpf.Assemble(filter(ports))
	if err != nil {
		return fmt.Errorf("packet filter for %d ports: %w", len(ports), err)
	}
	set := make(map[uint16]bool, len(ports))
	for _, p := range ports {
		set[p] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring == nil {
		return errors.New("packet capture is closed; start it again")
	}
	if err := s.ring.SetBPF(raw); err != nil {
		return fmt.Errorf("packet filter for %d ports: %w (raise net.core.optmem_max, or watch fewer ports)", len(ports), err)
	}
	s.ports = set
	return nil
}

// Run reads the ring until ctx ends, and then returns nil. Last, unless nil, is
// the last turn: no emit and no Sync comes after it.
func (s *Source) Run(ctx context.Context, emit func(batch []event.Segment, now int64), last func()) error {
	defer s.Close()
	defer s.turns.Close(last)
	defer s.flush(emit)
	s.told = time.Now()
	for ctx.Err() == nil {
		s.turns.Serve(func() { s.drain(emit) })
		now, err := s.read(emit)
		switch {
		case err == nil && len(s.batch) > 0 && now.Sub(s.first) < maxAge:
		case err == nil || errors.Is(err, afpacket.ErrTimeout):
			s.flush(emit)
		default:
			return fmt.Errorf("packet capture on %s: %w (did the interface go down? without --capture=packet none is needed)", s.stats.Attached, err)
		}
		if err != nil {
			now = time.Now()
		}
		// Packets that are none of ours keep no timer from running.
		if now.Sub(s.told) >= idleFor {
			s.flush(emit)
			s.told, s.last = now, max(s.last, now.UnixNano())
			emit(nil, s.last)
		}
	}
	return nil
}

// drain reads everything that was in the ring when it was called.
func (s *Source) drain(emit func([]event.Segment, int64)) {
	for start := time.Now(); ; {
		if at, err := s.read(emit); err != nil || at.After(start) {
			break
		}
	}
	s.flush(emit)
	s.last = max(s.last, time.Now().UnixNano())
	emit(nil, s.last)
}

// read takes the next packet into the batch and returns its time.
func (s *Source) read(emit func([]event.Segment, int64)) (time.Time, error) {
	data, ci, err := s.ring.ZeroCopyReadPacketData()
	if err != nil {
		return time.Time{}, err
	}
	if len(s.batch) == cap(s.batch) || s.used+len(data) > len(s.arena) {
		s.flush(emit)
	}
	var p tcp.Packet
	verdict := tcp.Decode(tcp.Raw, data, ci.Length, &p)
	if verdict == tcp.NotTCP {
		return ci.Timestamp, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if verdict != tcp.IsTCP {
		s.stats.CopyFailed[0]++
		return ci.Timestamp, nil
	}
	flow, dir, ok := s.role(&p, ci.Timestamp)
	if !ok {
		return ci.Timestamp, nil
	}
	if len(s.batch) == 0 {
		s.first = ci.Timestamp
	}
	s.stats.Packets[dir]++
	s.stats.Bytes[dir] += uint64(p.Len)
	n := copy(s.arena[s.used:], p.Payload)
	s.batch = append(s.batch, event.Segment{
		Time: ci.Timestamp.UnixNano(), Flow: flow, Dir: dir, Seq: p.Seq, Ack: p.Ack,
		Len: p.Len, Flags: p.Flags, Payload: s.arena[s.used : s.used+n],
	})
	s.used += n
	return ci.Timestamp, nil
}

// role tells which side of p is a watched server of this namespace. Of two,
// the lower port is taken.
func (s *Source) role(p *tcp.Packet, now time.Time) (event.Flow, event.Direction, bool) {
	to := s.ports[p.Dst.Port] && s.local.has(p.Dst.IP, now)
	from := s.ports[p.Src.Port] && s.local.has(p.Src.IP, now)
	if from && (!to || p.Src.Port < p.Dst.Port) {
		return event.Flow{Server: p.Src, Client: p.Dst}, event.Response, true
	}
	return event.Flow{Server: p.Dst, Client: p.Src}, event.Request, to
}

func (s *Source) flush(emit func([]event.Segment, int64)) {
	if len(s.batch) == 0 {
		return
	}
	s.last = max(s.last, s.batch[len(s.batch)-1].Time)
	emit(s.batch, s.last)
	s.told = time.Unix(0, s.batch[len(s.batch)-1].Time)
	s.batch, s.used, s.first = s.batch[:0], 0, time.Time{}
}

// Sync emits everything that the kernel has captured so far and runs fn on
// Run's goroutine. fn is not run when ctx or Run (turn.ErrEnded) ends first. A
// packet younger than 10 ms may not be in the ring yet, which Sync waits for: it
// takes up to 35 ms.
func (s *Source) Sync(ctx context.Context, fn func()) error { return s.turns.Do(ctx, fn) }

// Stats returns the counters. RingFull, whatever the direction, is what the
// kernel could not put into the ring; CopyFailed counts IP fragments and
// packets whose headers are damaged.
func (s *Source) Stats() event.SourceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost()
	return s.stats
}

func (s *Source) lost() {
	if s.ring == nil {
		return
	}
	if _, v3, err := s.ring.SocketStats(); err == nil {
		s.stats.RingFull[0] = uint64(v3.Drops())
	}
}

// Close releases the socket. While Run runs, end its context instead.
func (s *Source) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring != nil {
		s.lost()
		s.ring.Close()
		s.ring = nil
	}
}
