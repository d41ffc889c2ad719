// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// slowEvery is how many readings lie between two of what changes seldom: some
// of it takes many calls.
const slowEvery = 5

// standing is what was read of a GPU at the last slow reading.
type standing struct {
	Standing
	mig   bool
	parts []partition
}

func (d *driver) stand(dev nvml.Device) (s standing) {
	if v := read(d, "nvmlDeviceGetName", dev.GetName); v != nil {
		s.Name = *v
	}
	if v := read(d, "nvmlDeviceGetVbiosVersion", dev.GetVbiosVersion); v != nil {
		s.VBIOS = *v
	}
	if v := read(d, "nvmlDeviceGetPciInfo_v3", dev.GetPciInfo); v != nil {
		s.PCI = text(v.BusId[:])
	}
	for _, c := range clockDomains {
		if v := read(d, "nvmlDeviceGetMaxClockInfo", func() (uint32, nvml.Return) { return dev.GetMaxClockInfo(c.kind) }); v != nil {
			s.ClocksMax = append(s.ClocksMax, Clock{c.name, float64(*v) * 1e6})
		}
	}
	for _, l := range []struct {
		kind nvml.TemperatureThresholds
		name string
	}{
		{nvml.TEMPERATURE_THRESHOLD_SHUTDOWN, "shutdown"}, {nvml.TEMPERATURE_THRESHOLD_SLOWDOWN, "slowdown"},
		{nvml.TEMPERATURE_THRESHOLD_GPU_MAX, "gpu_max"}, {nvml.TEMPERATURE_THRESHOLD_MEM_MAX, "memory_max"},
	} {
		if v := read(d, "nvmlDeviceGetTemperatureThreshold", func() (uint32, nvml.Return) { return dev.GetTemperatureThreshold(l.kind) }); v != nil && *v > 0 {
			s.Limits = append(s.Limits, Limit{l.name, float64(*v)})
		}
	}
	s.Replays = read(d, "nvmlDeviceGetPcieReplayCounter", dev.GetPcieReplayCounter)
	s.Link = read(d, "nvmlDeviceGetCurrPcieLinkGeneration", dev.GetCurrPcieLinkGeneration)
	s.LinkWidth = read(d, "nvmlDeviceGetCurrPcieLinkWidth", dev.GetCurrPcieLinkWidth)
	s.LinkMax = read(d, "nvmlDeviceGetMaxPcieLinkGeneration", dev.GetMaxPcieLinkGeneration)
	s.LinkWidthMax = read(d, "nvmlDeviceGetMaxPcieLinkWidth", dev.GetMaxPcieLinkWidth)
	s.Links = d.links(dev)
	d.errors(dev, &s)
	s.parts, s.mig = d.partitions(dev)
	return s
}

// errors reads what is wrong with the memory.
func (d *driver) errors(dev nvml.Device, s *standing) {
	for _, c := range []struct {
		kind        nvml.MemoryErrorType
		scope       nvml.EccCounterType
		name, named string
	}{
		{nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.VOLATILE_ECC, "corrected", "volatile"},
		{nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC, "uncorrected", "volatile"},
		{nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.AGGREGATE_ECC, "corrected", "aggregate"},
		{nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.AGGREGATE_ECC, "uncorrected", "aggregate"},
	} {
		if n := read(d, "nvmlDeviceGetTotalEccErrors", func() (uint64, nvml.Return) { return dev.GetTotalEccErrors(c.kind, c.scope) }); n != nil {
			s.ECC = append(s.ECC, ECC{c.name, c.named, *n})
		}
	}
	s.Remapped = read(d, "nvmlDeviceGetRemappedRows", func() (Remapped, nvml.Return) {
		c, u, pending, failed, r := dev.GetRemappedRows()
		return Remapped{c, u, pending, failed}, r
	})
	for _, c := range []struct {
		cause nvml.PageRetirementCause
		name  string
	}{{nvml.PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS, "multiple_single_bit"}, {nvml.PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR, "double_bit"}} {
		if pages := read(d, "nvmlDeviceGetRetiredPages", func() ([]uint64, nvml.Return) { return dev.GetRetiredPages(c.cause) }); pages != nil {
			s.Retired = append(s.Retired, Retired{c.name, len(*pages)})
		}
	}
	if v := read(d, "nvmlDeviceGetRetiredPagesPendingStatus", dev.GetRetiredPagesPendingStatus); v != nil {
		pending := *v == nvml.FEATURE_ENABLED
		s.RetirementsPending = &pending
	}
}
