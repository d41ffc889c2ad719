// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command guest is the first and only process of a virtual machine that tries
// modeltap on its kernel. It prints lines of "RESULT name value" and ends the
// machine.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

const (
	program = "/modeltap"
	metrics = "127.0.0.1:9478"
	port    = 8000
	// patience is for emulated verifiers: without CAP_PERFMON that of a recent
	// kernel on arm64 took over 30 s beside another.
	patience = 2 * time.Minute
)

func main() {
	if err := try(); err != nil {
		fmt.Println("RESULT error", err)
	}
	fmt.Println("RESULT done")
	_ = unix.IoctlSetInt(1, unix.TCSBRK, 1) // the line has left before the machine ends
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) // qemu -no-reboot ends here
	select {}
}

func try() error {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"cgroup2", "/sys/fs/cgroup"}} {
		_ = os.MkdirAll(m.at, 0o755)
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && m.kind != "devtmpfs" {
			return fmt.Errorf("mount %s: %w", m.kind, err)
		}
	}
	if err := loopback(); err != nil {
		return err
	}
	// As units and container engines give it; before 5.11 maps count.
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unlimited); err != nil {
		return err
	}
	if err := serve("127.0.0.1", "::1"); err != nil {
		return err
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		fmt.Println("RESULT kernel", unix.ByteSliceToString(u.Release[:]))
	}
	checks()
	root := func(c *syscall.SysProcAttr) {}
	nobody := func(caps ...uintptr) func(*syscall.SysProcAttr) {
		return func(c *syscall.SysProcAttr) {
			c.Credential, c.AmbientCaps = &syscall.Credential{Uid: 65534, Gid: 65534}, caps
		}
	}
	observe("root", root, "--target=llm=8000")
	observe("nobody with BPF NET_ADMIN PERFMON", nobody(unix.CAP_BPF, unix.CAP_NET_ADMIN, unix.CAP_PERFMON), "--target=llm=8000")
	observe("nobody with BPF NET_ADMIN", nobody(unix.CAP_BPF, unix.CAP_NET_ADMIN), "--target=llm=8000")
	observe("discovery", root)
	refused("nobody", nobody(), "CAP_BPF")
	refused("nobody with BPF", nobody(unix.CAP_BPF), "CAP_NET_ADMIN")
	return nil
}

func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

// serve answers in the stream format of OpenAI: ten tokens, stated.
func serve(addresses ...string) error {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for range 10 {
			_, _ = io.WriteString(w, `data: {"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}`+"\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
		_, _ = io.WriteString(w, `data: {"object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":10}}`+"\n\ndata: [DONE]\n\n")
	})
	for _, a := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(a, fmt.Sprint(port)))
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(l, handler) }()
	}
	return nil
}

// checks prints what modeltap itself says of the kernel.
func checks() {
	out, err := exec.Command(program, "check", "--no-gpu").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 1 && (f[1] == "yes" || f[1] == "no" || f[1] == "unknown") {
			fmt.Println("RESULT check", f[0], f[1])
		}
	}
	fmt.Println("RESULT check works", err == nil)
}

func post(address string) error {
	a, err := http.Post("http://"+net.JoinHostPort(address, fmt.Sprint(port))+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","stream":true}`))
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }()
	_, err = io.Copy(io.Discard, a.Body)
	return err
}

func scrape() (rig.Metrics, error) {
	a, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.Body.Close() }()
	return rig.ParseMetrics(a.Body)
}

// observe runs the daemon and prints whether it saw one request over IPv4 and
// one over IPv6, whole, and how many waits in the socket it measured.
func observe(name string, as func(*syscall.SysProcAttr), args ...string) {
	name = strings.ReplaceAll(name, " ", "+")
	cmd := exec.Command(program, append([]string{"run", "--no-gpu", "--no-host", "--web.listen-address=" + metrics, "--log.level=warn"}, args...)...)
	cmd.SysProcAttr = new(syscall.SysProcAttr)
	as(cmd.SysProcAttr)
	var log bytes.Buffer
	cmd.Stderr = &log
	err := cmd.Start()
	ended := make(chan error, 1)
	if err == nil {
		go func() { ended <- cmd.Wait() }()
		err = ready(ended)
	}
	for i, address := range []string{"127.0.0.1", "::1"} {
		if err == nil {
			err = post(address)
		}
		seen := "no"
		// Discovery may have to find the server by its first answer: it gets more.
		for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			var got rig.Metrics
			if got, err = scrape(); err != nil {
				break
			}
			if n := got.Value("model_requests_total", "outcome", "ok"); n > float64(i) && got.Value("model_tokens_total", "type", "output", "source", "usage") == 10*n && got.Value("modeltap_capture_lost_total") == 0 {
				seen = "yes"
				break
			}
			if len(args) == 0 {
				err = post(address)
			}
		}
		fmt.Println("RESULT", name, []string{"IPv4", "IPv6"}[i], seen)
	}
	if got, e := scrape(); err == nil && e == nil {
		n, _ := got.Histogram("model_request_socket_wait_seconds")
		fmt.Println("RESULT", name, "waits", n)
	}
	if cmd.Process != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if e := <-ended; err == nil {
			err = e
		}
	}
	if err != nil {
		fmt.Println("RESULT", name, "error", err, strings.ReplaceAll(log.String(), "\n", " | "))
	}
}

// ready waits for the daemon, unless it ends.
func ready(ended chan error) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the daemon ended: %w", err)
		default:
		}
		if a, err := http.Get("http://" + metrics + "/-/ready"); err == nil {
			_ = a.Body.Close()
			if a.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("the daemon was not ready in %v", patience)
}

// refused prints whether the daemon ends and names what it lacks.
func refused(name string, as func(*syscall.SysProcAttr), lacks string) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, program, "run", "--capture=cgroup", "--no-gpu", "--web.listen-address="+metrics, "--log.level=error")
	cmd.SysProcAttr = new(syscall.SysProcAttr)
	as(cmd.SysProcAttr)
	out, err := cmd.CombinedOutput()
	answer := "no"
	if err != nil && ctx.Err() == nil && strings.Contains(string(out), lacks) {
		answer = "yes"
	}
	fmt.Println("RESULT", strings.ReplaceAll(name, " ", "+"), "refused", answer)
	if answer == "no" {
		fmt.Println("RESULT", strings.ReplaceAll(name, " ", "+"), "said", strings.ReplaceAll(string(out), "\n", " | "))
	}
}
