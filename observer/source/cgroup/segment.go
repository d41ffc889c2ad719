// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"unsafe"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// accept appends raw to the batch, or hands it to the owner of its kind.
func (s *Source) accept(raw []byte) {
	kind := raw[0]
	if kind >= bpf.KindListenerClosed || len(raw) < bpf.RecordSize {
		if s.other != nil {
			s.other(kind, raw)
		}
		return
	}
	s.batch = s.batch[:len(s.batch)+1]
	decode(&s.batch[len(s.batch)-1], raw)
}

// decode fills seg from a record; its payload aliases raw. Every field is set.
func decode(seg *event.Segment, raw []byte) {
	// Records are aligned to 8 in the ring.
	r := (*bpf.Record)(unsafe.Pointer(unsafe.SliceData(raw)))
	seg.Time = r.Time
	seg.Cookie = r.Cookie
	seg.Group = r.Group
	seg.NetNS = r.NetNS
	seg.Flow.Server.IP = r.Server
	seg.Flow.Server.Port = r.ServerPort
	seg.Flow.Client.IP = r.Client
	seg.Flow.Client.Port = r.ClientPort
	seg.Seq = r.Seq
	seg.Ack = r.Ack
	seg.Len = r.Len
	seg.RTT = r.RTT
	seg.PID, seg.ReadAgo = r.PID, 0
	if r.Kind == bpf.KindData {
		seg.PID, seg.ReadAgo = 0, r.PID
	}
	seg.Flags = event.Flags(r.Flags)
	seg.Kind = event.Kind(r.Kind)
	seg.Dir = event.Direction(r.Dir)
	seg.Payload = raw[bpf.RecordSize : bpf.RecordSize+int(r.Captured)]
}
