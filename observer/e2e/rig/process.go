// SPDX-License-Identifier: Apache-2.0

// Package rig starts real model servers, modeltap and clients for the
// end-to-end tests and the overhead comparison, and reads what they say.
// Everything listens on the loopback and is ended by process group.
package rig

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a child in a process group of its own.
type Process struct {
	Name string
	cmd  *exec.Cmd
	out  *tail
	done chan struct{}
}

// Options say how a Process is started; the zero value is fine.
type Options struct {
	Dir    string
	Env    []string // added to the environment
	Cgroup string   // cgroup2 directory to be born in, "" for the parent's
}

// Start runs argv. The child dies with this process.
func Start(o Options, argv ...string) (*Process, error) {
	p := &Process{Name: filepath.Base(argv[0]), cmd: exec.Command(argv[0], argv[1:]...), out: &tail{}, done: make(chan struct{})}
	p.cmd.Dir = o.Dir
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.WaitDelay = time.Second // a grandchild may keep the pipe open
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if o.Cgroup != "" {
		dir, err := os.Open(o.Cgroup)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		p.cmd.SysProcAttr.UseCgroupFD, p.cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.cmd.Wait(); close(p.done) }()
	return p, nil
}

// PID returns the process id, which is the group's too.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output returns the last output of the process.
func (p *Process) Output() string { return p.out.String() }

// Done is closed once the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is valid after Done; -1 when a signal ended the process.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Signal sends s to the whole group.
func (p *Process) Signal(s syscall.Signal) { syscall.Kill(-p.PID(), s) }

// Kill ends the group at once.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the group to end and kills what is left after 5 s.
func (p *Process) Stop() {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	p.Kill()
}

// PIDs lists the living processes of the group.
func (p *Process) PIDs() []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if f[2] == strconv.Itoa(p.PID()) {
			pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// CPU returns the processor time of the group's living threads, to the ns.
func (p *Process) CPU() time.Duration {
	var sum int64
	for _, pid := range p.PIDs() {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, path := range tasks {
			b, _ := os.ReadFile(path)
			if f := strings.Fields(string(b)); len(f) > 0 {
				ns, _ := strconv.ParseInt(f[0], 10, 64)
				sum += ns
			}
		}
	}
	return time.Duration(sum)
}

// RSS returns the resident set of the process in bytes: now and at its peak.
func (p *Process) RSS() (now, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "VmRSS:"):
			now, err = strconv.ParseInt(f[1], 10, 64)
		case strings.HasPrefix(line, "VmHWM:"):
			peak, err = strconv.ParseInt(f[1], 10, 64)
		}
	}
	return now << 10, peak << 10, err
}

// FreePort returns a loopback port that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// tail keeps the last output of a process, at most 64 KiB.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - 1<<16; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
