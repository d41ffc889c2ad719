// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/host"
)

// Host is a collector of the host's figures. They are the machine's, not a
// container's.
type Host struct {
	snapshot func() host.Snapshot
	compat   bool

	cpu, cpus, memory, available, swap, swapFree          family
	load                                                  [3]family
	waiting, stalled, read, written, busy, received, sent family
	boot, info, compatCPU, compatMemory                   family
}

// NewHost returns a collector of what snapshot returns. With compat set it has
// the names of hand-written exporters too.
func NewHost(snapshot func() host.Snapshot, compat bool) *Host {
	return &Host{
		snapshot: snapshot, compat: compat,
		cpu:       counter("host_cpu_seconds_total", "Seconds that all processors of the host spent in each mode. Time of guests is part of user and nice.", "mode"),
		cpus:      gauge("host_cpus", "Logical processors of the host."),
		memory:    gauge("host_memory_total_bytes", "Memory of the host."),
		available: gauge("host_memory_available_bytes", "Memory that programs can have without swapping, as the kernel estimates it. What is used is the total less this."),
		swap:      gauge("host_swap_total_bytes", "Swap space of the host."),
		swapFree:  gauge("host_swap_free_bytes", "Swap space that is not in use."),
		load: [3]family{
			gauge("host_load1", "Tasks that ran or waited to run, or waited for a disk, over the last minute."),
			gauge("host_load5", "The same over 5 minutes."), gauge("host_load15", "The same over 15 minutes."),
		},
		waiting:      counter("host_pressure_waiting_seconds_total", "Seconds in which at least one task waited for the resource (pressure stall information, some).", "resource"),
		stalled:      counter("host_pressure_stalled_seconds_total", "Seconds in which all tasks waited for the resource (pressure stall information, full).", "resource"),
		read:         counter("host_disk_read_bytes_total", "Bytes read from the disk.", "device"),
		written:      counter("host_disk_written_bytes_total", "Bytes written to the disk.", "device"),
		busy:         counter("host_disk_io_time_seconds_total", "Seconds in which the disk had something to do.", "device"),
		received:     counter("host_network_receive_bytes_total", "Bytes received by the interface. Interfaces of single containers are left out.", "device"),
		sent:         counter("host_network_transmit_bytes_total", "Bytes sent by the interface.", "device"),
		boot:         gauge("host_boot_time_seconds", "Unix time at which the host started."),
		info:         gauge("host_info", "What host it is.", "os", "version", "kernel", "arch"),
		compatCPU:    gauge("cpu_usage_percent", "Share of the last second in which the host's processors worked. For dashboards of other exporters: rate(host_cpu_seconds_total) says it over any time."),
		compatMemory: gauge("memory_usage_mb", "Memory of the host that is in use, MiB. For dashboards of other exporters: host_memory_total_bytes - host_memory_available_bytes."),
	}
}

func (h *Host) families() []family {
	all := []family{h.cpu, h.cpus, h.memory, h.available, h.swap, h.swapFree, h.load[0], h.load[1], h.load[2], h.waiting, h.stalled,
		h.read, h.written, h.busy, h.received, h.sent, h.boot, h.info}
	if h.compat {
		all = append(all, h.compatCPU, h.compatMemory)
	}
	return all
}

// Describe implements prometheus.Collector.
func (h *Host) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range h.families() {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector. What could not be read is absent.
func (h *Host) Collect(ch chan<- prometheus.Metric) {
	s := h.snapshot()
	if c := s.CPU; c != nil {
		for m, seconds := range c.Seconds {
			h.cpu.emit(ch, seconds, host.Mode(m).String())
		}
		if c.Count > 0 {
			h.cpus.emit(ch, float64(c.Count))
		}
		if h.compat && c.Percent >= 0 {
			h.compatCPU.emit(ch, c.Percent)
		}
	}
	if s.Load != nil {
		for i, v := range s.Load {
			h.load[i].emit(ch, v)
		}
	}
	if m := s.Memory; m != nil {
		h.memory.emit(ch, float64(m.Total))
		h.available.emit(ch, float64(m.Available))
		h.swap.emit(ch, float64(m.SwapTotal))
		h.swapFree.emit(ch, float64(m.SwapFree))
		if h.compat {
			h.compatMemory.emit(ch, (float64(m.Total)-float64(m.Available))/(1<<20))
		}
	}
	for _, p := range s.Pressure {
		h.waiting.emit(ch, p.Waiting, p.Resource)
		if p.HasStalled {
			h.stalled.emit(ch, p.Stalled, p.Resource)
		}
	}
	for _, d := range s.Disks {
		h.read.emit(ch, float64(d.ReadBytes), d.Device)
		h.written.emit(ch, float64(d.Written), d.Device)
		h.busy.emit(ch, d.BusySeconds, d.Device)
	}
	for _, n := range s.Network {
		h.received.emit(ch, float64(n.Received), n.Device)
		h.sent.emit(ch, float64(n.Sent), n.Device)
	}
	if s.Boot > 0 {
		h.boot.emit(ch, float64(s.Boot))
	}
	if i := s.Info; i != nil {
		h.info.emit(ch, 1, i.OS, i.Version, i.Kernel, i.Architecture)
	}
}
