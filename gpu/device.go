// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// throttleReasons are the bits of nvmlClocksEventReasons (nvml.h), less the
// clocks that somebody set.
var throttleReasons = []struct {
	bit  uint64
	name string
}{
	{1, "idle"}, {4, "sw_power_cap"}, {8, "hw_slowdown"}, {16, "sync_boost"}, {32, "sw_thermal"}, {64, "hw_thermal"}, {128, "hw_power_brake"}, {256, "display"},
}

// device reads one GPU. It is up if it says who it is and how full it is.
func (d *driver) device(dev nvml.Device, to *Device) {
	if v := read(d, "nvmlDeviceGetUUID", dev.GetUUID); v != nil {
		to.UUID = *v
	}
	if v := read(d, "nvmlDeviceGetName", dev.GetName); v != nil {
		to.Name = *v
	}
	if v := read(d, "nvmlDeviceGetVbiosVersion", dev.GetVbiosVersion); v != nil {
		to.VBIOS = *v
	}
	if v := read(d, "nvmlDeviceGetPciInfo_v3", dev.GetPciInfo); v != nil {
		to.PCI = text(v.BusId[:])
	}
	d.memory(dev, to)
	to.Up = to.UUID != "" && to.Memory != nil
	d.load(dev, to)
	d.power(dev, to)
	d.health(dev, to)
	d.processes(dev, to)
}

func text(b []int8) string {
	var out []byte
	for _, c := range b {
		if c == 0 {
			break
		}
		out = append(out, byte(c))
	}
	return string(out)
}

// memory reads version 2 where there is one: in version 1, drivers from R510 on
// count what is reserved as used.
func (d *driver) memory(dev nvml.Device, to *Device) {
	if m := read(d, "nvmlDeviceGetMemoryInfo_v2", dev.GetMemoryInfo_v2); m != nil {
		to.Memory = &Memory{Total: m.Total, Used: m.Used, Free: m.Free, Reserved: &m.Reserved}
	} else if m := read(d, "nvmlDeviceGetMemoryInfo", dev.GetMemoryInfo); m != nil {
		to.Memory = &Memory{Total: m.Total, Used: m.Used, Free: m.Free}
	}
}

func percent(v *uint32) *float64 {
	if v == nil || *v > 100 {
		return nil
	}
	f := float64(*v) / 100
	return &f
}

func (d *driver) load(dev nvml.Device, to *Device) {
	if u := read(d, "nvmlDeviceGetUtilizationRates", dev.GetUtilizationRates); u != nil {
		to.Utilization, to.MemoryIO = percent(&u.Gpu), percent(&u.Memory)
	}
	to.Encoder = percent(read(d, "nvmlDeviceGetEncoderUtilization", func() (uint32, nvml.Return) { v, _, r := dev.GetEncoderUtilization(); return v, r }))
	to.Decoder = percent(read(d, "nvmlDeviceGetDecoderUtilization", func() (uint32, nvml.Return) { v, _, r := dev.GetDecoderUtilization(); return v, r }))
	for _, c := range []struct {
		kind nvml.ClockType
		name string
	}{{nvml.CLOCK_GRAPHICS, "graphics"}, {nvml.CLOCK_SM, "sm"}, {nvml.CLOCK_MEM, "memory"}, {nvml.CLOCK_VIDEO, "video"}} {
		if v := read(d, "nvmlDeviceGetClockInfo", func() (uint32, nvml.Return) { return dev.GetClockInfo(c.kind) }); v != nil {
			to.Clocks = append(to.Clocks, Clock{c.name, float64(*v) * 1e6})
		}
	}
	if p := read(d, "nvmlDeviceGetPerformanceState", dev.GetPerformanceState); p != nil && *p <= nvml.PSTATE_15 {
		n := int(*p)
		to.State = &n
	}
}

func scaled(v *uint32, by float64) *float64 {
	if v == nil || *v == math.MaxUint32 {
		return nil
	}
	f := float64(*v) * by
	return &f
}

func (d *driver) power(dev nvml.Device, to *Device) {
	to.Power = scaled(read(d, "nvmlDeviceGetPowerUsage", dev.GetPowerUsage), 1e-3)
	to.PowerLimit = scaled(read(d, "nvmlDeviceGetEnforcedPowerLimit", dev.GetEnforcedPowerLimit), 1e-3)
	if v := read(d, "nvmlDeviceGetTotalEnergyConsumption", dev.GetTotalEnergyConsumption); v != nil && *v != math.MaxUint64 {
		j := float64(*v) / 1e3
		to.Energy = &j
	}
	to.Temperature = scaled(read(d, "nvmlDeviceGetTemperature", func() (uint32, nvml.Return) { return dev.GetTemperature(nvml.TEMPERATURE_GPU) }), 1)
	to.Fan = scaled(read(d, "nvmlDeviceGetFanSpeed", dev.GetFanSpeed), 1e-2)
}

func (d *driver) health(dev nvml.Device, to *Device) {
	now := read(d, "nvmlDeviceGetCurrentClocksEventReasons", dev.GetCurrentClocksEventReasons)
	if now == nil { // before R535
		now = read(d, "nvmlDeviceGetCurrentClocksThrottleReasons", dev.GetCurrentClocksThrottleReasons)
	}
	known := read(d, "nvmlDeviceGetSupportedClocksThrottleReasons", dev.GetSupportedClocksThrottleReasons)
	for _, r := range throttleReasons {
		if now != nil && (known == nil || *known&r.bit != 0) {
			to.Throttle = append(to.Throttle, Throttle{r.name, *now&r.bit != 0})
		}
	}
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
			to.ECC = append(to.ECC, ECC{c.name, c.named, *n})
		}
	}
	to.Replays = read(d, "nvmlDeviceGetPcieReplayCounter", dev.GetPcieReplayCounter)
	to.Link = read(d, "nvmlDeviceGetCurrPcieLinkGeneration", dev.GetCurrPcieLinkGeneration)
	to.LinkWidth = read(d, "nvmlDeviceGetCurrPcieLinkWidth", dev.GetCurrPcieLinkWidth)
	to.Remapped = read(d, "nvmlDeviceGetRemappedRows", func() (Remapped, nvml.Return) {
		c, u, pending, failed, r := dev.GetRemappedRows()
		return Remapped{c, u, pending, failed}, r
	})
}

// processes lists who computes on the GPU. Memory that the driver does not tell
// is left out with its process.
func (d *driver) processes(dev nvml.Device, to *Device) {
	list := read(d, "nvmlDeviceGetComputeRunningProcesses_v3", dev.GetComputeRunningProcesses)
	if list == nil {
		return
	}
	for _, p := range *list {
		if p.UsedGpuMemory != math.MaxUint64 {
			to.Processes = append(to.Processes, Process{int(p.Pid), p.UsedGpuMemory})
		}
	}
}
