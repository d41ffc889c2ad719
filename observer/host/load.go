// SPDX-License-Identifier: Apache-2.0

package host

import (
	"time"

	"github.com/shirou/gopsutil/v3/mem"
)

// Load is how busy the machine is: what a Snapshot has that can be read every
// second at no cost to speak of.
type Load struct {
	Percent float64 // see CPU.Percent
	Memory  *Memory // nil where it cannot be read
}

// Load returns the figures as of now.
func (s *Sampler) Load() Load {
	l := Load{Percent: -1}
	s.mu.Lock()
	if time.Since(s.at) < stale {
		l.Percent = s.percent
	}
	s.mu.Unlock()
	if m, err := mem.VirtualMemoryWithContext(s.context()); s.read("memory", err) && m.Total > 0 {
		l.Memory = &Memory{Total: m.Total, Available: m.Available, SwapTotal: m.SwapTotal, SwapFree: m.SwapFree}
	}
	return l
}
