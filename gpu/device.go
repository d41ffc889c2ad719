// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"encoding/binary"
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

// device reads one GPU. It is up if it says how full it is.
func (d *driver) device(dev nvml.Device, to *Device, slow bool) {
	to.Memory = d.memory(dev)
	to.Up = to.UUID != "" && to.Memory != nil
	if !to.Up {
		return
	}
	was, known := d.standing[to.UUID]
	if slow || !known {
		was = d.stand(dev)
		d.standing[to.UUID] = was
	}
	to.Standing = was.Standing
	d.load(dev, to)
	d.power(dev, to)
	d.throttled(dev, to)
	d.fields(dev, to)
	if was.mig {
		d.instances(was.parts, to)
	} else {
		to.Processes = d.processes(dev)
	}
	d.activities(dev, to, was.mig)
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
func (d *driver) memory(dev nvml.Device) *Memory {
	if m := read(d, "nvmlDeviceGetMemoryInfo_v2", dev.GetMemoryInfo_v2); m != nil {
		return &Memory{Total: m.Total, Used: m.Used, Free: m.Free, Reserved: &m.Reserved}
	}
	if m := read(d, "nvmlDeviceGetMemoryInfo", dev.GetMemoryInfo); m != nil {
		return &Memory{Total: m.Total, Used: m.Used, Free: m.Free}
	}
	return nil
}

func percent(v *uint32) *float64 {
	if v == nil || *v > 100 {
		return nil
	}
	f := float64(*v) / 100
	return &f
}

var clockDomains = []struct {
	kind nvml.ClockType
	name string
}{{nvml.CLOCK_GRAPHICS, "graphics"}, {nvml.CLOCK_SM, "sm"}, {nvml.CLOCK_MEM, "memory"}, {nvml.CLOCK_VIDEO, "video"}}

func (d *driver) load(dev nvml.Device, to *Device) {
	if u := read(d, "nvmlDeviceGetUtilizationRates", dev.GetUtilizationRates); u != nil {
		to.Utilization, to.MemoryIO = percent(&u.Gpu), percent(&u.Memory)
	}
	to.Encoder = percent(read(d, "nvmlDeviceGetEncoderUtilization", func() (uint32, nvml.Return) { v, _, r := dev.GetEncoderUtilization(); return v, r }))
	to.Decoder = percent(read(d, "nvmlDeviceGetDecoderUtilization", func() (uint32, nvml.Return) { v, _, r := dev.GetDecoderUtilization(); return v, r }))
	to.mean = d.mean(dev, to.UUID)
	for _, c := range clockDomains {
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

func (d *driver) throttled(dev nvml.Device, to *Device) {
	now := read(d, "nvmlDeviceGetCurrentClocksEventReasons", dev.GetCurrentClocksEventReasons)
	if now == nil { // before R535
		now = read(d, "nvmlDeviceGetCurrentClocksThrottleReasons", dev.GetCurrentClocksThrottleReasons)
	}
	known := read(d, "nvmlDeviceGetSupportedClocksEventReasons", dev.GetSupportedClocksEventReasons)
	if known == nil {
		known = read(d, "nvmlDeviceGetSupportedClocksThrottleReasons", dev.GetSupportedClocksThrottleReasons)
	}
	for _, r := range throttleReasons {
		if now != nil && (known == nil || *known&r.bit != 0) {
			to.Throttle = append(to.Throttle, Throttle{r.name, *now&r.bit != 0})
		}
	}
}

// mean returns the mean of the utilisation samples that the driver took since
// the last reading, nil where it took none or has none. A rate that is read
// once a second misses what lies between.
func (d *driver) mean(dev nvml.Device, uuid string) *float64 {
	last := d.sampled[uuid]
	var kind nvml.ValueType
	samples := read(d, "nvmlDeviceGetSamples", func() ([]nvml.Sample, nvml.Return) {
		var all []nvml.Sample
		var r nvml.Return
		kind, all, r = dev.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, last)
		return all, r
	})
	if samples == nil || kind != nvml.VALUE_TYPE_UNSIGNED_INT {
		return nil
	}
	sum, n := 0.0, 0
	for _, s := range *samples {
		v := binary.NativeEndian.Uint32(s.SampleValue[:])
		if s.TimeStamp <= last || v > 100 {
			continue // an old one, or a place without a sample
		}
		d.sampled[uuid] = max(d.sampled[uuid], s.TimeStamp)
		sum, n = sum+float64(v)/100, n+1
	}
	if n == 0 || last == 0 {
		return nil // at the first reading, samples of before modeltap
	}
	sum /= float64(n)
	return &sum
}
