// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/identity"
)

// procOf makes a /proc in which processes have cgroups.
func procOf(t *testing.T, cgroups map[int]string) identity.Proc {
	t.Helper()
	root := t.TempDir()
	for pid, path := range cgroups {
		dir := filepath.Join(root, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup"), []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return identity.Proc(root)
}

var idA, idB = strings.Repeat("0a", 32), strings.Repeat("0b", 32)

func TestContainer(t *testing.T) {
	proc := procOf(t, map[int]string{
		1: "0::/system.slice/docker-" + idA + ".scope\n",
		2: "0::/kubepods.slice/kubepods-pod5f.slice/cri-containerd-" + idA + ".scope\n",
		3: "12:memory:/kubepods/besteffort/pod5f/" + idB + "\n0::/\n",
		4: "0::/kubepods.slice/crio-conmon-" + idA + ".scope\n",
		5: "0::/user.slice/user-1000.slice/session-2.scope\n",
		6: "0::/docker/" + idA + "/kubelet/kubepods/pod5f/" + idB + "\n", // kind: a node is a container
		7: "",
		8: "0::/machine.slice/libpod-" + idB + ".scope/container\n",
	})
	for pid, want := range map[int]string{1: idA, 2: idA, 3: idB, 4: "", 5: "", 6: idB, 7: "", 8: idB, 9: ""} {
		if got := proc.Container(pid); got != want {
			t.Errorf("%d: %q, want %q", pid, got, want)
		}
	}
}

func TestJoinByContainer(t *testing.T) {
	a, b := "0::/docker/"+idA+"\n", "0::/docker/"+idB+"\n"
	proc := procOf(t, map[int]string{10: a, 11: a, 12: a, 20: b, 21: b, 22: b, 30: "0::/\n", 31: "0::/\n"})
	trees := map[string]Tree{"alone": {PIDs: []int{10, 11}}, "one": {PIDs: []int{20}}, "two": {PIDs: []int{21}}, "host": {PIDs: []int{30}}}
	join(proc, trees, map[string]int{"alone": 10, "one": 20, "two": 21, "host": 30}, []int{10, 11, 12, 12, 22, 31, 99})
	for name, want := range map[string][]int{
		"alone": {12},            // not 11, which is in the tree, and 12 once
		"one":   nil, "two": nil, // whose 22 is, nobody can tell
		"host": nil, // no container joins all that runs on the host
	} {
		if got := trees[name].Joined; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
