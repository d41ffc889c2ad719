// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Inodes of the initial namespaces (PROC_USER_INIT_INO, PROC_PID_INIT_INO in
// include/linux/proc_ns.h). In that of pids BPF numbers processes; in that of
// users capabilities count for bpf(2).
const (
	initUserNamespace = 0xEFFFFFFD
	initPIDNamespace  = 0xEFFFFFFC
)

// gvisorVersion is the version of the kernel that gVisor plays, where its
// release does not say "-gvisor". No Linux was built at that second.
const gvisorVersion = "#1 SMP Sun Jan 10 15:06:54 PST 2016"

const gvisorRemedy = "gVisor keeps programs from the host's kernel: run modeltap under the host's ordinary runtime (no runtimeClassName, --runtime=runc)"

func gvisor(release, version string) bool {
	return strings.HasSuffix(release, "-gvisor") || version == gvisorVersion
}

// Confined tells why no capability would help this process to load programs,
// nil if that is not so.
func Confined() error {
	if _, release, version, ok := kernel(); ok && gvisor(release, version) {
		return errors.New("this is gVisor's kernel, not the host's: " + gvisorRemedy)
	}
	if inUserNamespace() {
		return errors.New("this process is in a user namespace, where capabilities do not count for bpf(2): run it without one (hostUsers: true, --userns=host, not rootless)")
	}
	return nil
}

func inUserNamespace() bool {
	var st unix.Stat_t
	return unix.Stat("/proc/self/ns/user", &st) == nil && st.Ino != initUserNamespace
}

// HostPIDs says whether process ids from BPF mean something in our /proc.
func HostPIDs() bool {
	var st unix.Stat_t
	return unix.Stat("/proc/self/ns/pid", &st) == nil && st.Ino == initPIDNamespace
}

// hostPIDs tells whether processes can be named.
func hostPIDs() Feature {
	f := Feature{Name: "host_pids", State: No}
	const loss = "without it servers are named by pod, container or port, and have no process figures"
	_, err := os.ReadFile("/proc/1/comm") // readable by everyone, but for hidepid
	switch {
	case !HostPIDs():
		f.Detail, f.Remedy = "this process has a pid namespace of its own", "hostPID: true, --pid=host; "+loss
	case err != nil:
		f.Detail = "/proc hides the processes of others: " + err.Error()
		f.Remedy = "mount /proc without hidepid (ProtectProc=default in a unit), or grant CAP_SYS_PTRACE; " + loss
	default:
		f.State, f.Detail = Yes, "visible"
	}
	return f
}

// suspects lists what can refuse bpf(2) to a process that has CAP_BPF and
// CAP_NET_ADMIN, in the order of likelihood.
func suspects(status, lockdown string, version int) []string {
	var all []string
	if version < memcgKernel {
		all = append(all, "RLIMIT_MEMLOCK is below 64 MiB, which counts before Linux 5.11")
	}
	if effective, ok := effectiveCaps(status); ok && len(missingCaps(effective, unix.CAP_PERFMON)) > 0 {
		all = append(all, "CAP_PERFMON is missing, which programs need before Linux 5.17 and socket wait always")
	}
	if strings.Contains(status, "\nSeccomp:\t2") {
		all = append(all, "a seccomp filter is in force that does not allow bpf(2) (seccompProfile RuntimeDefault does)")
	}
	if strings.Contains(lockdown, "[confidentiality]") {
		all = append(all, "the kernel is locked down (lockdown=confidentiality)")
	}
	if len(all) == 0 {
		all = append(all, "a security module (SELinux, AppArmor, BPF LSM) refuses it: its log tells which rule")
	}
	return all
}

// refusal puts the suspects into words.
func refusal() string {
	status, _ := os.ReadFile("/proc/self/status")
	lockdown, _ := os.ReadFile("/sys/kernel/security/lockdown")
	version, _, _, _ := kernel()
	return fmt.Sprintf("permission denied with CAP_BPF and CAP_NET_ADMIN in place: %s", strings.Join(suspects(string(status), string(lockdown), version), "; or "))
}
