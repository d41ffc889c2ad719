// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
)

// cgroupTree makes a cgroup with one inside and returns their directories.
func cgroupTree(t *testing.T, root *cgroupfs.Root, name string) (path, inner string) {
	t.Helper()
	path = fmt.Sprintf("/mt-%s-%d", name, os.Getpid())
	for _, dir := range []string{root.Dir(path), root.Dir(path + "/inner")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skip("needs to make a cgroup: ", err)
		}
		t.Cleanup(func() { // after the children inside are gone
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
	}
	return path, root.Dir(path + "/inner")
}

// Whatever listens outside the subtree, from before or later, in this network
// namespace or another, on a target's port or a candidate's, is no server, and
// nothing outside is attached to.
func TestSubtreeAlone(t *testing.T) {
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip("needs the root of cgroup v2: ", err)
	}
	defer root.Close()
	py, app := python(t), script(t, "app.py")
	for _, target := range []bool{false, true} {
		t.Run(fmt.Sprintf("target=%v", target), func(t *testing.T) {
			path, inner := cgroupTree(t, root, "subtree")
			// A namesake: its path begins with that of the subtree.
			_, beside := cgroupTree(t, root, fmt.Sprintf("subtree-%d0", os.Getpid()))
			ns := netns(t, "subtree")
			type place struct{ group, ns string }
			places := []place{{inner, ""}, {beside, ""}, {"", ""}, {inner, ns}, {beside, ns}}
			ports := make([]int, 2*len(places))
			start := func(half int) {
				for i, p := range places {
					argv := []string{py, app, strconv.Itoa(ports[2*i+half])}
					if p.ns != "" {
						argv = append([]string{"ip", "netns", "exec", p.ns}, argv...)
					}
					child(t, p.group, argv...)
					if p.ns == "" {
						reachable(t, ports[2*i+half])
					}
				}
			}
			var targets []string
			for i := range ports {
				ports[i] = freePort(t)
				if target {
					targets = append(targets, strconv.Itoa(ports[i]))
				}
			}
			start(0)
			listensIn(t, ports[6], ports[8])
			s := playIn(t, path, false, targets...)
			if !target && slices.Equal(s.last().Dirs, []string{root.Path}) {
				t.Errorf("attached to the whole host: %+v", s.last())
			}
			start(1)
			inside := []int{ports[0], ports[1], ports[6], ports[7]}
			s.until(t, "what listens inside is known", func() bool {
				for _, port := range inside {
					if !slices.Contains(s.last().Ports, uint16(port)) {
						return false
					}
				}
				return true
			})
			time.Sleep(2 * lookEvery) // for those outside to be looked at
			for _, port := range ports {
				if captured := slices.Contains(s.last().Ports, uint16(port)); captured && !target && !slices.Contains(inside, port) {
					t.Errorf("port %d, outside, is captured", port)
				}
			}
			for _, l := range s.tab.Servers() {
				if l.Listening && !slices.Contains(inside, int(l.Port)) {
					t.Errorf("%s, outside, is a server", l.Name)
				}
			}
			for _, dir := range s.last().Dirs {
				if dir != inner && dir != root.Dir(path) {
					t.Errorf("attached to %s", dir)
				}
			}
		})
	}
}

// listensIn waits until other network namespaces than ours listen on ports.
func listensIn(t *testing.T, ports ...int) {
	t.Helper()
	for missing := len(ports); missing > 0; {
		missing = len(ports)
		for _, ns := range namespaces("/proc") {
			for _, l := range ns.Sockets {
				if slices.Contains(ports, int(l.Local.Port())) {
					missing--
				}
			}
		}
	}
}
