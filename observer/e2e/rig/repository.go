// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Root returns the folder of go.mod above the working folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working folder; run this inside the repository")
		}
	}
}

// Repository holds what the rig builds and installs.
type Repository struct {
	Root, Apps string
	Venv       string // bin folder of the Python environment
	Build      string // folder for binaries
}

// Open runs the install step and returns the repository around the working
// folder. Binaries go to build.
func Open(build string) (*Repository, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	out, err := exec.Command("bash", filepath.Join(root, "observer/e2e/setup.sh")).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("bash observer/e2e/setup.sh: %w\n%s", err, out)
	}
	return &Repository{
		Root:  root,
		Apps:  filepath.Join(root, "observer/e2e/testdata/apps"),
		Venv:  filepath.Join(root, ".cache/e2e/venv/bin"),
		Build: build,
	}, nil
}

// Modeltap builds the daemon, once for a folder, and returns its path.
func (r *Repository) Modeltap() (string, error) {
	bin := filepath.Join(r.Build, "modeltap")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/modeltap")
	cmd.Dir = r.Root
	return bin, run(cmd)
}

// Csrv compiles the C server and load client, once for a folder, and returns
// their path.
func (r *Repository) Csrv() (string, error) {
	bin := filepath.Join(r.Build, "csrv")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	sources, err := filepath.Glob(filepath.Join(r.Root, "observer/e2e/testdata/csrv/*.c"))
	if err != nil {
		return "", err
	}
	return bin, run(exec.Command("cc", append([]string{"-O2", "-o", bin}, sources...)...))
}

func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}
