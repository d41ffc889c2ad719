// SPDX-License-Identifier: Apache-2.0

// Package sandbox runs the tests of a package where they see nothing else: each
// sandbox is a network namespace and a cgroup of its own, in which the test
// binary runs again, with all that its tests start. Ports are free there, what
// listens elsewhere on the host is out of sight, and daemons are limited to the
// cgroup by their environment (MODELTAP_DISCOVERY_CGROUP). Clocks are the
// host's. Several sandboxes run side by side.
//
// Nothing in a test says so: TestMain calls Main, and every socket, server and
// client of the package is inside.
package sandbox

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// Plan says which tests of a package run together. The zero value gives them one
// sandbox.
type Plan struct {
	// Apart matches the names of the tests that get a sandbox each, several at a
	// time; "" is none. The rest shares one.
	Apart string
	// Alone matches those among them that run while no other test of the package
	// does; "" is none.
	Alone string
	// Prepare runs once, as root, outside: downloads and builds, into Shared. nil
	// is nothing. Its error fails the run.
	Prepare func() error
}

const (
	inside = "MT_TEST_SANDBOX" // set in the environment of a sandbox: its cgroup, "" if it has none
	shared = "MT_TEST_SHARED"

	// Limit is the variable that limits a daemon to the sandbox. Who starts one
	// that cannot be limited (it captures packets, or may not see cgroups) takes
	// it out of the environment.
	Limit = "MODELTAP_DISCOVERY_CGROUP"
)

// Cgroup returns the path of the sandbox's cgroup below the root of cgroup v2,
// "" outside of one.
func Cgroup() string { return os.Getenv(inside) }

// Shared returns a directory that all sandboxes of the run have, and Prepare too.
// It goes at the end.
func Shared() string { return os.Getenv(shared) }

// Main runs the tests and returns the exit code. Without the rights to make a
// sandbox, and for benchmarks and fuzzing, they run where they are.
func Main(m *testing.M, p Plan) int {
	flag.Parse()
	if _, ok := os.LookupEnv(inside); ok {
		if err := loopbackUp(); err != nil {
			fmt.Fprintln(os.Stderr, "sandbox:", err)
			return 1
		}
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "modeltap-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Setenv(shared, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return 1
	}
	if os.Geteuid() != 0 || set("test.list", "test.bench", "test.fuzz", "test.fuzzworker") {
		return m.Run()
	}
	if !allowed() {
		if err := p.prepare(); err != nil {
			return 1
		}
		return m.Run()
	}
	c, err := newConductor(p)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return 1
	}
	return c.run()
}

func (p Plan) prepare() error {
	if p.Prepare == nil {
		return nil
	}
	err := p.Prepare()
	if err != nil {
		fmt.Println("prepare:", err)
	}
	return err
}

// set says whether one of the flags has been given.
func set(names ...string) bool {
	for _, name := range names {
		if f := flag.Lookup(name); f != nil && f.Value.String() != f.DefValue {
			return true
		}
	}
	return false
}

func value(name string) string { return flag.Lookup(name).Value.String() }

// match compiles a pattern of a Plan, of which "" matches nothing.
func match(pattern string) (func(string) bool, error) {
	if pattern == "" {
		return func(string) bool { return false }, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}

// loopbackUp brings the namespace's loopback up, which gives it 127.0.0.1 and ::1.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return err
	}
	if lo.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return errors.New("bring the loopback up: " + err.Error())
	}
	return nil
}
