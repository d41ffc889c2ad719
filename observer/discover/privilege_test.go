// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnprivileged runs discovery as nobody with CAP_BPF and CAP_NET_ADMIN and
// nothing else, and without BPF with no capability at all.
func TestUnprivileged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	tmp, err := os.MkdirTemp("", "mt-nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o777); err != nil { // /tmp itself may be root's
		t.Fatal(err)
	}
	for _, x := range []struct {
		run  string
		n    int
		caps []uintptr
	}{
		{"^(TestDiscoveryFindsCandidates|TestScoutFindsTheRest|TestSharedPortIsOneServer|TestBoundClientLeaves)$", 4,
			[]uintptr{unix.CAP_BPF, unix.CAP_NET_ADMIN}},
		{"^(TestTargetFromBefore|TestReloadTakesListenersUp)$/blind=true", 2, nil},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run", x.run, "-test.v")
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=/usr/bin:/bin", "TMPDIR=" + tmp}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: x.caps}
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "needs python3") {
			t.Skip("needs a python3 that nobody may run")
		}
		if err != nil || strings.Contains(string(out), "SKIP") || strings.Count(string(out), "\n--- PASS") != x.n {
			t.Errorf("as nobody with %d capabilities: %v\n%s", len(x.caps), err, out)
		}
	}
}
