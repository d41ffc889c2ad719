// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// ownCgroup finds the path of the cgroup v2 hierarchy in /proc/PID/cgroup.
func ownCgroup(text string) string {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return "/"
}

func TestFindCgroupRootRefusesWhatIsNone(t *testing.T) {
	root := testRoot(t)
	child := makeCgroup(t, root.Dir(fmt.Sprintf("mt-root-%d", os.Getpid())))
	// A container's own cgroup, a directory that is none, one that is not there.
	for _, hint := range []string{child, t.TempDir(), "/nowhere"} {
		if got, err := FindCgroupRoot(hint); err == nil {
			t.Errorf("%s was taken for the root: %s", hint, got.Path)
		} else if !strings.Contains(err.Error(), hint) {
			t.Errorf("the error does not name %s: %v", hint, err)
		}
	}
	if got, err := FindCgroupRoot(root.Path); err != nil || got.Path != root.Path {
		t.Errorf("FindCgroupRoot(%s) = %v, %v", root.Path, got, err)
	}
}

func TestRootByHandle(t *testing.T) {
	root := testRoot(t)
	child := makeCgroup(t, root.Dir(fmt.Sprintf("mt-handle-%d", os.Getpid())))
	dir, err := openCgroupID(child, rootID)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if id, err := cgroupID(fmt.Sprintf("/proc/self/fd/%d", dir.Fd())); err != nil || id != rootID {
		t.Errorf("the handle opened cgroup %d, %v", id, err)
	}
}

func TestAncestors(t *testing.T) {
	root := testRoot(t)
	outer := makeCgroup(t, root.Dir(fmt.Sprintf("mt-up-%d", os.Getpid())))
	inner := makeCgroup(t, outer+"/inner")
	o, err := openCgroup(outer)
	if err != nil {
		t.Fatal(err)
	}
	i, err := openCgroup(inner)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{o.id, rootID}; len(i.ancestors) != 2 || i.ancestors[0] != want[0] || i.ancestors[1] != want[1] {
		t.Errorf("ancestors %v, want %v", i.ancestors, want)
	}
}

func TestSubtree(t *testing.T) {
	root := testRoot(t)
	name := fmt.Sprintf("mt-subtree-%d", os.Getpid())
	outer := makeCgroup(t, root.Dir(name))
	inner := makeCgroup(t, outer+"/inner")
	for given, want := range map[string]string{
		name: "/" + name, "/" + name + "/": "/" + name, name + "/inner": "/" + name + "/inner",
		outer: "/" + name, inner: "/" + name + "/inner", "/": "/", root.Path: "/",
	} {
		if got, err := root.Subtree(given); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", given, got, err, want)
		}
	}
	for _, given := range []string{name + "/none", t.TempDir(), "/proc", outer + "/cgroup.procs"} {
		if got, err := root.Subtree(given); err == nil || !strings.Contains(err.Error(), "create it first") {
			t.Errorf("%s: %q, %v", given, got, err)
		}
	}
}
