// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"time"

	"github.com/cilium/ebpf"
)

// ProgramCost is what one program has cost so far, while kernel statistics
// (sysctl kernel.bpf_stats_enabled) were on.
type ProgramCost struct {
	Name string
	Runs uint64
	Time time.Duration
}

// Programs returns the cost of each loaded program, nil when the kernel has
// counted none: its statistics are off, or nothing has run yet.
func (t *Tap) Programs() []ProgramCost {
	programs := map[string]*ebpf.Program{
		tapProgTapIngress: t.objects.TapIngress,
		tapProgTapEgress:  t.objects.TapEgress,
		tapProgTapRelease: t.objects.TapRelease,
	}
	if t.wait != nil {
		programs[waitProgReportRead] = t.wait.objects.ReportRead
	}
	var costs []ProgramCost
	counted := false
	for _, name := range []string{tapProgTapIngress, tapProgTapEgress, tapProgTapRelease, waitProgReportRead} {
		p := programs[name]
		if p == nil {
			continue
		}
		s, err := p.Stats()
		if err != nil {
			return nil
		}
		costs = append(costs, ProgramCost{name, s.RunCount, s.Runtime})
		counted = counted || s.RunCount > 0
	}
	if !counted {
		return nil
	}
	return costs
}
