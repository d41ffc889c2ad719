// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"math"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// partition is a MIG device: a compute instance of a GPU instance. A GPU
// instance may have several, which share its memory.
type partition struct {
	handle nvml.Device
	Instance
}

// partitions lists the MIG devices of a GPU. On says whether it is in MIG mode.
func (d *driver) partitions(dev nvml.Device) (all []partition, on bool) {
	mode := read(d, "nvmlDeviceGetMigMode", func() (int, nvml.Return) { now, _, r := dev.GetMigMode(); return now, r })
	if mode == nil || *mode != nvml.DEVICE_MIG_ENABLE {
		return nil, false
	}
	n := read(d, "nvmlDeviceGetMaxMigDeviceCount", dev.GetMaxMigDeviceCount)
	if n == nil {
		return nil, true
	}
	for i := range *n {
		handle := read(d, "nvmlDeviceGetMigDeviceHandleByIndex", func() (nvml.Device, nvml.Return) { return dev.GetMigDeviceHandleByIndex(i) })
		if handle == nil {
			continue // this place is empty
		}
		dev := *handle
		p := partition{handle: dev, Instance: Instance{GPU: -1, Compute: -1}}
		if v := read(d, "nvmlDeviceGetUUID", dev.GetUUID); v != nil {
			p.UUID = *v
		}
		if v := read(d, "nvmlDeviceGetGpuInstanceId", dev.GetGpuInstanceId); v != nil {
			p.GPU = *v
		}
		if v := read(d, "nvmlDeviceGetComputeInstanceId", dev.GetComputeInstanceId); v != nil {
			p.Compute = *v
		}
		if v := read(d, "nvmlDeviceGetName", dev.GetName); v != nil {
			p.Profile = profile(*v)
		}
		if p.UUID != "" && p.GPU >= 0 {
			all = append(all, p)
		}
	}
	return all, true
}

// profile returns the profile in a MIG device's name, such as 1g.10gb of
// "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
func profile(name string) string {
	_, p, found := strings.Cut(name, " MIG ")
	if !found {
		return ""
	}
	return p
}

// instances reads the MIG devices as of now. Memory belongs to the GPU
// instance: it is told with the first of those that share it.
func (d *driver) instances(parts []partition, to *Device) {
	seen := map[int]bool{}
	for _, p := range parts {
		one := p.Instance
		if !seen[one.GPU] {
			seen[one.GPU] = true
			one.Memory = d.memory(p.handle)
		}
		to.Instances = append(to.Instances, one)
		to.Processes = append(to.Processes, d.processes(p.handle)...)
	}
}

// processes lists who computes on a GPU or MIG device. Memory that the driver
// does not tell is left out with its process.
func (d *driver) processes(dev nvml.Device) (all []Process) {
	list := read(d, "nvmlDeviceGetComputeRunningProcesses_v3", dev.GetComputeRunningProcesses)
	if list == nil {
		return nil
	}
	for _, p := range *list {
		if p.UsedGpuMemory != math.MaxUint64 {
			all = append(all, Process{int(p.Pid), p.UsedGpuMemory})
		}
	}
	return all
}
