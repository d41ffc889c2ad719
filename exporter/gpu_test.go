// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/modeltap/modeltap/gpu"
)

func twoGPUs() gpu.Snapshot {
	half, temp, reserved, n := 0.5, 61.0, uint64(1<<30), 4
	return gpu.Snapshot{Known: true, Driver: "580.1", Took: 2e6, Devices: []gpu.Device{
		{Up: true, UUID: "GPU-a", Index: 0, Name: "H100", PCI: "00000000:17:00.0", VBIOS: "96",
			Memory: &gpu.Memory{Total: 80 << 30, Used: 60 << 30, Free: 19 << 30, Reserved: &reserved}, Utilization: &half, MemoryIO: &half, Encoder: &half,
			Decoder: &half, Busy: &temp, Temperature: &temp, Power: &temp, PowerLimit: &temp, Energy: &temp, Fan: &half, State: &n, Replays: &n, Link: &n, LinkWidth: &n,
			Clocks: []gpu.Clock{{Domain: "sm", Hertz: 1.9e9}}, Throttle: []gpu.Throttle{{Reason: "sw_power_cap", Active: true}},
			ECC: []gpu.ECC{{Type: "corrected", Scope: "volatile", N: 3}}, Remapped: &gpu.Remapped{Corrected: 1, Failed: true}, Processes: []gpu.Process{{PID: 7, Memory: 5}}, XIDs: []gpu.XID{{Code: 79, N: 2, Last: time.Unix(1_700_000_000, 0)}}},
		{UUID: "GPU-b", Index: 1},
	}}
}

func TestGPU(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(NewGPU(twoGPUs, true))
	if err := testutil.GatherAndCompare(r, strings.NewReader(`
# HELP gpu_up Whether the GPU answered at the last reading.
# TYPE gpu_up gauge
gpu_up{gpu="0",uuid="GPU-a"} 1
gpu_up{gpu="1",uuid="GPU-b"} 0
# HELP gpu_collect_success Whether the last reading of all GPUs was whole. Absent on hosts that never had a driver.
# TYPE gpu_collect_success gauge
gpu_collect_success 0
# HELP gpu_memory_used_bytes Memory in use, without what the driver reserves where it tells that (R510 and later).
# TYPE gpu_memory_used_bytes gauge
gpu_memory_used_bytes{gpu="0",uuid="GPU-a"} 6.442450944e+10
# HELP gpu_memory_used_mb gpu_memory_used_bytes in MiB, for dashboards of other exporters.
# TYPE gpu_memory_used_mb gauge
gpu_memory_used_mb{device="cuda:0"} 61440
# HELP gpu_temperature_celsius Temperature of the GPU.
# TYPE gpu_temperature_celsius gauge
gpu_temperature_celsius{gpu="0",sensor="gpu",uuid="GPU-a"} 61
# HELP gpu_throttle_active Whether the GPU is clocked lower for this reason now, of the reasons that it knows.
# TYPE gpu_throttle_active gauge
gpu_throttle_active{gpu="0",reason="sw_power_cap",uuid="GPU-a"} 1
# HELP gpu_info What GPU it is.
# TYPE gpu_info gauge
gpu_info{driver_version="580.1",gpu="0",name="H100",pci_bus_id="00000000:17:00.0",uuid="GPU-a",vbios="96"} 1
`), "gpu_up", "gpu_collect_success", "gpu_memory_used_bytes", "gpu_memory_used_mb", "gpu_temperature_celsius", "gpu_throttle_active", "gpu_info"); err != nil {
		t.Error(err)
	}
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 33 {
		t.Errorf("%d families, want 33", len(all))
	}
	for _, f := range all {
		problems, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{f}).Lint()
		if f.GetName() != "gpu_memory_used_mb" && (err != nil || len(problems) > 0) {
			t.Errorf("%s: %v %v", f.GetName(), problems, err)
		}
	}
}

// A host that never had a driver has no series, one whose GPUs say little few.
func TestGPUsThatSayLittle(t *testing.T) {
	for want, s := range map[int]gpu.Snapshot{
		0: {},
		3: {Known: true},
		6: {Known: true, Success: true, Devices: []gpu.Device{{Up: true, UUID: "GPU-a"}}},
	} {
		r := prometheus.NewRegistry()
		r.MustRegister(NewGPU(func() gpu.Snapshot { return s }, true))
		if n, err := testutil.GatherAndCount(r); n != want || err != nil {
			t.Errorf("%+v: %d series, want %d, %v", s, n, want, err)
		}
	}
}
