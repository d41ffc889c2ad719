// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/demo"
)

// stopped is a program under test, and how it ended.
type stopped struct {
	*exec.Cmd
	out, log log
	ended    chan error
}

func begin(t *testing.T, stdin *os.File, args ...string) *stopped {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &stopped{Cmd: exec.Command(self, args...), ended: make(chan error, 1)}
	s.Env = append(os.Environ(), asProgram)
	s.Stdout, s.Stderr = &s.out, &s.log
	if stdin != nil {
		s.Stdin = stdin
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- s.Wait() }()
	t.Cleanup(func() { _ = s.Process.Kill() })
	return s
}

// end waits for the end, and returns the exit code or the signal.
func (s *stopped) end(t *testing.T) (int, syscall.Signal) {
	t.Helper()
	select {
	case err := <-s.ended:
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(deadline):
		t.Fatalf("does not end:\n%s", &s.log)
	}
	status := s.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), 0
}

func (s *stopped) until(t *testing.T, l *log, want string) {
	t.Helper()
	for end := time.Now().Add(deadline); !strings.Contains(l.String(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in:\n%s", want, l)
		}
	}
}

// The first signal is an orderly end, with exit code 0, of every command that
// goes on until it is stopped.
func TestTheFirstSignal(t *testing.T) {
	needRoot(t)
	s := httptest.NewServer(demo.Handler(demo.Pace{Token: 5 * time.Millisecond}))
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	dir := t.TempDir()
	capture, err := os.ReadFile(recorded(t, address, filepath.Join(dir, "whole.pcapng")))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		file []byte // goes to standard input, which stays open
		up   string // in the log or on standard output
		says string // on standard output
	}{
		"run":    {[]string{"run", "--web.listen-address=127.0.0.1:0", "--no-gpu", "--target=" + address}, nil, "privileges dropped", ""},
		"record": {[]string{"record", "--target=" + address, filepath.Join(dir, "cut.pcapng")}, nil, "privileges dropped", "packets recorded"},
		"replay": {[]string{"replay", "--log.level=debug", "-"}, capture, "privileges dropped", demo.Model},
		"demo":   {[]string{"demo", "--web.listen-address=127.0.0.1:0", "--no-gpu", "--log.level=debug"}, nil, "privileges dropped", "model server http://"},
		"top":    {[]string{"top", "--once", "--interval=1h", "--url=" + metricsOf(t)}, nil, "", ""},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(name+" "+sig.String(), func(t *testing.T) {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				args := c.args
				if name == "record" {
					args = append(args[:len(args)-1:len(args)-1], filepath.Join(t.TempDir(), "cut.pcapng"))
				}
				p := begin(t, r, args...)
				_ = r.Close()
				if _, err := w.Write(c.file); err != nil {
					t.Fatal(err)
				}
				p.until(t, &p.log, c.up)
				if c.file != nil || name == "top" {
					time.Sleep(300 * time.Millisecond) // until it has read what there is
				}
				_ = p.Process.Signal(sig)
				if code, by := p.end(t); code != exitOK || by != 0 || !strings.Contains(p.out.String(), c.says) {
					t.Errorf("exit code %d, signal %v, %q\n%s", code, by, &p.out, &p.log)
				}
			})
		}
	}
}

// The second signal does not wait for an orderly end, which open requests hold up.
func TestTheSecondSignal(t *testing.T) {
	needRoot(t)
	for _, first := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(first.String()+" "+second.String(), func(t *testing.T) {
				t.Parallel()
				p := begin(t, nil, "run", "--web.listen-address=127.0.0.1:0", "--no-gpu", "--no-host", "--web.enable-pprof", "--target=1")
				p.until(t, &p.log, "privileges dropped")
				_, rest, _ := strings.Cut(p.log.String(), "Listening on")
				_, rest, _ = strings.Cut(rest, "address=")
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+strings.Fields(rest)[0]+"/debug/pprof/trace?seconds=30", nil)
				if err != nil {
					t.Fatal(err)
				}
				a, err := http.DefaultClient.Do(q) // the head comes before the 30 s
				if err != nil {
					t.Fatal(err)
				}
				defer a.Body.Close()
				_ = p.Process.Signal(first)
				// It has noticed once it listens no more.
				for end := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
					c, err := net.Dial("tcp", strings.Fields(rest)[0])
					if err != nil {
						break
					}
					_ = c.Close()
					if time.Now().After(end) {
						t.Fatal("the first signal is not noticed")
					}
				}
				_ = p.Process.Signal(second)
				if code, by := p.end(t); by != second {
					t.Errorf("exit code %d, signal %v, want the second one\n%s", code, by, &p.log)
				}
			})
		}
	}
}

// recorded makes a small recording.
func recorded(t *testing.T, address, file string) string {
	t.Helper()
	p := begin(t, nil, "record", "--target="+address, file)
	p.until(t, &p.log, "privileges dropped")
	a, err := http.Post("http://"+address+"/v1/chat/completions", "application/json", strings.NewReader(`{"stream":true,"max_tokens":3,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(a.Body)
	_ = a.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Process.Signal(os.Interrupt)
	if code, by := p.end(t); code != exitOK || by != 0 {
		t.Fatalf("exit code %d, signal %v\n%s", code, by, &p.log)
	}
	return file
}

// metricsOf returns the address of what answers as a daemon without servers.
func metricsOf(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# TYPE modeltap_build_info gauge\nmodeltap_build_info{version=\"v\"} 1\n"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
