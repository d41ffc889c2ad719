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
	if err := testutil.GatherAndCompare(r, strings.NewReader(`
# HELP gpu_up Whether the GPU answered at the last reading.
# TYPE gpu_up gauge
gpu_up{gpu="0",uuid="GPU-a"} 1
gpu_up{gpu="1",uuid="GPU-b"} 0
# HELP gpu_collect_success Whether the last reading of all GPUs was whole. At 0, see gpu_up and the log. Absent on hosts that never had a driver.
# TYPE gpu_collect_success gauge
gpu_collect_success 0
# HELP gpu_memory_used_bytes Memory in use, without what the driver reserves where it tells that (R510 and later).
# TYPE gpu_memory_used_bytes gauge
gpu_memory_used_bytes{gpu="0",uuid="GPU-a"} 6.442450944e+10
# HELP gpu_memory_used_mb gpu_memory_used_bytes in MiB, for dashboards of other exporters.
# TYPE gpu_memory_used_mb gauge
gpu_memory_used_mb{device="cuda:0"} 61440
# HELP gpu_temperature_celsius Temperature of the GPU, or of its memory.
# TYPE gpu_temperature_celsius gauge
gpu_temperature_celsius{gpu="0",sensor="gpu",uuid="GPU-a"} 61
gpu_temperature_celsius{gpu="0",sensor="memory",uuid="GPU-a"} 61
# HELP gpu_throttle_seconds_total Time in which the GPU was clocked lower for this reason since the driver was loaded, short times included.
# TYPE gpu_throttle_seconds_total counter
gpu_throttle_seconds_total{gpu="0",reason="hw_thermal",uuid="GPU-a"} 1.5
# HELP gpu_nvlink_up Whether the NVLink is up.
# TYPE gpu_nvlink_up gauge
gpu_nvlink_up{gpu="0",link="0",uuid="GPU-a"} 1
gpu_nvlink_up{gpu="0",link="17",uuid="GPU-a"} 0
# HELP gpu_nvlink_errors_total Errors of the NVLink.
# TYPE gpu_nvlink_errors_total counter
gpu_nvlink_errors_total{gpu="0",link="0",type="replay",uuid="GPU-a"} 6
# HELP gpu_nvlink_receive_bytes_total Bytes that the GPU received over all its NVLinks.
# TYPE gpu_nvlink_receive_bytes_total counter
gpu_nvlink_receive_bytes_total{gpu="0",uuid="GPU-a"} 40
# HELP gpu_pcie_transmit_bytes_total Bytes that the GPU sent over PCIe. The driver's counter may wrap.
# TYPE gpu_pcie_transmit_bytes_total counter
gpu_pcie_transmit_bytes_total{gpu="0",uuid="GPU-a"} 10
# HELP gpu_mig_info A MIG device of the GPU.
# TYPE gpu_mig_info gauge
gpu_mig_info{compute_instance_id="0",gpu="0",gpu_instance_id="7",mig_uuid="MIG-a",profile="1g.10gb",uuid="GPU-a"} 1
gpu_mig_info{compute_instance_id="1",gpu="0",gpu_instance_id="7",mig_uuid="MIG-b",profile="1g.10gb",uuid="GPU-a"} 1
# HELP gpu_mig_memory_used_bytes Memory of the GPU instance in use.
# TYPE gpu_mig_memory_used_bytes gauge
gpu_mig_memory_used_bytes{gpu="0",gpu_instance_id="7",uuid="GPU-a"} 6
# HELP gpu_mig_sm_activity_ratio Share of the multiprocessors that were busy in the GPU instance, between the last two readings, 0 to 1 (Hopper and later). What gpu_utilization_ratio does not tell.
# TYPE gpu_mig_sm_activity_ratio gauge
gpu_mig_sm_activity_ratio{gpu="0",gpu_instance_id="7",uuid="GPU-a"} 0.5
# HELP gpu_last_collect_success_timestamp_seconds Unix time of the last whole reading of all GPUs.
# TYPE gpu_last_collect_success_timestamp_seconds gauge
gpu_last_collect_success_timestamp_seconds 1.7000000005e+09
# HELP gpu_throttle_active Whether the GPU is clocked lower for this reason now, of the reasons that it knows.
# TYPE gpu_throttle_active gauge
gpu_throttle_active{gpu="0",reason="sw_power_cap",uuid="GPU-a"} 1
# HELP gpu_info What GPU it is.
# TYPE gpu_info gauge
gpu_info{cuda_version="13.1",driver_version="580.1",gpu="0",name="H100",pci_bus_id="00000000:17:00.0",uuid="GPU-a",vbios="96"} 1
`), "gpu_up", "gpu_collect_success", "gpu_memory_used_bytes", "gpu_memory_used_mb", "gpu_temperature_celsius", "gpu_throttle_active", "gpu_info",
		"gpu_throttle_seconds_total", "gpu_nvlink_up", "gpu_nvlink_errors_total", "gpu_nvlink_receive_bytes_total", "gpu_pcie_transmit_bytes_total", "gpu_mig_info",
		"gpu_mig_memory_used_bytes", "gpu_mig_sm_activity_ratio", "gpu_last_collect_success_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(NewGPU(nil, true).families()) {
		t.Errorf("%d families of %d: the GPU of the test says not all", len(all), len(NewGPU(nil, true).families()))
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
