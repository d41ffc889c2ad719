// SPDX-License-Identifier: Apache-2.0

package cgroupfs

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

func testRoot(t *testing.T) *Root {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes cgroups")
	}
	root, err := Find("")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// makeCgroup makes a cgroup that is removed at the end of the test.
func makeCgroup(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Skipf("cannot make cgroups here: %v", err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

func TestFindRefusesWhatIsNone(t *testing.T) {
	root := testRoot(t)
	child := makeCgroup(t, root.Dir(fmt.Sprintf("mt-root-%d", os.Getpid())))
	// A container's own cgroup, a directory that is none, one that is not there.
	for _, hint := range []string{child, t.TempDir(), "/nowhere"} {
		if got, err := Find(hint); err == nil {
			t.Errorf("%s was taken for the root: %s", hint, got.Path)
		} else if !strings.Contains(err.Error(), hint) {
			t.Errorf("the error does not name %s: %v", hint, err)
		}
	}
	if got, err := Find(root.Path); err != nil || got.Path != root.Path {
		t.Errorf("Find(%s) = %v, %v", root.Path, got, err)
	}
}

func TestRootByHandle(t *testing.T) {
	root := testRoot(t)
	child := makeCgroup(t, root.Dir(fmt.Sprintf("mt-handle-%d", os.Getpid())))
	dir, err := openByID(child, rootID)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if id, err := ID(fmt.Sprintf("/proc/self/fd/%d", dir.Fd())); err != nil || id != rootID {
		t.Errorf("the handle opened cgroup %d, %v", id, err)
	}
}

func TestAncestors(t *testing.T) {
	root := testRoot(t)
	outer := makeCgroup(t, root.Dir(fmt.Sprintf("mt-up-%d", os.Getpid())))
	inner := makeCgroup(t, outer+"/inner")
	o, err := Open(outer)
	if err != nil {
		t.Fatal(err)
	}
	i, err := Open(inner)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{o.ID, rootID}; len(i.Ancestors) != 2 || i.Ancestors[0] != want[0] || i.Ancestors[1] != want[1] {
		t.Errorf("ancestors %v, want %v", i.Ancestors, want)
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

func TestPathOf(t *testing.T) {
	root := testRoot(t)
	dir := makeCgroup(t, root.Dir(fmt.Sprintf("mt-path-%d", os.Getpid())))
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	if got, err := root.PathOf(st.Ino); err != nil || root.Dir(got) != dir {
		t.Errorf("PathOf(%d) = %q, %v; want that of %s", st.Ino, got, err, dir)
	}
	if got, err := root.walk(st.Ino); err != nil || root.Dir(got) != dir {
		t.Errorf("walk(%d) = %q, %v; want that of %s", st.Ino, got, err, dir)
	}
	if got, err := root.PathOf(1); err != nil || got != "/" {
		t.Errorf("PathOf(1) = %q, %v", got, err)
	}
	if got, err := root.PathOf(1 << 62); err == nil {
		t.Errorf("PathOf of no cgroup = %q", got)
	}
}
