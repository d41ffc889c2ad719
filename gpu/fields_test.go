// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// snapshotOf returns what a library says in a state.
func snapshotOf(t *testing.T, library, state string) Snapshot {
	t.Helper()
	out := run(t, "json", library, state)
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "{") {
			var s Snapshot
			if err := json.NewDecoder(strings.NewReader(line)).Decode(&s); err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	t.Fatal(out)
	return Snapshot{}
}

func ptr[T any](v T) *T { return &v }

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		t.Errorf("%s: %s\nwant %s", what, g, w)
	}
}

func TestWhatTheDriverCounts(t *testing.T) {
	t.Parallel()
	s := snapshotOf(t, shim(t), "count 1\nnvlink 3\nbusy 60\n")
	d := s.Devices[0]
	same(t, "CUDA", s.CUDA, "13.1")
	same(t, "succeeded", s.Succeeded, s.Time)
	same(t, "memory temperature", d.MemoryTemperature, ptr(71.0))
	same(t, "recovery", d.Recovery, ptr(1))
	same(t, "throttle time", d.ThrottleTime, []ThrottleTime{{"sw_power_cap", 1.5}, {"sw_thermal", 2.5}})
	same(t, "PCIe", d.PCIe, &Traffic{1 << 40, 2 << 40})
	same(t, "NVLink", d.NVLink, &Traffic{1024e3, 2048e3})
	same(t, "links", d.Links, []Link{
		{0, true, []LinkError{{"replay", 0}, {"recovery", 1}, {"crc_flit", 2}}},
		{1, true, []LinkError{{"replay", 10}, {"recovery", 11}, {"crc_flit", 12}}},
		{2, false, []LinkError{{"replay", 20}, {"recovery", 21}, {"crc_flit", 22}}},
	})
	same(t, "activity", d.Activity, &Activity{Graphics: ptr(0.1), SM: ptr(0.2), DRAM: ptr(1.0)})
	same(t, "limits", d.Limits, []Limit{{"shutdown", 92}, {"slowdown", 89}})
	same(t, "highest clocks", d.ClocksMax, []Clock{{"graphics", 2e9}, {"sm", 2.1e9}, {"memory", 2.2e9}, {"video", 2.3e9}})
	same(t, "PCIe link", []*int{d.Link, d.LinkMax, d.LinkWidth, d.LinkWidthMax}, []*int{ptr(4), ptr(5), ptr(8), ptr(16)})
	same(t, "retired", d.Retired, []Retired{{"multiple_single_bit", 2}, {"double_bit", 0}})
	same(t, "pending", d.RetirementsPending, ptr(true))
	same(t, "slot", slot(d.PCI), "0:17:0")
	// The driver's samples say 0.6, the rate 0.4: the samples hold.
	if passed := 5.0; d.Busy == nil || *d.Busy < 0.59*passed*0.9 || *d.Busy > 0.6*(passed+1.5) {
		t.Errorf("%v s busy, want about %v", value(d.Busy), 0.6*passed)
	}
}

func TestNVLinkOfEachLink(t *testing.T) {
	t.Parallel()
	d := snapshotOf(t, shim(t), "count 1\nnvlink 3\nnvlink5\nnarrow\nnogpm\n").Devices[0]
	same(t, "NVLink", d.NVLink, &Traffic{202 + 203, 204 + 205}) // the third is down
	same(t, "PCIe in 32 bits", d.PCIe, (*Traffic)(nil))
	same(t, "activity", d.Activity, (*Activity)(nil))
}

func TestMIG(t *testing.T) {
	t.Parallel()
	d := snapshotOf(t, shim(t), "count 1\nmig\n").Devices[0]
	memory := &Memory{Total: 80 << 30, Used: 69 << 30, Free: 10 << 30, Reserved: ptr(uint64(1 << 30))}
	first, second := &Activity{Graphics: ptr(0.107), SM: ptr(0.207)}, &Activity{Graphics: ptr(0.109), SM: ptr(0.209)}
	same(t, "instances", d.Instances, []Instance{
		{"MIG-0-1", 7, 0, "1g.10gb", memory, first}, {"MIG-0-2", 7, 1, "1g.10gb", nil, nil}, {"MIG-0-3", 9, 0, "2g.10gb", memory, second},
	})
	same(t, "processes", d.Processes, []Process{{4252, 5 << 30}, {4262, 5 << 30}, {4272, 5 << 30}})
	same(t, "activity of the whole", d.Activity, (*Activity)(nil))
}

// What an old library lacks is not called, and nothing stands for it.
func TestOldDriversCountLess(t *testing.T) {
	t.Parallel()
	for _, age := range []string{"-DOLD", "-DBARE"} {
		d := snapshotOf(t, shim(t, age), "count 1\nmig\nnvlink 2\nbusy 60\n").Devices[0]
		if !d.Up || d.MemoryTemperature != nil || d.PCIe != nil || d.NVLink != nil || d.Activity != nil || d.Instances != nil || d.ThrottleTime != nil || d.Recovery != nil {
			t.Errorf("%s: %+v", age, d)
		}
	}
}

// The kernel's log tells of errors that the driver leaves out; what both tell
// of counts once.
func TestKernelLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kmsg")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.OpenFile(path, os.O_RDWR, 0) // or it would end before anybody writes
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	out := run(t, "kernel log", shim(t), "count 2\n", "GPU_KERNEL_LOG="+path)
	wants(t, out, "GPU-0 xid 79: 2\n", "GPU-1 xid 62: 1\n", "the kernel log tells of an XID error", "ended in time: true")
	if strings.Contains(out, "never") {
		t.Error(out)
	}
	wants(t, run(t, "print", shim(t), "count 1\n", "GPU_KERNEL_LOG="+path+".none"), "grant CAP_SYSLOG", "uuid=GPU-0")
}

// The kernel's own log can be opened, told its end, and closed.
func TestRealKernelLog(t *testing.T) {
	f, err := os.Open("/dev/kmsg")
	if err != nil {
		t.Skip("needs CAP_SYSLOG and /dev/kmsg:", err)
	}
	_ = f.Close()
	out := run(t, "print", shim(t), "count 1\n", "GPU_KERNEL_LOG=/dev/kmsg")
	wants(t, out, "uuid=GPU-0", "ended in time: true")
	if strings.Contains(out, "from the driver alone") {
		t.Error(out)
	}
}

func TestXIDRecords(t *testing.T) {
	for record, want := range map[string]struct {
		slot string
		code int
	}{
		"NVRM: Xid (PCI:0000:17:00): 79, pid=1234, name=python3, GPU has fallen off the bus.": {"0:17:0", 79},
		"NVRM: Xid (0000:B3:00): 13, Graphics Exception":                                      {"0:b3:0", 13},
		"NVRM: Xid (PCI:0001:17:1f.0): 48, pid='<unknown>', name=<unknown>":                   {"1:17:1f", 48},
		"4,1,2,-;NVRM: Xid (PCI:17:00): 31, Ch 00000003":                                      {"0:17:0", 31},
		"NVRM: Xid (PCI:zz): 31, x":                                                           {},
		"NVRM: Xid (PCI:0000:17:00): 123456, x":                                               {},
		"NVRM: Xid (PCI:0000:17:00) 31":                                                       {},
		"NVRM: GPU 0000:17:00.0: RmInitAdapter failed":                                        {},
		"": {},
	} {
		at, code, ok := xidOf(record)
		if ok != (want.slot != "") || ok && (at != want.slot || code != want.code) {
			t.Errorf("%q: %q, %d, %v", record, at, code, ok)
		}
	}
}
