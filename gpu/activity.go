// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// gpm measures what GPUs from Hopper on do between two readings (nvml.h, GPU
// Performance Monitoring). Its counters are its own: no profiler is disturbed.
type gpm struct {
	last map[unit]nvml.GpmSample
	no   map[string]bool // GPUs that cannot, by UUID
}

// unit is a GPU, or a GPU instance of it. A number is given again once its
// instance is gone: the MIG device tells one from the next.
type unit struct {
	uuid     string
	instance int    // -1 for the whole
	mig      string // UUID of the instance's first MIG device
}

// gpmMetrics are the metrics that an Activity has, in its order.
var gpmMetrics = [...]nvml.GpmMetricId{
	nvml.GPM_METRIC_GRAPHICS_UTIL, nvml.GPM_METRIC_SM_UTIL, nvml.GPM_METRIC_SM_OCCUPANCY, nvml.GPM_METRIC_ANY_TENSOR_UTIL, nvml.GPM_METRIC_DRAM_BW_UTIL,
}

// activities reads the activity of a GPU, or of its instances where it is in
// MIG mode.
func (d *driver) activities(dev nvml.Device, to *Device, mig bool) {
	if d.gpm.no[to.UUID] {
		return
	}
	if _, asked := d.gpm.no[to.UUID]; !asked {
		can := read(d, "nvmlGpmQueryDeviceSupport", dev.GpmQueryDeviceSupport)
		d.gpm.no[to.UUID] = can == nil || can.IsSupportedDevice == 0
		if d.gpm.no[to.UUID] {
			return
		}
	}
	if !mig {
		whole := unit{to.UUID, -1, ""}
		to.Activity = d.activity(dev, whole)
		d.keep(to.UUID, map[unit]bool{whole: true})
		return
	}
	seen, units := map[int]bool{}, map[unit]bool{}
	for i := range to.Instances {
		if one := &to.Instances[i]; !seen[one.GPU] {
			seen[one.GPU] = true
			of := unit{to.UUID, one.GPU, one.UUID}
			units[of] = true
			one.Activity = d.activity(dev, of)
		}
	}
	d.keep(to.UUID, units)
}

// keep frees the samples of a GPU's units that are not there any more.
func (d *driver) keep(uuid string, there map[unit]bool) {
	for of, sample := range d.gpm.last {
		if of.uuid == uuid && !there[of] {
			delete(d.gpm.last, of)
			d.free(sample)
		}
	}
}

// activity takes a sample and compares it with that of the reading before.
func (d *driver) activity(dev nvml.Device, of unit) *Activity {
	lib := d.lib
	if !d.can("nvmlGpmSampleFree") {
		return nil
	}
	fresh := read(d, "nvmlGpmSampleAlloc", lib.GpmSampleAlloc)
	if fresh == nil {
		return nil
	}
	var taken *bool
	if of.instance < 0 {
		taken = read(d, "nvmlGpmSampleGet", func() (bool, nvml.Return) { return true, lib.GpmSampleGet(dev, *fresh) })
	} else {
		taken = read(d, "nvmlGpmMigSampleGet", func() (bool, nvml.Return) { return true, lib.GpmMigSampleGet(dev, of.instance, *fresh) })
	}
	old := d.gpm.last[of]
	delete(d.gpm.last, of)
	var a *Activity
	if taken != nil && old != nil {
		a = d.compare(old, *fresh)
	}
	if old != nil {
		d.free(old)
	}
	if taken != nil {
		d.gpm.last[of] = *fresh
	} else {
		d.free(*fresh)
	}
	return a
}

func (d *driver) free(sample nvml.GpmSample) {
	lib := d.lib
	read(d, "nvmlGpmSampleFree", func() (bool, nvml.Return) { return true, lib.GpmSampleFree(sample) })
}

func (d *driver) compare(old, fresh nvml.GpmSample) *Activity {
	lib := d.lib
	get := &nvml.GpmMetricsGetType{NumMetrics: uint32(len(gpmMetrics)), Sample1: old, Sample2: fresh}
	for i, id := range gpmMetrics {
		get.Metrics[i].MetricId = uint32(id)
	}
	if read(d, "nvmlGpmMetricsGet", func() (bool, nvml.Return) { return true, lib.GpmMetricsGet(get) }) == nil {
		return nil
	}
	var share [len(gpmMetrics)]*float64
	for i, m := range get.Metrics[:len(gpmMetrics)] {
		if nvml.Return(m.NvmlReturn) == nvml.SUCCESS && m.Value >= 0 && m.Value <= 100 {
			v := m.Value / 100
			share[i] = &v
		}
	}
	return &Activity{Graphics: share[0], SM: share[1], Occupancy: share[2], Tensor: share[3], DRAM: share[4]}
}

// reset forgets the samples at the end of an opening.
func (g *gpm) reset() { g.last, g.no = map[unit]nvml.GpmSample{}, map[string]bool{} }
