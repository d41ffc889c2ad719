// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// capNames are the capabilities that the observer has a use for.
var capNames = [...]struct {
	bit  int
	name string
}{
	{unix.CAP_BPF, "CAP_BPF"},
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{unix.CAP_PERFMON, "CAP_PERFMON"},
	{unix.CAP_NET_RAW, "CAP_NET_RAW"},
	{unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
	{unix.CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
}

// effectiveCaps finds the effective set in the text of /proc/PID/status.
func effectiveCaps(status string) (set uint64, ok bool) {
	_, after, found := strings.Cut(status, "\nCapEff:")
	if !found {
		return 0, false
	}
	line, _, _ := strings.Cut(after, "\n")
	set, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return set, err == nil
}

// hasCap says whether set holds the capability. CAP_SYS_ADMIN stands for
// CAP_BPF and CAP_PERFMON (capabilities(7)).
func hasCap(set uint64, bit int) bool {
	if (bit == unix.CAP_BPF || bit == unix.CAP_PERFMON) && set>>unix.CAP_SYS_ADMIN&1 != 0 {
		return true
	}
	return set>>bit&1 != 0
}

// missingCaps names those of the wanted capabilities that are not in set.
func missingCaps(set uint64, want ...int) []string {
	var missing []string
	for _, c := range capNames {
		for _, bit := range want {
			if c.bit == bit && !hasCap(set, bit) {
				missing = append(missing, c.name)
			}
		}
	}
	return missing
}

// LacksPerfmon says that this process is known not to have CAP_PERFMON.
func LacksPerfmon() bool {
	status, _ := os.ReadFile("/proc/self/status")
	effective, known := effectiveCaps(string(status))
	return known && !hasCap(effective, unix.CAP_PERFMON)
}
