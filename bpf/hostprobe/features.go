// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
)

// State is the answer of a probe. Unknown is not No: a probe that lacks a
// capability cannot tell what the kernel offers.
type State uint8

const (
	Unknown State = iota
	Yes
	No
)

// String returns "unknown", "yes" or "no".
func (s State) String() string { return [...]string{"unknown", "yes", "no"}[s] }

// Feature is one thing that capture makes use of, and whether it is there.
type Feature struct {
	Name string // value of the "feature" label
	State
	Detail string // what was found
	Remedy string // what to do, empty when the state is Yes
	// Required features are those without which capture by cgroup is
	// impossible; without the others it does less, or does it dearer.
	Required bool
}

// Features asks the kernel and this process what they offer. It changes
// nothing, loads no program of ours and takes some ms; package bpf tries those. The hint is that of cgroupfs.Find.
func Features(hint string) []Feature {
	status, _ := os.ReadFile("/proc/self/status")
	effective, known := effectiveCaps(string(status))
	fs := []Feature{kernelVersion()}
	for _, c := range []struct {
		bit      int
		required bool
		use      string
	}{
		{unix.CAP_BPF, true, "loading the capture programs"},
		{unix.CAP_NET_ADMIN, true, "attaching them to cgroups"},
		{unix.CAP_PERFMON, false, "socket wait"},
		{unix.CAP_NET_RAW, false, "--capture=packet"},
		{unix.CAP_SYS_PTRACE, false, "looking into processes of other users, and their network namespaces"},
		{unix.CAP_DAC_READ_SEARCH, false, "telling whose a socket from before is, and finding cgroups by their ids"},
	} {
		fs = append(fs, capability(effective, known, c.bit, c.required, c.use))
	}
	mayLoad := known && hasCap(effective, unix.CAP_BPF)
	return append(fs,
		probed("ringbuf", true, "5.8", mayLoad, features.HaveMapType(ebpf.RingBuf)),
		probed("cgroup_skb", true, "5.7", mayLoad, features.HaveProgramType(ebpf.CGroupSKB)),
		probed("sk_storage", true, "5.10", mayLoad, features.HaveProgramHelper(ebpf.CGroupSock, asm.FnSkStorageGet)),
		probed("bpf_loop", false, "5.17", mayLoad, features.HaveProgramHelper(ebpf.CGroupSKB, asm.FnLoop)),
		probed("netns_cookie", false, "6.16", mayLoad, features.HaveProgramHelper(ebpf.CGroupSKB, asm.FnGetNetnsCookie)),
		probed("post_bind", false, "5.10", mayLoad, features.HaveProgramHelper(ebpf.CGroupSock, asm.FnGetSocketCookie)),
		kernelBTF(),
		cgroupRoot(hint),
		hostPIDs(),
		memlock(),
	)
}

// probed turns the answer of a library probe into a Feature.
func probed(name string, required bool, since string, mayLoad bool, err error) Feature {
	f := Feature{Name: name, Required: required}
	switch {
	case err == nil:
		f.State, f.Detail = Yes, "supported"
	case errors.Is(err, ebpf.ErrNotSupported):
		f.State, f.Detail = No, "not supported by this kernel"
		f.Remedy = "Linux " + since + " or later has it"
	case !mayLoad:
		f.Detail, f.Remedy = "cannot be probed without CAP_BPF", "grant CAP_BPF and ask again"
	default:
		f.Detail, f.Remedy = Explain(err).Error(), "see the detail"
	}
	return f
}

func capability(effective uint64, known bool, bit int, required bool, use string) Feature {
	f := Feature{Required: required}
	for _, c := range capNames {
		if c.bit == bit {
			f.Name = strings.ToLower(c.name)
		}
	}
	switch {
	case !known:
		f.Detail, f.Remedy = "/proc/self/status tells no capabilities", "mount /proc"
	case inUserNamespace() && bit != unix.CAP_SYS_PTRACE && bit != unix.CAP_DAC_READ_SEARCH:
		f.State, f.Detail = No, "of a user namespace, where it does not count"
		f.Remedy = "run without one (hostUsers: true, --userns=host, not rootless)"
	case hasCap(effective, bit):
		f.State, f.Detail = Yes, "effective"
	default:
		f.State, f.Detail = No, "not effective; for: "+use
		f.Remedy = fmt.Sprintf("grant %s to the process", strings.ToUpper(f.Name))
	}
	return f
}

func kernelBTF() Feature {
	f := Feature{Name: "btf", State: Yes, Detail: "/sys/kernel/btf/vmlinux"}
	if _, err := os.Stat(f.Detail); err != nil {
		f.State, f.Detail = No, err.Error()
		f.Remedy = "socket wait alone needs a kernel with CONFIG_DEBUG_INFO_BTF, and /sys mounted"
	}
	return f
}

func cgroupRoot(hint string) Feature {
	f := Feature{Name: "cgroup_root", Required: true}
	root, err := cgroupfs.Find(hint)
	if err != nil {
		f.State, f.Detail, f.Remedy = No, err.Error(), "see the detail"
		return f
	}
	defer root.Close()
	f.State, f.Detail = Yes, root.Path
	return f
}
