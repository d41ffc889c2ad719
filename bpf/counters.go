// SPDX-License-Identifier: Apache-2.0

package bpf

import "fmt"

// Counters are what the programs counted since Load; by event.Direction where
// there are two.
type Counters struct {
	Packets       [2]uint64 // with payload, SYN, FIN or RST
	Bytes         [2]uint64 // of payload
	RingFull      [2]uint64 // records lost because the ring was full
	RingFullBytes [2]uint64
	CopyFailed    [2]uint64 // records lost because the kernel could not copy
	SkippedBytes  [2]uint64 // left out on purpose
	Stateless     [2]uint64 // packets whose socket got no storage (net.core.optmem_max)
	EventsLost    uint64    // releases and reads lost because the ring was full
}

// Counters sums the counters over the CPUs.
func (t *Tap) Counters() (Counters, error) {
	var perCPU []tapCounters
	var sum Counters
	if err := t.objects.Counters.Lookup(uint32(0), &perCPU); err != nil {
		return sum, fmt.Errorf("read the capture counters: %w", Explain(err))
	}
	for _, c := range perCPU {
		for d := range 2 {
			sum.Packets[d] += c.Packets[d]
			sum.Bytes[d] += c.Bytes[d]
			sum.RingFull[d] += c.RingFull[d]
			sum.RingFullBytes[d] += c.RingFullBytes[d]
			sum.CopyFailed[d] += c.CopyFailed[d]
			sum.SkippedBytes[d] += c.SkippedBytes[d]
			sum.Stateless[d] += c.Stateless[d]
		}
		sum.EventsLost += c.EventsLost
	}
	return sum, nil
}
