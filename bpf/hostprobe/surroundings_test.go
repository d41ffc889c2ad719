// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGvisor(t *testing.T) {
	for _, c := range []struct {
		release, version string
		want             bool
	}{
		{"4.4.0", gvisorVersion, true},
		{"4.19.0-gvisor", gvisorVersion, true},
		{"6.6.0-gvisor", "#1 SMP Thu Jan 1 00:00:00 UTC 2026", true},
		{"4.4.0-210-generic", "#242-Ubuntu SMP Fri Apr 16 09:57:56 UTC 2021", false},
		{"6.12.41+deb13-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.41-1 (2025-08-12)", false},
	} {
		if got := gvisor(c.release, c.version); got != c.want {
			t.Errorf("%s %s: %v", c.release, c.version, got)
		}
		f := kernelOf(6<<8|12, c.release, c.version, true)
		if (f.State == No) != c.want || c.want && !strings.Contains(f.Detail+f.Remedy, "gVisor") {
			t.Errorf("%s: %+v", c.release, f)
		}
	}
}

func TestSuspects(t *testing.T) {
	const (
		all       = "\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n"
		noPerfmon = "\nCapEff:\t0000008000001000\nSeccomp:\t0\n"
		filtered  = "\nCapEff:\t000001ffffffffff\nSeccomp:\t2\n"
		modern    = 6<<8 | 12
	)
	for _, c := range []struct {
		name, status, lockdown string
		version                int
		want                   []string
	}{
		{"before 5.11", all, "", 5<<8 | 10, []string{"RLIMIT_MEMLOCK"}},
		{"no PERFMON", noPerfmon, "[none] integrity confidentiality\n", modern, []string{"CAP_PERFMON"}},
		{"seccomp", filtered, "", modern, []string{"seccomp"}},
		{"lockdown", all, "none integrity [confidentiality]\n", modern, []string{"lockdown=confidentiality"}},
		{"integrity forbids nothing of ours", all, "none [integrity] confidentiality\n", modern, []string{"security module"}},
		{"several", filtered, "none integrity [confidentiality]\n", 5<<8 | 10, []string{"RLIMIT_MEMLOCK", "seccomp", "lockdown"}},
	} {
		got := suspects(c.status, c.lockdown, c.version)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %d", c.name, got, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: %q does not name %s", c.name, got[i], want)
			}
		}
	}
}

// CAP_SYS_ADMIN stands for what came out of it, and for nothing else.
func TestSysAdminStandsFor(t *testing.T) {
	const set = uint64(1) << unix.CAP_SYS_ADMIN
	for bit, want := range map[int]bool{
		unix.CAP_BPF: true, unix.CAP_PERFMON: true,
		unix.CAP_NET_ADMIN: false, unix.CAP_NET_RAW: false, unix.CAP_SYS_PTRACE: false, unix.CAP_DAC_READ_SEARCH: false,
	} {
		if hasCap(set, bit) != want {
			t.Errorf("capability %d: want %v", bit, want)
		}
	}
}
