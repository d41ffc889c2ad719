// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/event"
)

const asNobody = "MODELTAP_TEST_AS_NOBODY"

// TestAsNobody runs the capture as uid 65534 with two capabilities and without
// new privileges, and then with a third that socket wait needs.
func TestAsNobody(t *testing.T) {
	needRoot(t)
	hostRoot(t)
	// The test binary lies in a directory that is root's: pass it as a file.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	for name, caps := range map[string][]uintptr{
		"without": {unix.CAP_BPF, unix.CAP_NET_ADMIN},
		"with":    {unix.CAP_BPF, unix.CAP_NET_ADMIN, unix.CAP_PERFMON},
	} {
		t.Run(name+" CAP_PERFMON", func(t *testing.T) {
			cmd := exec.Command("/proc/self/fd/3", "-test.run=^TestNobody$", "-test.v")
			cmd.ExtraFiles = []*os.File{self}
			cmd.Dir = "/"
			cmd.Env = []string{asNobody + "=" + name}
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
				AmbientCaps: caps,
				Pdeathsig:   syscall.SIGKILL,
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("--- PASS: TestNobody")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestNobody is the child of TestAsNobody.
func TestNobody(t *testing.T) {
	perfmon := os.Getenv(asNobody)
	if perfmon == "" {
		t.Skip("is run by TestAsNobody")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Fatal(err)
	}
	tap, err := bpf.Load(bpf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	attachments := bpf.NewAttachments(tap)
	defer attachments.Close()
	if err := attachments.Set([]string{root.Path}); err != nil {
		t.Fatal(err)
	}
	if err := tap.AttachSocketWait(); (err == nil) != (perfmon == "with") {
		t.Errorf("socket wait %s CAP_PERFMON: %v", perfmon, err)
	} else if err != nil && !bytes.Contains([]byte(err.Error()), []byte("CAP_PERFMON")) {
		t.Errorf("the error does not name the capability: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := tap.SetPorts([]uint16{port(l.Addr())}); err != nil {
		t.Fatal(err)
	}
	r := follow(t, tap)
	request, answer := pattern(20_000), pattern(20_000)
	client, cookie := converse(t, l, l.Addr().String(), request, answer)
	all := r.until(t, "end", ended(client, cookie))
	if !bytes.Equal(stream(all, client, event.Request), request) || !bytes.Equal(stream(all, client, event.Response), answer) {
		t.Error("the conversation was not captured whole")
	}
	reads := 0
	for _, s := range all {
		if s.Kind == event.KindRead || s.Flags&event.Read != 0 {
			reads++
		}
	}
	if (reads > 0) != (perfmon == "with") {
		t.Errorf("%d reads reported %s CAP_PERFMON", reads, perfmon)
	}
}
