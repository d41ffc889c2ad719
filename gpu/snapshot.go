// SPDX-License-Identifier: Apache-2.0

package gpu

import "time"

// Snapshot is the state of all GPUs at the last reading. What a driver cannot
// say is nil or left out, never a number that stands for it.
type Snapshot struct {
	// Known says that there was a driver once. Without, the host is taken for
	// one without GPUs.
	Known     bool
	Success   bool // the last reading was whole; with Known
	Succeeded time.Time
	Time      time.Time
	Took      time.Duration
	Driver    string // its version
	CUDA      string // the newest version that the driver can run
	Devices   []Device
}

// Device is one GPU.
type Device struct {
	Up    bool // it answered
	UUID  string
	Index int // of NVML; it may change when the host starts again
	Standing

	Memory            *Memory
	Utilization       *float64 // share of the last sample period in which a kernel ran, 0 to 1
	MemoryIO          *float64 // share in which memory was read or written, 0 to 1
	Encoder           *float64
	Decoder           *float64
	Busy              *float64 // s, utilisation integrated since the start of modeltap
	Temperature       *float64 // of the GPU, °C
	MemoryTemperature *float64 // °C
	Power             *float64 // W
	PowerLimit        *float64 // W
	Energy            *float64 // J since the driver was loaded
	Fan               *float64 // intended speed, 1 is the maximum
	State             *int     // P0 to P15, less is busier
	Recovery          *int     // what would cure the GPU, 0 nothing (nvml.h, nvmlDeviceGpuRecoveryAction_t)
	Clocks            []Clock
	Throttle          []Throttle
	ThrottleTime      []ThrottleTime
	PCIe              *Traffic
	NVLink            *Traffic // of all links
	Activity          *Activity
	Instances         []Instance // of a GPU in MIG mode
	Processes         []Process
	XIDs              []XID // since modeltap started

	mean *float64 // utilisation since the last reading, where the driver has samples
}

// Standing is what changes seldom. It is read at every slowEvery-th reading.
type Standing struct {
	Name, PCI, VBIOS string

	ClocksMax          []Clock
	Limits             []Limit
	ECC                []ECC
	Replays            *int // of PCIe packets
	LinkWidth, Link    *int // lanes and generation of PCIe now
	LinkWidthMax       *int
	LinkMax            *int
	Remapped           *Remapped
	Retired            []Retired
	RetirementsPending *bool
	Links              []Link // of NVLink
}

// Memory is in bytes. Used excludes Reserved where Reserved is known.
type Memory struct {
	Total, Used, Free uint64
	Reserved          *uint64
}

// Clock is in Hz.
type Clock struct {
	Domain string // graphics, sm, memory, video
	Hertz  float64
}

// Limit is a temperature (°C) at which the GPU does something.
type Limit struct {
	Kind    string // shutdown, slowdown, gpu_max, memory_max
	Celsius float64
}

// Throttle is a reason to clock lower, of those that the GPU knows, and whether
// it holds now.
type Throttle struct {
	Reason string
	Active bool
}

// ThrottleTime is how long a reason has held since the driver was loaded.
type ThrottleTime struct {
	Reason  string
	Seconds float64
}

// Traffic is in bytes, as the driver counts them.
type Traffic struct{ Transmitted, Received float64 }

// Activity is what the units of a GPU did between two readings, 0 to 1 (GPM;
// Hopper and later).
type Activity struct {
	Graphics  *float64 // share of time in which anything ran
	SM        *float64 // multiprocessors that were busy
	Occupancy *float64 // warps that were active, of those that there can be
	Tensor    *float64 // share of time of the tensor cores
	DRAM      *float64 // memory bandwidth
}

// Instance is a MIG device. Memory and Activity belong to its GPU instance and
// are told with the first device of that.
type Instance struct {
	UUID     string
	GPU      int // GPU instance
	Compute  int // compute instance
	Profile  string
	Memory   *Memory
	Activity *Activity
}

// ECC counts memory errors.
type ECC struct {
	Type  string // corrected, uncorrected
	Scope string // volatile: since the driver was loaded; aggregate: ever
	N     uint64
}

// Remapped counts rows of memory that were replaced.
type Remapped struct {
	Corrected, Uncorrected int
	Pending, Failed        bool
}

// Retired counts pages of memory that are not used any more (before Ampere).
type Retired struct {
	Cause string // multiple_single_bit, double_bit
	N     int
}

// Link is one NVLink.
type Link struct {
	Number int
	Up     bool
	Errors []LinkError
}

// LinkError counts errors of one kind.
type LinkError struct {
	Kind string // replay, recovery, crc_flit, crc_data, ecc_data
	N    uint64
}

// XID counts the errors of one code that a GPU has reported (NVIDIA, XID
// Errors).
type XID struct {
	Code int
	N    uint64
	Last time.Time
}

// Process is one that uses a GPU, by its number in the host's namespace.
type Process struct {
	PID    int
	Memory uint64 // bytes
}
