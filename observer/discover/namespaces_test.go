// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// A look into another namespace must not leave our main thread there, which the
// runtime parks instead of ending: /proc/PID/net and /proc/PID/ns/net, read by
// anybody, are those of the main thread.
func TestListeningInLeavesMainThreadAlone(t *testing.T) {
	ns := netns(t, "target-look")
	before, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	moved := func() bool {
		now, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid))
		return err == nil && now != before
	}
	for end := time.Now().Add(10 * time.Second); !moved(); {
		if time.Now().After(end) {
			t.Fatal("the child did not enter its namespace")
		}
	}
	for range 300 {
		all, cookie, err := listeningIn(cmd.Process.Pid)
		if err != nil {
			t.Skip("needs CAP_SYS_ADMIN: ", err)
		}
		if len(all) != 0 || cookie == netnsCookie() && cookie != 0 {
			t.Fatalf("not the other namespace: %+v", all)
		}
		if after, _ := os.Readlink("/proc/self/ns/net"); after != before {
			t.Fatalf("the main thread is in %s, was in %s", after, before)
		}
	}
}
