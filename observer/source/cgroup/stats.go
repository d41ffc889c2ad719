// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import "github.com/modeltap/modeltap/observer/event"

// SetAttached tells Stats where the tap is attached, for humans.
func (s *Source) SetAttached(where string) { s.attached.Store(&where) }

// Stats returns the kernel's counters. Closes and reads that met a full ring
// count as ingress.
func (s *Source) Stats() event.SourceStats {
	stats := event.SourceStats{Source: "cgroup"}
	if where := s.attached.Load(); where != nil {
		stats.Attached = *where
	}
	c, err := s.tap.Counters()
	if err != nil {
		return stats // the tap is closed
	}
	stats.Packets, stats.Bytes = c.Packets, c.Bytes
	stats.RingFull, stats.CopyFailed = c.RingFull, c.CopyFailed
	stats.RingFull[event.Request] += c.EventsLost
	stats.Kernel = &event.KernelStats{
		LostBytes: c.RingFullBytes, SkippedBytes: c.SkippedBytes, Stateless: c.Stateless,
		LostEvents: c.EventsLost, LostCloses: c.ClosesLost,
	}
	return stats
}

// Programs returns the cost of the capture programs, nil while kernel
// statistics are off.
func (s *Source) Programs() []event.Program {
	var programs []event.Program
	for _, p := range s.tap.Programs() {
		programs = append(programs, event.Program{Name: p.Name, Runs: p.Runs, RunSeconds: p.Time.Seconds()})
	}
	return programs
}
