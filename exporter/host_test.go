// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

func someHost() host.Snapshot {
	return host.Snapshot{
		CPU:      &host.CPU{Seconds: [host.Modes]float64{10, 1, 5, 100, 4, .5, .25, 0}, Count: 8, Percent: 12.5},
		Load:     &[3]float64{1, 2, 3},
		Memory:   &host.Memory{Total: 8 << 30, Available: 6 << 30, SwapTotal: 1 << 30, SwapFree: 1 << 29},
		Disks:    []host.Disk{{Device: "vda", ReadBytes: 100, Written: 200, BusySeconds: 1.5}},
		Network:  []host.Interface{{Device: "eth0", Received: 300, Sent: 400}},
		Pressure: []host.Pressure{{Resource: "cpu", Waiting: 7}, {Resource: "io", Waiting: 8, Stalled: 6, HasStalled: true}},
		Boot:     1_700_000_000, Info: &host.Info{OS: "debian", Version: "12", Kernel: "6.18", Architecture: "x86_64"},
	}
}

func TestHost(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(NewHost(someHost, true))
	if err := testutil.GatherAndCompare(r, strings.NewReader(`
# HELP cpu_usage_percent Share of the last second in which the host's processors worked. For dashboards of other exporters: rate(host_cpu_seconds_total) says it over any time.
# TYPE cpu_usage_percent gauge
cpu_usage_percent 12.5
# HELP memory_usage_mb Memory of the host that is in use, MiB. For dashboards of other exporters: host_memory_total_bytes - host_memory_available_bytes.
# TYPE memory_usage_mb gauge
memory_usage_mb 2048
# HELP host_cpu_seconds_total Seconds that all processors of the host spent in each mode. Time of guests is part of user and nice.
# TYPE host_cpu_seconds_total counter
host_cpu_seconds_total{mode="idle"} 100
host_cpu_seconds_total{mode="iowait"} 4
host_cpu_seconds_total{mode="irq"} 0.5
host_cpu_seconds_total{mode="nice"} 1
host_cpu_seconds_total{mode="softirq"} 0.25
host_cpu_seconds_total{mode="steal"} 0
host_cpu_seconds_total{mode="system"} 5
host_cpu_seconds_total{mode="user"} 10
# HELP host_pressure_stalled_seconds_total Seconds in which all tasks waited for the resource (pressure stall information, full).
# TYPE host_pressure_stalled_seconds_total counter
host_pressure_stalled_seconds_total{resource="io"} 6
# HELP host_network_receive_bytes_total Bytes received by the interface. Interfaces of single containers are left out.
# TYPE host_network_receive_bytes_total counter
host_network_receive_bytes_total{device="eth0"} 300
`), "cpu_usage_percent", "memory_usage_mb", "host_cpu_seconds_total", "host_pressure_stalled_seconds_total", "host_network_receive_bytes_total"); err != nil {
		t.Error(err)
	}
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 20 {
		t.Errorf("%d families, want 20", len(all))
	}
	for _, f := range all {
		if n := f.GetName(); n == "cpu_usage_percent" || n == "memory_usage_mb" {
			continue // promised as they are
		}
		problems, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{f}).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", f.GetName(), problems, err)
		}
	}
}

// What could not be read is absent, never 0.
func TestHostWithoutFigures(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(NewHost(func() host.Snapshot { return host.Snapshot{} }, true))
	if n, err := testutil.GatherAndCount(r); n != 0 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
	first := someHost()
	first.CPU.Percent = -1
	r = prometheus.NewRegistry()
	r.MustRegister(NewHost(func() host.Snapshot { return first }, true))
	if n, _ := testutil.GatherAndCount(r, "cpu_usage_percent"); n != 0 {
		t.Error("a share of no time")
	}
	r = prometheus.NewRegistry()
	r.MustRegister(NewHost(someHost, false))
	if n, _ := testutil.GatherAndCount(r, "cpu_usage_percent", "memory_usage_mb"); n != 0 {
		t.Error("compatibility names that were not asked for")
	}
}

func TestProcessesOfServers(t *testing.T) {
	var asked map[string]int
	r := newRig(t, func(o *Options) {
		o.GPUs = func() gpu.Snapshot {
			return gpu.Snapshot{Devices: []gpu.Device{
				{Up: true, UUID: "GPU-a", Processes: []gpu.Process{{PID: 42, Memory: 100}, {PID: 99, Memory: 7}, {PID: 44, Memory: 20}}},
				{Up: true, UUID: "GPU-b", Index: 1, Processes: []gpu.Process{{PID: 99, Memory: 5}}},
			}}
		}
		o.Processes = func(pids map[string]int, others []int) map[string]host.Tree {
			asked = pids
			return map[string]host.Tree{"vllm:8000": {CPUSeconds: 3.5, Resident: 4096, Files: -1, Threads: 12, Processes: 3, PIDs: []int{42, 43}, Joined: others[2:3]}}
		}
	})
	r.state.Servers = []event.Server{{Name: "vllm:8000", PID: 42}, {Name: "vllm:8000", PID: 43}, {Name: "unseen"}, {Name: "gone", PID: 7}}
	got := r.scrape()
	if len(asked) != 2 || asked["vllm:8000"] != 42 || asked["gone"] != 7 {
		t.Errorf("asked for %v", asked)
	}
	l := prometheus.Labels{"server": "vllm:8000"}
	for name, want := range map[string]float64{"model_server_cpu_seconds_total": 3.5, "model_server_resident_memory_bytes": 4096,
		"model_server_threads": 12, "model_server_processes": 3, "model_server_open_files": -1, "model_server_gpu_memory_bytes": 120} {
		if n := got.value(t, name, l); n != want {
			t.Errorf("%s: %v, want %v", name, n, want)
		}
		if len(got[name].GetMetric()) > 1 {
			t.Errorf("%s: a server that is gone has series", name)
		}
	}
	holdGolden(t, r.registry, "testdata/processes.prom", slices.DeleteFunc(slices.Sorted(maps.Keys(got)), func(name string) bool {
		return !strings.HasPrefix(name, "model_server_") || name == "model_server_info"
	}))
}
