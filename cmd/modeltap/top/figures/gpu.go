// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// GPU is one GPU; NaN is unknown. Ratios are from 0 to 1, memory is in bytes.
type GPU struct {
	Instance, UUID, Index, Name string
	Up                          bool
	Utilization, SM, Tensor     float64
	DRAM                        float64 // bandwidth in use, a ratio
	Used, Total                 float64 // total less what the driver reserves
	Power, PowerLimit           float64 // watts
	Celsius, Slowdown           float64 // temperature, and the one it slows down at
	Clock                       float64 // hertz, of the SMs
	Fan, Energy                 float64
	Processes, XIDs, ECC        float64 // errors since modeltap started; uncorrected ones
	Recovery                    float64 // what the driver asks for, 0 is nothing
	Throttled                   []string
}

// Memory returns the share of memory in use.
func (g *GPU) Memory() float64 { return g.Used / g.Total }

func gpus(p pair) []GPU {
	type of struct{ instance, uuid string }
	all, sum := map[of]*GPU{}, sums{}
	for _, c := range p.changes("gpu_up") {
		all[of{c.Labels["instance"], c.Labels["uuid"]}] = newGPU(c)
	}
	at := func(l Labels) *GPU {
		if g := all[of{l["instance"], l["uuid"]}]; g != nil {
			return g
		}
		return &GPU{}
	}
	for _, m := range []struct {
		name        string
		label, want string
		field       func(*GPU) *float64
	}{
		{"gpu_utilization_ratio", "", "", func(g *GPU) *float64 { return &g.Utilization }},
		{"gpu_sm_activity_ratio", "", "", func(g *GPU) *float64 { return &g.SM }},
		{"gpu_tensor_activity_ratio", "", "", func(g *GPU) *float64 { return &g.Tensor }},
		{"gpu_dram_bandwidth_utilization_ratio", "", "", func(g *GPU) *float64 { return &g.DRAM }},
		{"gpu_memory_used_bytes", "", "", func(g *GPU) *float64 { return &g.Used }},
		{"gpu_memory_total_bytes", "", "", func(g *GPU) *float64 { return &g.Total }},
		{"gpu_power_watts", "", "", func(g *GPU) *float64 { return &g.Power }},
		{"gpu_power_limit_watts", "", "", func(g *GPU) *float64 { return &g.PowerLimit }},
		{"gpu_temperature_celsius", "sensor", "gpu", func(g *GPU) *float64 { return &g.Celsius }},
		{"gpu_temperature_limit_celsius", "limit", "slowdown", func(g *GPU) *float64 { return &g.Slowdown }},
		{"gpu_clock_hertz", "domain", "sm", func(g *GPU) *float64 { return &g.Clock }},
		{"gpu_fan_speed_ratio", "", "", func(g *GPU) *float64 { return &g.Fan }},
		{"gpu_energy_joules_total", "", "", func(g *GPU) *float64 { return &g.Energy }},
		{"gpu_processes", "", "", func(g *GPU) *float64 { return &g.Processes }},
		{"gpu_recovery_action", "", "", func(g *GPU) *float64 { return &g.Recovery }},
	} {
		for _, c := range p.changes(m.name) {
			if m.label == "" || c.Labels[m.label] == m.want {
				*m.field(at(c.Labels)) = c.now
			}
		}
	}
	for _, c := range p.changes("gpu_info") {
		at(c.Labels).Name = c.Labels["name"]
	}
	for _, c := range p.changes("gpu_memory_reserved_bytes") {
		at(c.Labels).Total -= c.now
	}
	for _, c := range p.changes("gpu_xid_errors_total") {
		sum.add(&at(c.Labels).XIDs, c.now)
	}
	for _, c := range p.changes("gpu_ecc_errors_total") {
		if c.Labels["type"] == "uncorrected" && c.Labels["scope"] == "volatile" {
			sum.add(&at(c.Labels).ECC, c.now)
		}
	}
	for _, c := range p.changes("gpu_throttle_active") {
		if g := at(c.Labels); c.now > 0 && c.Labels["reason"] != "idle" {
			g.Throttled = append(g.Throttled, c.Labels["reason"])
		}
	}
	out := make([]GPU, 0, len(all))
	for _, g := range all {
		slices.Sort(g.Throttled)
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b GPU) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(number(a.Index), number(b.Index)), cmp.Compare(a.UUID, b.UUID))
	})
	return out
}

func newGPU(c change) *GPU {
	n := math.NaN()
	return &GPU{
		Instance: c.Labels["instance"], UUID: c.Labels["uuid"], Index: c.Labels["gpu"], Up: c.now > 0,
		Utilization: n, SM: n, Tensor: n, DRAM: n, Used: n, Total: n, Power: n, PowerLimit: n, Celsius: n, Slowdown: n,
		Clock: n, Fan: n, Energy: n, Processes: n, XIDs: n, ECC: n, Recovery: n,
	}
}

// number sorts indexes as numbers and what is none behind them.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return math.MaxInt
	}
	return n
}
