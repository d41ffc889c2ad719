// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
)

const prefix = "modeltap-test-"

// allowed says whether this process may make network namespaces.
func allowed() bool {
	probe := exec.Command("/proc/self/exe", "-test.list=^$")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return probe.Run() == nil
}

// maker makes sandboxes as far as this host allows.
type maker struct {
	root *cgroupfs.Root // nil if no cgroup can be made
}

func newMaker() (*maker, error) {
	root, err := cgroupfs.Find("")
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox: a network namespace alone:", err)
		return &maker{}, nil
	}
	sweep(root.Path)
	return &maker{root: root}, nil
}

func (m *maker) close() {
	if m.root != nil {
		m.root.Close()
	}
}

// box is one sandbox.
type box struct {
	dir  string // of its cgroup, "" for none
	path string // of its cgroup, below the root
}

func (m *maker) make() (*box, error) {
	if m.root == nil {
		return &box{}, nil
	}
	dir, err := os.MkdirTemp(m.root.Path, prefix)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES) {
		return &box{}, nil // a container that may not make cgroups: its own is all it sees
	}
	if err == nil {
		err = os.Chmod(dir, 0o755) // some daemons are nobody's
	}
	if err != nil {
		return nil, fmt.Errorf("make a cgroup: %w", err)
	}
	return &box{dir: dir, path: "/" + filepath.Base(dir)}, nil
}

// run runs a program in the sandbox until it ends or ctx does.
func (b *box) run(ctx context.Context, out *os.File, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), inside+"="+b.path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if b.dir != "" {
		dir, err := os.Open(b.dir)
		if err != nil {
			return err
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
		cmd.Env = append(cmd.Env, Limit+"="+b.path)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start in a sandbox: %w", err)
	}
	return cmd.Wait()
}

// remove ends what is left in the sandbox. Its network namespace goes with the
// last process.
func (b *box) remove() error {
	if b.dir == "" {
		return nil
	}
	return endGroup(b.dir)
}
