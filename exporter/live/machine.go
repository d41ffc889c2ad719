// SPDX-License-Identifier: Apache-2.0

package live

import (
	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// maxGPUs bounds the GPUs of a tick.
const maxGPUs = 32

func gpusOf(s gpu.Snapshot) []GPU {
	var out []GPU
	for i := range s.Devices {
		d := &s.Devices[i]
		if !d.Up || len(out) == maxGPUs {
			continue
		}
		g := GPU{
			Index: d.Index, Name: event.Label(d.Name), Utilization: rounded(d.Utilization), Power: rounded(d.Power),
			PowerLimit: rounded(d.PowerLimit), Temperature: rounded(d.Temperature),
		}
		if m := d.Memory; m != nil {
			g.MemoryUsed, g.MemoryTotal = &m.Used, &m.Total
		}
		out = append(out, g)
	}
	return out
}

// rounded takes off the digits that nobody sees, and which fill the history.
func rounded(v *float64) *float64 {
	if v == nil {
		return nil
	}
	return new(float64(int64(*v*1e4+0.5)) / 1e4)
}

func hostOf(l host.Load) *Host {
	h := &Host{}
	if l.Percent >= 0 {
		h.CPU = rounded(new(l.Percent / 100))
	}
	if m := l.Memory; m != nil {
		h.MemoryUsed, h.MemoryTotal = new(m.Total-min(m.Available, m.Total)), &m.Total
	}
	return h
}
