// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
)

// GPU is a collector of what NVML says. Of a host that never had a driver it
// says nothing.
type GPU struct {
	snapshot func() gpu.Snapshot
	compat   bool

	up, success, devices, took, info                         family
	total, used, free, reserved                              family
	utilization, memoryIO, encoder, decoder, busy            family
	temperature, power, limit, energy, fan, state, clock     family
	throttle, ecc, remapped, remapPending, remapFailed       family
	replays, linkGeneration, linkWidth, processes, compatMem family
	xids, xidLast, succeeded, recovery                       family
	clockMax, limits, linkGenerationMax, linkWidthMax        family
	throttleTime, retired, retirePending                     family
	pcieSent, pcieReceived, nvlinkSent, nvlinkReceived       family
	nvlinkUp, nvlinkErrors                                   family
	activity                                                 activityFamilies
	mig                                                      migFamilies
}

// NewGPU returns a collector of what snapshot returns. With compat set it has
// the name of hand-written exporters too.
func NewGPU(snapshot func() gpu.Snapshot, compat bool) *GPU {
	g := func(name, help string, more ...string) family {
		return gauge(name, help, append([]string{"uuid", "gpu"}, more...)...)
	}
	c := func(name, help string, more ...string) family {
		return counter(name, help, append([]string{"uuid", "gpu"}, more...)...)
	}
	return &GPU{
		snapshot: snapshot, compat: compat,
		up:                g("gpu_up", "Whether the GPU answered at the last reading."),
		success:           gauge("gpu_collect_success", "Whether the last reading of all GPUs was whole. At 0, see gpu_up and the log. Absent on hosts that never had a driver."),
		devices:           gauge("gpu_devices", "GPUs that the driver has."),
		took:              gauge("gpu_collect_duration_seconds", "How long the last reading took."),
		info:              g("gpu_info", "What GPU it is.", "name", "pci_bus_id", "vbios", "driver_version", "cuda_version"),
		total:             g("gpu_memory_total_bytes", "Memory of the GPU."),
		used:              g("gpu_memory_used_bytes", "Memory in use, without what the driver reserves where it tells that (R510 and later)."),
		free:              g("gpu_memory_free_bytes", "Memory that can be had."),
		reserved:          g("gpu_memory_reserved_bytes", "Memory that the driver keeps for itself."),
		utilization:       g("gpu_utilization_ratio", "Share of the last sample period in which a kernel ran, 0 to 1. It does not say how much of the GPU it used."),
		memoryIO:          g("gpu_memory_io_utilization_ratio", "Share of the last sample period in which memory was read or written, 0 to 1. It does not say how full it is."),
		encoder:           g("gpu_encoder_utilization_ratio", "Share of time in which the video encoder worked."),
		decoder:           g("gpu_decoder_utilization_ratio", "Share of time in which the video decoder worked."),
		busy:              c("gpu_busy_seconds_total", "Utilisation added up once a second since modeltap started: its rate is the mean between scrapes."),
		temperature:       g("gpu_temperature_celsius", "Temperature of the GPU, or of its memory.", "sensor"),
		power:             g("gpu_power_watts", "Power drawn; from Ampere on the mean of the last second."),
		limit:             g("gpu_power_limit_watts", "Power that the GPU may draw now."),
		energy:            c("gpu_energy_joules_total", "Energy since the driver was loaded."),
		fan:               g("gpu_fan_speed_ratio", "Speed that the fan is to have; 1 is its maximum."),
		state:             g("gpu_performance_state", "Performance state, 0 (busiest) to 15."),
		clock:             g("gpu_clock_hertz", "Clock.", "domain"),
		throttle:          g("gpu_throttle_active", "Whether the GPU is clocked lower for this reason now, of the reasons that it knows.", "reason"),
		ecc:               c("gpu_ecc_errors_total", "Memory errors, since the driver was loaded (volatile) or ever (aggregate).", "type", "scope"),
		remapped:          g("gpu_remapped_rows", "Rows of memory that were replaced.", "cause"),
		remapPending:      g("gpu_remapped_rows_pending", "Whether rows will be replaced at the next reset."),
		remapFailed:       g("gpu_remapped_rows_failure", "Whether replacing a row failed: the GPU should be exchanged."),
		replays:           c("gpu_pcie_replays_total", "PCIe packets that were sent again."),
		linkGeneration:    g("gpu_pcie_link_generation", "PCIe generation in use."),
		linkWidth:         g("gpu_pcie_link_width", "PCIe lanes in use."),
		processes:         g("gpu_processes", "Processes that compute on the GPU."),
		succeeded:         gauge("gpu_last_collect_success_timestamp_seconds", "Unix time of the last whole reading of all GPUs."),
		recovery:          g("gpu_recovery_action", "What the driver asks for to cure the GPU: 0 nothing, 1 reset it, 2 reboot the node, 3 drain its peers, 4 drain and reset it, 5 recover the IMEX domain, 6 reset the bus, 7 reboot the system."),
		clockMax:          g("gpu_clock_max_hertz", "Highest clock.", "domain"),
		limits:            g("gpu_temperature_limit_celsius", "Temperature from which the GPU slows down (slowdown), ends (shutdown), or that it or its memory should not pass (gpu_max, memory_max).", "limit"),
		linkGenerationMax: g("gpu_pcie_link_max_generation", "PCIe generation that GPU and slot can. In use may be less while the GPU is idle."),
		linkWidthMax:      g("gpu_pcie_link_max_width", "PCIe lanes that GPU and slot have. Fewer in use under load mean a bad seat or riser."),
		throttleTime:      c("gpu_throttle_seconds_total", "Time in which the GPU was clocked lower for this reason since the driver was loaded, short times included.", "reason"),
		retired:           g("gpu_retired_pages", "Pages of memory that are not used any more (before Ampere).", "cause"),
		retirePending:     g("gpu_retired_pages_pending", "Whether pages will be retired at the next reset."),
		pcieSent:          c("gpu_pcie_transmit_bytes_total", "Bytes that the GPU sent over PCIe. The driver's counter may wrap."),
		pcieReceived:      c("gpu_pcie_receive_bytes_total", "Bytes that the GPU received over PCIe. The driver's counter may wrap."),
		nvlinkSent:        c("gpu_nvlink_transmit_bytes_total", "Bytes that the GPU sent over all its NVLinks."),
		nvlinkReceived:    c("gpu_nvlink_receive_bytes_total", "Bytes that the GPU received over all its NVLinks."),
		nvlinkUp:          g("gpu_nvlink_up", "Whether the NVLink is up.", "link"),
		nvlinkErrors:      c("gpu_nvlink_errors_total", "Errors of the NVLink.", "link", "type"),
		activity:          newActivityFamilies("gpu_", "", "uuid", "gpu"),
		mig:               newMIGFamilies(),
		xids:              c("gpu_xid_errors_total", "XID errors that the GPU reported since modeltap started.", "xid"),
		xidLast:           g("gpu_xid_last_timestamp_seconds", "Unix time of the last XID error of this code.", "xid"),
		compatMem:         gauge("gpu_memory_used_mb", "gpu_memory_used_bytes in MiB, for dashboards of other exporters.", "device"),
	}
}

func (g *GPU) families() []family {
	all := []family{g.up, g.success, g.devices, g.took, g.info, g.total, g.used, g.free, g.reserved, g.utilization, g.memoryIO, g.encoder, g.decoder,
		g.busy, g.temperature, g.power, g.limit, g.energy, g.fan, g.state, g.clock, g.throttle, g.ecc, g.remapped, g.remapPending, g.remapFailed,
		g.replays, g.linkGeneration, g.linkWidth, g.processes, g.xids, g.xidLast, g.succeeded, g.recovery, g.clockMax, g.limits,
		g.linkGenerationMax, g.linkWidthMax, g.throttleTime, g.retired, g.retirePending, g.pcieSent, g.pcieReceived, g.nvlinkSent, g.nvlinkReceived,
		g.nvlinkUp, g.nvlinkErrors}
	all = append(all, g.activity[:]...)
	all = append(all, g.mig.all()...)
	if g.compat {
		all = append(all, g.compatMem)
	}
	return all
}

// Describe implements prometheus.Collector.
func (g *GPU) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range g.families() {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (g *GPU) Collect(ch chan<- prometheus.Metric) {
	s := g.snapshot()
	if !s.Known {
		return
	}
	g.success.emit(ch, number01(s.Success))
	g.took.emit(ch, s.Took.Seconds())
	g.devices.emit(ch, float64(len(s.Devices)))
	if !s.Succeeded.IsZero() {
		g.succeeded.emit(ch, float64(s.Succeeded.UnixMilli())/1e3)
	}
	for i := range s.Devices {
		g.device(ch, &s.Devices[i], &s)
	}
}

func number01(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// A deviceID is the labels that every metric of a device has.
type deviceID []string

func (id deviceID) with(more ...string) []string { return append(id[:2:2], more...) }

func (g *GPU) device(ch chan<- prometheus.Metric, d *gpu.Device, s *gpu.Snapshot) {
	id := deviceID{d.UUID, strconv.Itoa(d.Index)}
	g.up.emit(ch, number01(d.Up), id...)
	for _, x := range d.XIDs { // the last of a GPU may be why it is lost
		g.xids.emit(ch, float64(x.N), id.with(strconv.Itoa(x.Code))...)
		g.xidLast.emit(ch, float64(x.Last.UnixMilli())/1e3, id.with(strconv.Itoa(x.Code))...)
	}
	if !d.Up {
		return
	}
	g.info.emit(ch, 1, id.with(d.Name, d.PCI, d.VBIOS, s.Driver, s.CUDA)...)
	if m := d.Memory; m != nil {
		g.total.emit(ch, float64(m.Total), id...)
		g.used.emit(ch, float64(m.Used), id...)
		g.free.emit(ch, float64(m.Free), id...)
		if m.Reserved != nil {
			g.reserved.emit(ch, float64(*m.Reserved), id...)
		}
		if g.compat {
			g.compatMem.emit(ch, float64(m.Used)/(1<<20), "cuda:"+id[1])
		}
	}
	for _, v := range []struct {
		f     family
		value *float64
	}{
		{g.utilization, d.Utilization}, {g.memoryIO, d.MemoryIO}, {g.encoder, d.Encoder}, {g.decoder, d.Decoder}, {g.busy, d.Busy},
		{g.power, d.Power}, {g.limit, d.PowerLimit}, {g.energy, d.Energy}, {g.fan, d.Fan},
	} {
		if v.value != nil {
			v.f.emit(ch, *v.value, id...)
		}
	}
	if d.Temperature != nil {
		g.temperature.emit(ch, *d.Temperature, id.with("gpu")...)
	}
	if d.MemoryTemperature != nil {
		g.temperature.emit(ch, *d.MemoryTemperature, id.with("memory")...)
	}
	for _, v := range []struct {
		f     family
		value *int
	}{{g.state, d.State}, {g.replays, d.Replays}, {g.linkGeneration, d.Link}, {g.linkWidth, d.LinkWidth},
		{g.linkGenerationMax, d.LinkMax}, {g.linkWidthMax, d.LinkWidthMax}, {g.recovery, d.Recovery}} {
		if v.value != nil {
			v.f.emit(ch, float64(*v.value), id...)
		}
	}
	for _, c := range d.Clocks {
		g.clock.emit(ch, c.Hertz, id.with(c.Domain)...)
	}
	for _, r := range d.Throttle {
		g.throttle.emit(ch, number01(r.Active), id.with(r.Reason)...)
	}
	for _, e := range d.ECC {
		g.ecc.emit(ch, float64(e.N), id.with(e.Type, e.Scope)...)
	}
	if r := d.Remapped; r != nil {
		g.remapped.emit(ch, float64(r.Corrected), id.with("corrected")...)
		g.remapped.emit(ch, float64(r.Uncorrected), id.with("uncorrected")...)
		g.remapPending.emit(ch, number01(r.Pending), id...)
		g.remapFailed.emit(ch, number01(r.Failed), id...)
	}
	g.processes.emit(ch, float64(len(d.Processes)), id...)
	g.links(ch, d, id)
	g.seldom(ch, d, id)
	g.activity.emit(ch, d.Activity, id...)
	g.mig.emit(ch, d, id)
}
