// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
)

// activityFamilies are the shares of a gpu.Activity, in its order.
type activityFamilies [5]family

func newActivityFamilies(prefix, of string, labels ...string) activityFamilies {
	const when = ", between the last two readings, 0 to 1 (Hopper and later)."
	return activityFamilies{
		gauge(prefix+"graphics_activity_ratio", "Share of time in which anything ran"+of+when, labels...),
		gauge(prefix+"sm_activity_ratio", "Share of the multiprocessors that were busy"+of+when+" What gpu_utilization_ratio does not tell.", labels...),
		gauge(prefix+"sm_occupancy_ratio", "Share of the possible warps that were active"+of+when, labels...),
		gauge(prefix+"tensor_activity_ratio", "Share of time in which the tensor cores worked"+of+when, labels...),
		gauge(prefix+"dram_bandwidth_utilization_ratio", "Share of the memory bandwidth that was used"+of+when+" Decoding is bound by it.", labels...),
	}
}

func (f *activityFamilies) emit(ch chan<- prometheus.Metric, a *gpu.Activity, labels ...string) {
	if a == nil {
		return
	}
	for i, v := range []*float64{a.Graphics, a.SM, a.Occupancy, a.Tensor, a.DRAM} {
		if v != nil {
			f[i].emit(ch, *v, labels...)
		}
	}
}

// migFamilies are the figures of MIG devices. Memory and activity belong to the
// GPU instance, which several compute instances may share.
type migFamilies struct {
	info, total, used, free, reserved family
	activity                          activityFamilies
}

func newMIGFamilies() migFamilies {
	g := func(name, help string) family { return gauge(name, help, "uuid", "gpu", "gpu_instance_id") }
	return migFamilies{
		info:     gauge("gpu_mig_info", "A MIG device of the GPU.", "uuid", "gpu", "gpu_instance_id", "compute_instance_id", "mig_uuid", "profile"),
		total:    g("gpu_mig_memory_total_bytes", "Memory of the GPU instance."),
		used:     g("gpu_mig_memory_used_bytes", "Memory of the GPU instance in use."),
		free:     g("gpu_mig_memory_free_bytes", "Memory of the GPU instance that can be had."),
		reserved: g("gpu_mig_memory_reserved_bytes", "Memory of the GPU instance that the driver keeps for itself."),
		activity: newActivityFamilies("gpu_mig_", " in the GPU instance", "uuid", "gpu", "gpu_instance_id"),
	}
}

func (f *migFamilies) all() []family {
	return append([]family{f.info, f.total, f.used, f.free, f.reserved}, f.activity[:]...)
}

func (f *migFamilies) emit(ch chan<- prometheus.Metric, d *gpu.Device, id []string) {
	for i := range d.Instances {
		one := &d.Instances[i]
		labels := append(id[:2:2], strconv.Itoa(one.GPU))
		f.info.emit(ch, 1, append(labels, strconv.Itoa(one.Compute), one.UUID, one.Profile)...)
		if m := one.Memory; m != nil {
			f.total.emit(ch, float64(m.Total), labels...)
			f.used.emit(ch, float64(m.Used), labels...)
			f.free.emit(ch, float64(m.Free), labels...)
			if m.Reserved != nil {
				f.reserved.emit(ch, float64(*m.Reserved), labels...)
			}
		}
		f.activity.emit(ch, one.Activity, labels...)
	}
}
