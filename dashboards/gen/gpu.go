// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	ofAll = " All GPUs of a host are divided by all tokens of its servers: right for a host that does nothing else."

	energyRange = `sum(increase(gpu_energy_joules_total{$J}[$__range]))`
	outputRange = `(sum(increase(model_tokens_total{$J,type="output"}[$__range])) > 0)`
	// hoursRange is GPUs times hours in the range.
	hoursRange = `sum(avg_over_time(gpu_up{$J}[$__range])) * $__range_s / 3600`
)

// gpus answers: what do the GPUs do, what limits them, what does a token cost?
func gpus() board {
	return board{
		uid: uidGPU, title: "GPU, host, energy and cost",
		about: "What GPUs and hosts do and what limits them; energy and money for each 1,000 tokens.",
		variables: []cog.Builder[dashboard.VariableModel]{datasource(), job(), instance(), gpu(), server(),
			amount("energy_price", "Price of 1 kWh", "What a kilowatt-hour costs, cooling included if you wish.", "0.15"),
			amount("gpu_hour_price", "Price of a GPU hour", "What one GPU costs per hour, rent or write-off, without energy if that is counted apart.", "2.00")},
		events: events(),
		rows: []row{
			{panels: gpuNow()},
			{title: "Energy and cost per 1,000 tokens", panels: gpuCost()},
			{title: "Use", panels: gpuUse()},
			{title: "Limits and health", panels: gpuHealth()},
			{title: "Host", panels: host()},
		},
	}
}

func gpuNow() []panel {
	return []panel{
		stat("GPUs", "short", "GPUs that answer. Fewer than yesterday: see XID errors, and whether the driver was updated under a running library.", q(`sum(gpu_up{$G})`, "GPUs")),
		stat("GPUs lost", "short", "GPUs that the driver lists and that do not answer. Drain the host and look at XID errors.",
			q(`count(gpu_up{$G} == 0) or vector(0)`, "lost")).over(1, 1),
		stat("Busiest GPU", "percentunit", "Share of time in which the busiest GPU ran anything.",
			q(`max(rate(gpu_busy_seconds_total{$G}[$R]))`, "busy")).upTo(1),
		stat("Fullest memory", "percentunit", "Memory in use on the fullest GPU. Servers that take all memory at the start are always at the top; others run out above 97 %.",
			q(`max(gpu_memory_used_bytes{$G} / (gpu_memory_total_bytes{$G} - (gpu_memory_reserved_bytes{$G} or 0 * gpu_memory_total_bytes{$G})))`, "memory")).over(0.9, 0.97),
		stat("Power", "watt", "Power that all GPUs draw now. What a token costs of it is beside.", q(`sum(gpu_power_watts{$G})`, "power")),
		stat("Hottest GPU", "celsius", "Temperature of the hottest GPU. See its own limit below.", q(`max(gpu_temperature_celsius{$G,sensor="gpu"})`, "GPU")).over(80, 88),
		stat("Energy per 1,000 tokens", "watth", "Energy of the GPUs for 1,000 output tokens, over the range shown."+ofAll,
			q(`1000 * `+energyRange+` / 3600 / `+outputRange, "per 1,000 tokens")),
		stat("Cost per 1,000 tokens", "currencyUSD", "Energy and GPU hours for 1,000 output tokens, over the range shown, at the prices above."+ofAll,
			q(`1000 * (`+energyRange+` / 3.6e6 * $energy_price + `+hoursRange+` * $gpu_hour_price) / `+outputRange, "per 1,000 tokens")),
	}
}

func gpuCost() []panel {
	return []panel{
		lines("Energy per 1,000 output tokens", "watth", "Less is better. It rises when batches are small: the GPU draws much of its power whether it serves one request or fifty."+ofAll,
			q(`1000 / 3600 * sum by (instance) (rate(gpu_energy_joules_total{$J}[$R])) / on (instance) (sum by (instance) (rate(model_tokens_total{$J,type="output"}[$R])) > 0)`, "{{instance}}")),
		lines("Cost per 1,000 output tokens", "currencyUSD", "Energy, and energy with GPU hours, at the prices above. An idle GPU makes the second rise and not the first."+ofAll,
			q(`1000 * sum by (instance) (rate(gpu_energy_joules_total{$J}[$R])) / 3.6e6 * $energy_price / on (instance) (sum by (instance) (rate(model_tokens_total{$J,type="output"}[$R])) > 0)`, "{{instance}} energy"),
			q(`1000 * (sum by (instance) (rate(gpu_energy_joules_total{$J}[$R])) / 3.6e6 * $energy_price + sum by (instance) (gpu_up{$J}) / 3600 * $gpu_hour_price) / on (instance) (sum by (instance) (rate(model_tokens_total{$J,type="output"}[$R])) > 0)`, "{{instance}} energy and GPU hours")),
		lines("Output tokens per joule", "short", "The inverse: work for energy. Compare hosts and models with it."+ofAll,
			q(`sum by (instance) (rate(model_tokens_total{$J,type="output"}[$R])) / on (instance) (sum by (instance) (rate(gpu_energy_joules_total{$J}[$R])) > 0)`, "{{instance}}")),
		stat("Energy in the range", "kwatth", "Energy of all GPUs over the range shown.", q(energyRange+` / 3.6e6`, "energy")).size(6, 4),
		stat("Energy cost in the range", "currencyUSD", "The same at the price above.", q(energyRange+` / 3.6e6 * $energy_price`, "energy")).size(6, 4),
		stat("GPU hours in the range", "h", "GPUs that answered, times the hours shown.", q(hoursRange, "GPU hours")).size(6, 4),
		stat("Output tokens in the range", "short", "Output tokens over the range shown.", q(`sum(increase(model_tokens_total{$J,type="output"}[$__range]))`, "tokens")).size(6, 4),
	}
}

func gpuUse() []panel {
	const name = "{{instance}} GPU {{gpu}}"
	return []panel{
		lines("GPU busy", "percentunit", "Share of time in which anything ran. Full is not the same as well used: see the activity of the multiprocessors.",
			q(`rate(gpu_busy_seconds_total{$G}[$R]) or gpu_utilization_ratio{$G}`, name)).upTo(1),
		lines("Multiprocessors and tensor cores", "percentunit", "What the busy time was used for (Hopper and later). Low tensor activity with high bandwidth is decoding, the other way round prefill.",
			q(`gpu_sm_activity_ratio{$G}`, name+" SM"), q(`gpu_tensor_activity_ratio{$G}`, name+" tensor")).upTo(1),
		lines("Memory bandwidth", "percentunit", "Share of the memory's bandwidth that was used; decoding is bound by it. Near 1 larger batches are the only way to more tokens.",
			q(`gpu_dram_bandwidth_utilization_ratio{$G}`, name)).upTo(1),
		lines("Memory in use", "percentunit", "Memory in use, of what the driver leaves. Servers that take all of it at the start show a level line.",
			q(`gpu_memory_used_bytes{$G} / (gpu_memory_total_bytes{$G} - (gpu_memory_reserved_bytes{$G} or 0 * gpu_memory_total_bytes{$G}))`, name)).upTo(1).over(0.9, 0.97),
		lines("PCIe", "Bps", "Bytes to and from the GPU. Much of it while serving is weights or cache moved to and from the host.",
			q(`rate(gpu_pcie_receive_bytes_total{$G}[$R])`, name+" in"), q(`rate(gpu_pcie_transmit_bytes_total{$G}[$R])`, name+" out")),
		lines("NVLink", "Bps", "Bytes over all NVLinks of a GPU: tensor parallelism. Absent without NVLink.",
			q(`rate(gpu_nvlink_receive_bytes_total{$G}[$R])`, name+" in"), q(`rate(gpu_nvlink_transmit_bytes_total{$G}[$R])`, name+" out")),
		lines("GPU memory by server", "bytes", "Memory of GPUs that the processes of a server hold. Two servers on one GPU share its bandwidth too.",
			q(`sum by (instance, server, gpu) (model_server_gpu_memory_bytes{$V})`, "{{instance}} {{server}} GPU {{gpu}}")).size(12, 8),
		panel{kind: kindTable, title: "Inventory", unit: "short", w: 12, h: 8, about: "Which GPUs there are, with the driver that runs them.",
			queries: []query{q(`gpu_memory_total_bytes{$G} * on (instance, uuid) group_left (name, driver_version, cuda_version, pci_bus_id) gpu_info{$G}`, "")},
			columns: []column{{from: "instance", title: "Host"}, {from: "gpu", title: "GPU"}, {from: "name", title: "Name"}, {from: "Value", title: "Memory", unit: "bytes"},
				{from: "driver_version", title: "Driver"}, {from: "cuda_version", title: "CUDA"}, {from: "pci_bus_id", title: "PCI"}, {from: "uuid", title: "UUID"}, {from: "job", hide: true}}},
	}
}

func gpuHealth() []panel {
	const name = "{{instance}} GPU {{gpu}}"
	return []panel{
		lines("Power of its limit", "percentunit", "Power against what the GPU may draw. At 1 its clock is lowered: more watts or fewer requests.",
			q(`gpu_power_watts{$G} / gpu_power_limit_watts{$G}`, name)).upTo(1).over(0.95, 1),
		lines("Time slowed down", "percentunit", "Share of time in which the GPU was clocked lower, by reason. sw_power_cap is its power limit and often accepted; thermal reasons want better cooling; hw_power_brake is the power supply.",
			q(`sum by (instance, gpu, reason) (rate(gpu_throttle_seconds_total{$G}[$R]))`, name+" {{reason}}")).upTo(1).over(0.1, 0.5),
		lines("Temperature", "celsius", "Temperature of GPU and memory, and where the GPU slows itself down.",
			q(`gpu_temperature_celsius{$G}`, name+" {{sensor}}"), q(`min(gpu_temperature_limit_celsius{$G,limit="slowdown"})`, "slows down")).compared("slows down"),
		lines("Clock of its maximum", "percentunit", "Clock of the multiprocessors against the highest. Low under load is throttling, low without load is saving.",
			q(`gpu_clock_hertz{$G,domain="sm"} / gpu_clock_max_hertz{$G,domain="sm"}`, name)).upTo(1),
		bars("XID errors", "short", "1 for ten minutes after the driver reported an error of this number. 13, 31, 43: mostly the application's; 48, 63, 64, 74, 79, 94, 95, 119, 120: hardware or driver, drain the host.",
			q(`count by (instance, gpu, xid) (time() - gpu_xid_last_timestamp_seconds{$G} < 600) or on (instance, gpu) 0 * sum by (instance, gpu) (gpu_up{$G})`, name+" XID {{xid}}")),
		lines("Memory errors, uncorrected", "short", "Errors in the last hour that could not be corrected. Any is a reason to drain and reset the GPU.",
			q(`sum by (instance, gpu) (increase(gpu_ecc_errors_total{$G,type="uncorrected"}[1h]))`, name)).over(1, 1),
	}
}

func host() []panel {
	return []panel{
		lines("Processors of hosts", "percentunit", "Share of time in which the host's processors worked. Tokenising and event loops starve when it is full.",
			q(`1 - sum by (instance) (rate(host_cpu_seconds_total{$J,mode=~"idle|iowait"}[$R])) / sum by (instance) (rate(host_cpu_seconds_total{$J}[$R]))`, "{{instance}}")).upTo(1).over(0.8, 0.95),
		lines("Memory of hosts", "percentunit", "Share of memory that programs cannot have without swapping. Near 1 the kernel ends a process.",
			q(`1 - host_memory_available_bytes{$J} / host_memory_total_bytes{$J}`, "{{instance}}")).upTo(1).over(0.85, 0.95),
		lines("Waiting for the host", "percentunit", "Share of time in which something waited for processors, memory or disks (pressure stall information). It tells a busy host from one that is too busy.",
			q(`sum by (instance, resource) (rate(host_pressure_waiting_seconds_total{$J}[$R]))`, "{{instance}} {{resource}}")).upTo(1),
		lines("Network of hosts", "Bps", "Bytes in and out, without the loopback.",
			q(`sum by (instance) (rate(host_network_receive_bytes_total{$J}[$R]))`, "{{instance}} in"), q(`sum by (instance) (rate(host_network_transmit_bytes_total{$J}[$R]))`, "{{instance}} out")),
		lines("Disks of hosts", "Bps", "Bytes read and written. Much reading while serving is a model that is loaded, or swapped.",
			q(`sum by (instance) (rate(host_disk_read_bytes_total{$J}[$R]))`, "{{instance}} read"), q(`sum by (instance) (rate(host_disk_written_bytes_total{$J}[$R]))`, "{{instance}} written")),
		lines("Load per processor", "short", "Tasks that run or wait to run, for each processor. Above 1 some wait.",
			q(`host_load1{$J} / host_cpus{$J}`, "{{instance}}")),
	}
}
