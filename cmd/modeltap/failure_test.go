// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
	"github.com/modeltap/modeltap/observer/source/afpacket"
)

// failure is a place where something is missing, and what is said there.
type failure struct {
	name    string
	unshare string // options; "" stays where it is
	prepare string // shell commands before the program
	env     string // added to the environment
	caps    string // for setpriv, as nobody; "" stays root
	check   string // what check says, in pieces between "…"
	log     string // what run logs, the same way
	capture string // the fallback that check names
}

const (
	none    = "-all"
	attach  = "-all,+bpf,+net_admin"
	packets = attach + ",+net_raw"

	private = "mount --make-rprivate / && "
	// As on a host of cgroup v2, on one of v1.
	v2 = private + "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && "
	v1 = private + "umount -R /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && " +
		"mkdir /sys/fs/cgroup/cpu && { mount -t cgroup -o cpu none /sys/fs/cgroup/cpu || true; } && "
	// In a group of its own, and a namespace in which that is the root.
	container = v2 + "mkdir -p /sys/fs/cgroup/$GROUP && echo $$ >/sys/fs/cgroup/$GROUP/cgroup.procs && " +
		"exec unshare --cgroup sh -c 'umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"' sh "
)

var failures = []failure{
	// unprivileged_bpf_disabled is 1 or 2 on most hosts; its value is never
	// asked for, because what is wanted needs CAP_BPF at any.
	{name: "no capability", caps: none, capture: "none",
		check: "cap_bpf no not effective…grant CAP_BPF…cap_net_admin no…grant CAP_NET_ADMIN",
		log:   "missing CAP_BPF and CAP_NET_ADMIN…capture by packet…CAP_NET_RAW"},
	{name: "BPF alone", caps: none + ",+bpf", capture: "none",
		check: "cap_net_admin no…grant CAP_NET_ADMIN", log: "missing CAP_NET_ADMIN;"},
	{name: "NET_ADMIN alone", caps: none + ",+net_admin", capture: "none",
		check: "cap_bpf no…grant CAP_BPF", log: "missing CAP_BPF;"},
	{name: "NET_RAW alone", caps: none + ",+net_raw", capture: "packet",
		check: "cap_bpf no…grant CAP_BPF", log: "trying packet: this network namespace only…missing CAP_BPF and CAP_NET_ADMIN"},
	{name: "no PERFMON", caps: attach, capture: "cgroup",
		check: "cap_perfmon no…socket_wait no…grant CAP_PERFMON", log: "socket wait is not measured; everything else is"},
	{name: "user namespace", unshare: "--user --map-root-user", capture: "none",
		check: "cap_bpf no of a user namespace…hostUsers: true", log: "user namespace, where capabilities do not count…hostUsers: true"},
	{name: "own pids", unshare: "--mount --pid --fork --mount-proc", capture: "cgroup",
		check: "host_pids no…hostPID: true", log: "processes are out of sight…hostPID: true"},
	{name: "hidden pids", unshare: "--mount", prepare: private + "mount -t proc -o hidepid=2 proc /proc && ", caps: attach, capture: "cgroup",
		check: "host_pids no…hidepid", log: "processes are out of sight…hidepid"},
	{name: "read-only /sys", unshare: "--mount", prepare: v2 + "mount -o remount,bind,ro /sys && mount -o remount,bind,ro /sys/fs/cgroup && ", capture: "cgroup",
		check: "cgroup_root yes /sys/fs/cgroup", log: ""},
	{name: "cgroup v1 alone", unshare: "--mount", prepare: v1, caps: packets, capture: "packet",
		check: "cgroup_root no…mount -t cgroup2 none /run/cgroup2…--capture.cgroup-root…/host/sys/fs/cgroup",
		log:   "trying packet: this network namespace only…no cgroup v2 file system found"},
	{name: "no /sys", unshare: "--mount", prepare: private + "umount -R /sys && ", caps: packets, capture: "packet",
		check: "btf no…cgroup_root no", log: "trying packet…no cgroup v2 file system found"},
	{name: "a container's own cgroup", unshare: "--mount", prepare: container, caps: attach, capture: "none",
		check: "cgroup_root no…own cgroup…mount the host's /sys/fs/cgroup at /host/sys/fs/cgroup",
		log:   "/sys/fs/cgroup is this container's own cgroup…/host/sys/fs/cgroup"},
	{name: "the same with DAC_READ_SEARCH", unshare: "--mount", prepare: container, caps: attach + ",+dac_read_search", capture: "cgroup",
		check: "cgroup_root yes /proc/self/fd/", log: ""},
	{name: "no bpf(2) by seccomp", env: withoutBPF, capture: "packet",
		check: "capture_programs no…a seccomp filter", log: "trying packet…a seccomp filter is in force that does not allow bpf(2)"},
}

// TestFailures starts the program where something is missing: check and the log
// of run have to name what, and what is done instead. Real containers are in
// observer/e2e/containers; gVisor and lockdown are told by what they say of
// themselves, in package bpf.
func TestFailures(t *testing.T) {
	needRoot(t)
	for _, tool := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs util-linux: ", err)
		}
	}
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip("needs a cgroup v2 hierarchy: ", err)
	}
	defer root.Close()
	group := sandbox.Cgroup() + "/failure"
	t.Cleanup(func() {
		if err := os.Remove(root.Dir(group)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
	binary := readableProgram(t)
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			if f.capture == "packet" && !afpacket.Supported {
				f.capture = "none"
			}
			out := f.command(t, binary, group, "check", "--no-gpu")
			err := out.wait(t, "")
			said := strings.Join(strings.Fields(out.log.String()), " ")
			inOrder(t, said, f.check+"…capture: "+f.capture)
			if (err == nil) != (f.capture != "none") {
				t.Errorf("check ended with %v", err)
			}
			run := f.command(t, binary, group, "run", "--no-gpu")
			started := "privileges dropped" // follows on being ready
			if f.capture == "none" {
				started = ""
			}
			err = run.wait(t, started)
			inOrder(t, run.log.String(), f.log)
			if (err == nil) != (f.capture != "none") {
				t.Errorf("run ended with %v\n%s", err, &run.log)
			}
		})
	}
}

// inOrder looks for pieces of text one after another.
func inOrder(t *testing.T, text, pieces string) {
	t.Helper()
	rest := text
	for piece := range strings.SplitSeq(pieces, "…") {
		_, after, found := strings.Cut(rest, piece)
		if !found {
			t.Errorf("no %q in its place in:\n%s", piece, text)
			return
		}
		rest = after
	}
}

// shut is a program where something is missing.
type shut struct {
	*exec.Cmd
	log log
}

func (f failure) command(t *testing.T, binary, group string, args ...string) *shut {
	t.Helper()
	var argv []string
	if f.unshare != "" {
		argv = append(append(argv, "unshare"), strings.Fields(f.unshare)...)
	}
	drop := ""
	if f.caps != "" {
		drop = fmt.Sprintf("setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps %s --ambient-caps %[1]s ", f.caps)
	}
	exe := "exec "
	if strings.HasSuffix(f.prepare, " sh ") {
		exe = "" // the last command of prepare takes the words that follow
	}
	argv = append(argv, "sh", "-c", f.prepare+exe+drop+`"$@"`, "sh", binary)
	s := &shut{Cmd: exec.Command(argv[0], append(append(argv[1:], args...), "--web.listen-address=127.0.0.1:0")...)}
	// Where cgroups are out of sight there is nothing to limit it to.
	s.Env = append(os.Environ(), asProgram, "GROUP="+group, sandbox.Limit+"=")
	if f.env != "" {
		s.Env = append(s.Env, f.env)
	}
	s.Stdout, s.Stderr = &s.log, &s.log
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// wait waits for the end of the program, and asks for it once the log holds
// started.
func (s *shut) wait(t *testing.T, started string) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(deadline)
	for {
		select {
		case err := <-ended:
			return err
		case <-late:
			_ = syscall.Kill(-s.Process.Pid, syscall.SIGKILL)
			<-ended
			t.Fatalf("neither ready nor ended:\n%s", &s.log)
		case <-tick.C:
			if started != "" && strings.Contains(s.log.String(), started) {
				started = ""
				_ = syscall.Kill(-s.Process.Pid, syscall.SIGTERM)
			}
		}
	}
}

// withoutBPF in the environment has the test binary forbid bpf(2) before it
// becomes the program.
const withoutBPF = "MT_TEST_WITHOUT_BPF=1"

// forbidBPF has a filter answer EPERM to bpf(2), and starts the program anew
// under it.
func forbidBPF() error {
	runtime.LockOSThread()
	const number, errno, allow = 0, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM), unix.SECCOMP_RET_ALLOW
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_BPF},
		{Code: unix.BPF_RET | unix.BPF_K, K: errno},
		{Code: unix.BPF_RET | unix.BPF_K, K: allow},
	}
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return err
	}
	name, _, _ := strings.Cut(withoutBPF, "=")
	if err := os.Unsetenv(name); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}
