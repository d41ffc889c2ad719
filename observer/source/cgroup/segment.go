// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// accept appends raw to the batch, or hands it to the owner of its kind.
func (s *Source) accept(raw []byte) {
	r := bpf.RecordOf(raw)
	if r == nil || r.Kind >= bpf.KindListenerClosed {
		if s.other != nil {
			s.other(raw[0], raw)
		}
		return
	}
	s.batch = s.batch[:len(s.batch)+1]
	decode(&s.batch[len(s.batch)-1], r, raw[bpf.RecordSize:])
}

// decode fills seg from a record and what follows it, which its payload
// aliases. Every field is set.
func decode(seg *event.Segment, r *bpf.Record, payload []byte) {
	seg.Time = int64(r.Time)
	seg.Cookie = r.Cookie
	seg.Group = r.Group
	seg.NetNS = r.Netns
	seg.Flow.Server.IP = r.Server
	seg.Flow.Server.Port = r.ServerPort
	seg.Flow.Client.IP = r.Client
	seg.Flow.Client.Port = r.ClientPort
	seg.Seq = r.Seq
	seg.Ack = r.Ack
	seg.Len = r.Len
	seg.RTT = r.Rtt
	seg.ReadAgo = r.ReadAgo
	seg.Flags = event.Flags(r.Flags)
	seg.Kind = event.Kind(r.Kind)
	seg.Dir = event.Direction(r.Dir)
	seg.Payload = payload[:r.Captured]
}
