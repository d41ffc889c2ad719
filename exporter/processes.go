// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// processDescs are the figures of the model servers' processes.
type processDescs struct{ processes, cpu, resident, files, threads, gpuMemory family }

func newProcessDescs() *processDescs {
	return &processDescs{
		processes: gauge("model_server_processes", "Processes of the model server: the one that listens and all that descend from it.", "server"),
		cpu:       counter("model_server_cpu_seconds_total", "Processor time of the model server's processes.", "server"),
		resident:  gauge("model_server_resident_memory_bytes", "Resident memory of the model server's processes. Pages that they share count for each.", "server"),
		files:     gauge("model_server_open_files", "Open file descriptors of the model server's processes.", "server"),
		gpuMemory: gauge("model_server_gpu_memory_bytes", "Memory of a GPU that the model server's processes hold, and others in its container, as the driver tells of each process.", "server", "uuid", "gpu"),
		threads:   gauge("model_server_threads", "Threads of the model server's processes.", "server"),
	}
}

func (d *processDescs) describe(ch chan<- *prometheus.Desc) {
	for _, f := range []family{d.processes, d.cpu, d.resident, d.files, d.threads, d.gpuMemory} {
		ch <- f.desc
	}
}

// collect sends the figures of servers whose process is known. Several servers
// of one name are told of by the first.
func (d *processDescs) collect(ch chan<- prometheus.Metric, servers []event.Server, read func(map[string]int, []int) map[string]host.Tree, gpus []gpu.Device) {
	pids := make(map[string]int, len(servers))
	for i := range servers {
		name := event.Label(servers[i].Name)
		if servers[i].PID > 0 && pids[name] == 0 {
			pids[name] = servers[i].PID
		}
	}
	if len(pids) == 0 {
		return
	}
	var others []int
	for i := range gpus {
		for _, p := range gpus[i].Processes {
			others = append(others, p.PID)
		}
	}
	for name, t := range read(pids, others) {
		d.processes.emit(ch, float64(t.Processes), name)
		d.cpu.emit(ch, t.CPUSeconds, name)
		d.resident.emit(ch, float64(t.Resident), name)
		if t.Files >= 0 {
			d.files.emit(ch, float64(t.Files), name)
		}
		d.threads.emit(ch, float64(t.Threads), name)
		d.gpus(ch, name, append(t.PIDs, t.Joined...), gpus)
	}
}

// gpus joins the processes of a server and its container with those that the
// driver tells of. A
// server that holds none of a GPU has no series of it.
func (d *processDescs) gpus(ch chan<- prometheus.Metric, server string, pids []int, gpus []gpu.Device) {
	for i := range gpus {
		g := &gpus[i]
		sum, holds := uint64(0), false
		for _, p := range g.Processes {
			if slices.Contains(pids, p.PID) {
				sum, holds = sum+p.Memory, true
			}
		}
		if holds {
			d.gpuMemory.emit(ch, float64(sum), server, g.UUID, strconv.Itoa(g.Index))
		}
	}
}
