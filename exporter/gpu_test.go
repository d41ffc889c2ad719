// SPDX-License-Identifier: Apache-2.0

package exporter

import (
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
	yes, activity := true, gpu.Activity{Graphics: &half, SM: &half, Occupancy: &half, Tensor: &half, DRAM: &half}
	return gpu.Snapshot{Known: true, Driver: "580.1", CUDA: "13.1", Took: 2e6, Succeeded: time.Unix(1_700_000_000, 5e8), Devices: []gpu.Device{
		{Up: true, UUID: "GPU-a", Index: 0, Standing: gpu.Standing{
			Name: "H100", PCI: "00000000:17:00.0", VBIOS: "96", Replays: &n, Link: &n, LinkWidth: &n, LinkMax: &n, LinkWidthMax: &n,
			ECC: []gpu.ECC{{Type: "corrected", Scope: "volatile", N: 3}}, Remapped: &gpu.Remapped{Corrected: 1, Failed: true},
			ClocksMax: []gpu.Clock{{Domain: "sm", Hertz: 2e9}}, Limits: []gpu.Limit{{Kind: "slowdown", Celsius: 89}},
			Retired: []gpu.Retired{{Cause: "double_bit", N: 2}}, RetirementsPending: &yes,
			Links: []gpu.Link{{Number: 0, Up: true, Errors: []gpu.LinkError{{Kind: "replay", N: 6}}}, {Number: 17}}},
			MemoryTemperature: &temp, Recovery: &n, ThrottleTime: []gpu.ThrottleTime{{Reason: "hw_thermal", Seconds: 1.5}},
			PCIe: &gpu.Traffic{Transmitted: 10, Received: 20}, NVLink: &gpu.Traffic{Transmitted: 30, Received: 40}, Activity: &activity,
			Instances: []gpu.Instance{{UUID: "MIG-a", GPU: 7, Profile: "1g.10gb", Activity: &activity, Memory: &gpu.Memory{Total: 10, Used: 6, Free: 3, Reserved: &reserved}},
				{UUID: "MIG-b", GPU: 7, Compute: 1, Profile: "1g.10gb"}},
			Memory: &gpu.Memory{Total: 80 << 30, Used: 60 << 30, Free: 19 << 30, Reserved: &reserved}, Utilization: &half, MemoryIO: &half, Encoder: &half,
			Decoder: &half, Busy: &temp, Temperature: &temp, Power: &temp, PowerLimit: &temp, Energy: &temp, Fan: &half, State: &n,
			Clocks: []gpu.Clock{{Domain: "sm", Hertz: 1.9e9}}, Throttle: []gpu.Throttle{{Reason: "sw_power_cap", Active: true}},
			Processes: []gpu.Process{{PID: 7, Memory: 5}}, XIDs: []gpu.XID{{Code: 79, N: 2, Last: time.Unix(1_700_000_000, 0)}}},
		{UUID: "GPU-b", Index: 1},
	}}
}

func TestGPU(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(NewGPU(twoGPUs, true))
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(NewGPU(nil, true).families()) {
		t.Errorf("%d families of %d: the GPU of the test says not all", len(all), len(NewGPU(nil, true).families()))
	}
	var names []string
	for _, f := range all {
		names = append(names, f.GetName())
		problems, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{f}).Lint()
		if f.GetName() != "gpu_memory_used_mb" && (err != nil || len(problems) > 0) {
			t.Errorf("%s: %v %v", f.GetName(), problems, err)
		}
	}
	holdGolden(t, r, "testdata/gpu.prom", names)
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
