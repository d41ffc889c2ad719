// SPDX-License-Identifier: Apache-2.0

// Command guest is what the container tests put on a node beside the parts
// under test: the process that holds a pod's namespaces, a runc that does without
// the controllers that a hybrid host leaves out of cgroup v2, and the last step
// of node.sh.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	var err error
	switch filepath.Base(os.Args[0]) {
	case "runc":
		err = runc()
	case "enter":
		err = enter(os.Args[1:])
	default:
		pause()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// enter makes the working directory the root, and runs a command there.
func enter(argv []string) error {
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("umount of the old root: %w", err)
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, argv, os.Environ())
}

func pause() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}

// runc becomes the real one. Of the resources that a bundle asks for it leaves
// the devices alone where the hierarchy has no controllers for the rest.
func runc() error {
	have, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if i := slices.Index(os.Args, "--bundle"); i > 0 && i+1 < len(os.Args) && !strings.Contains(string(have), "memory") {
		if err := strip(filepath.Join(os.Args[i+1], "config.json")); err != nil {
			return err
		}
	}
	return syscall.Exec("/usr/sbin/runc", os.Args, os.Environ())
}

func strip(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		return err
	}
	linux, _ := config["linux"].(map[string]any)
	resources, _ := linux["resources"].(map[string]any)
	for name := range resources {
		if name != "devices" {
			delete(resources, name)
		}
	}
	if raw, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}
