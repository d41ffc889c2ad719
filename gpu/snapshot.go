// SPDX-License-Identifier: Apache-2.0

package gpu

import "time"

// Snapshot is the state of all GPUs at the last reading. What a driver cannot
// say is nil or left out, never a number that stands for it.
type Snapshot struct {
	// Known says that there was a driver once. Without, the host is taken for
	// one without GPUs.
	Known   bool
	Success bool // the last reading was whole; with Known
	Time    time.Time
	Took    time.Duration
	Driver  string // its version
	Devices []Device
}

// Device is one GPU.
type Device struct {
	Up    bool // it answered
	UUID  string
	Index int // of NVML; it may change when the host starts again

	Name, PCI, VBIOS string

	Memory      *Memory
	Utilization *float64 // share of the last sample period in which a kernel ran, 0 to 1
	MemoryIO    *float64 // share in which memory was read or written, 0 to 1
	Encoder     *float64
	Decoder     *float64
	Busy        *float64 // s, Utilization integrated since the start of modeltap
	Temperature *float64 // of the GPU, °C
	Power       *float64 // W
	PowerLimit  *float64 // W
	Energy      *float64 // J since the driver was loaded
	Fan         *float64 // intended speed, 1 is the maximum
	State       *int     // P0 to P15, less is busier
	Clocks      []Clock
	Throttle    []Throttle
	ECC         []ECC
	Replays     *int // of PCIe packets
	LinkWidth   *int // of PCIe now
	Link        *int // generation of PCIe now
	Remapped    *Remapped
	Processes   []Process
	XIDs        []XID // since modeltap started
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

// Throttle is a reason to clock lower, of those that the GPU knows, and whether
// it holds now.
type Throttle struct {
	Reason string
	Active bool
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
