// SPDX-License-Identifier: Apache-2.0

package host

// Snapshot is the state of the host at one moment. What could not be read is
// absent: nil, or a list without it.
type Snapshot struct {
	CPU     *CPU
	Load    *[3]float64 // of 1, 5 and 15 minutes
	Memory  *Memory
	Disks   []Disk
	Network []Interface
	// Pressure has one entry for each resource that the kernel tells of.
	Pressure []Pressure
	// Boot is the Unix time of the start, s; 0 for unknown.
	Boot uint64
	Info *Info
}

// CPU are the seconds that all processors spent since the start, by mode.
// Guests' time is part of user and nice, as in /proc/stat.
type CPU struct {
	Seconds [Modes]float64
	Count   int
	// Percent is the share of the last second in which the processors were
	// neither idle nor waiting for I/O; negative until there has been one.
	Percent float64
}

// Mode is what a processor does.
type Mode uint8

const (
	User Mode = iota
	Nice
	System
	Idle
	IOWait
	IRQ
	SoftIRQ
	Steal
	// Modes is the number of modes.
	Modes
)

// String returns the value of the "mode" label.
func (m Mode) String() string {
	return [...]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}[m]
}

// busy returns all time and that of work, s.
func (c *CPU) busy() (all, work float64) {
	for _, s := range c.Seconds {
		all += s
	}
	return all, all - c.Seconds[Idle] - c.Seconds[IOWait]
}

// Memory is in bytes.
type Memory struct {
	Total, Available    uint64
	SwapTotal, SwapFree uint64
}

// Disk is what a whole disk has done since the start.
type Disk struct {
	Device             string
	ReadBytes, Written uint64
	BusySeconds        float64
}

// Interface is what a network interface has carried since the start, bytes.
type Interface struct {
	Device         string
	Received, Sent uint64
}

// Pressure is the time, in seconds since the start, in which some work waited
// for a resource (Linux, Documentation/accounting/psi.rst), and all of it did.
type Pressure struct {
	Resource         string // cpu, memory, io
	Waiting, Stalled float64
	HasStalled       bool // not for the processor on kernels before 5.13
}

// Info says what host it is.
type Info struct{ OS, Version, Kernel, Architecture string }
