// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"fmt"

	"github.com/modeltap/modeltap/bpf/hostprobe"
)

// Counters are what the programs counted since Load; by event.Direction where
// there are two.
type Counters struct {
	Packets       [2]uint64 // with payload, and the FIN or RST of connections that had some
	Bytes         [2]uint64 // of payload
	RingFull      [2]uint64 // records lost because the ring was full
	RingFullBytes [2]uint64
	CopyFailed    [2]uint64 // records lost because the kernel could not copy
	SkippedBytes  [2]uint64 // left out on purpose
	Stateless     [2]uint64 // packets whose socket got no storage (net.core.optmem_max)
	EventsLost    uint64    // releases and reads lost because the ring was full
	ClosesLost    uint64    // ends of listeners that Discovery.Untold does not know either
}

// Counters sums the counters over the CPUs.
func (t *Tap) Counters() (Counters, error) {
	var sum Counters
	for d := range uint32(2) {
		var perCPU []tapCounters
		if err := t.objects.Counters.Lookup(d, &perCPU); err != nil {
			return sum, fmt.Errorf("read the capture counters: %w", hostprobe.Explain(err))
		}
		for _, c := range perCPU {
			sum.Packets[d] += c.Packets
			sum.Bytes[d] += c.Bytes
			sum.RingFull[d] += c.RingFull
			sum.RingFullBytes[d] += c.RingFullBytes
			sum.CopyFailed[d] += c.CopyFailed
			sum.SkippedBytes[d] += c.SkippedBytes
			sum.Stateless[d] += c.Stateless
			sum.EventsLost += c.EventsLost
			sum.ClosesLost += c.ClosesLost
		}
	}
	return sum, nil
}
