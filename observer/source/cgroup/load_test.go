// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

const floodChunks, floodSize, floodConnections = 400_000, 250, 16

// TestFlood has another process send 250-byte chunks over 16 connections as
// fast as it can, each in a segment of its own. Every one must be handed over, to
// the very last when Run ends, or counted as lost: a machine that starves the
// reader while a third of a million chunks pass each second does lose some.
func TestFlood(t *testing.T) {
	needRoot(t)
	flood := exec.Command("/proc/self/exe", "-test.run=^TestFlooder$")
	flood.Env = append(os.Environ(), asFlooder+"=1")
	flood.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start, err := flood.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := flood.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := flood.Start(); err != nil {
		t.Fatal(err)
	}
	var server uint16
	if _, err := fmt.Fscanf(out, "port %d\n", &server); err != nil {
		t.Fatal(err)
	}

	tap, err := bpf.Load(bpf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	if err := tap.SetPorts([]uint16{server}); err != nil {
		t.Fatal(err)
	}
	attachments := bpf.NewAttachments(tap)
	defer attachments.Close()
	if err := attachments.Set([]string{hostRoot(t)}); err != nil {
		t.Fatal(err)
	}
	s, err := New(tap, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var count int
	var first, last int64
	var taken uint64
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func(batch []event.Segment, _ int64) {
			for i := range batch {
				g := &batch[i]
				if g.Kind != event.KindData || g.Dir != event.Response || g.Len == 0 {
					continue
				}
				if count == 0 {
					first = g.Time
				}
				last = g.Time
				taken += uint64(g.Len)
				count++
			}
		}, nil)
	}()
	start.Close()
	if err := flood.Wait(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	c, err := tap.Counters()
	if err != nil {
		t.Fatal(err)
	}
	if c.Bytes[1] < floodChunks*floodSize || taken+c.RingFullBytes[1] != c.Bytes[1] || c.CopyFailed != [2]uint64{} {
		t.Errorf("%d bytes handed over: %+v", taken, c)
	}
	t.Logf("%d records lost at %.0f chunks/s", c.RingFull[1], floodChunks/time.Duration(last-first).Seconds())
}

const asFlooder = "MODELTAP_TEST_FLOODER"

// TestFlooder is the child of TestFlood.
func TestFlooder(t *testing.T) {
	if os.Getenv(asFlooder) == "" {
		t.Skip("is run by TestFlood")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fmt.Printf("port %d\n", port(l.Addr()))
	_, _ = io.Copy(io.Discard, os.Stdin)
	var all sync.WaitGroup
	for range floodConnections {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		served, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer c.Close()
			defer served.Close()
			chunk, got := pattern(floodSize), make([]byte, floodSize)
			// Each is read before the next is written: TCP merges none.
			for range floodChunks / floodConnections {
				if _, err := served.Write(chunk); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadFull(c, got); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkIdle reports what the reader costs while nothing is captured, in
// percent of a core.
func BenchmarkIdle(b *testing.B) {
	needRoot(b)
	record(b, bpf.Options{}, []uint16{1})
	var from, to syscall.Rusage
	for b.Loop() {
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &from)
		began := time.Now()
		time.Sleep(3 * time.Second) // the measured state is to do nothing
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &to)
		cpu := time.Duration(to.Utime.Nano() + to.Stime.Nano() - from.Utime.Nano() - from.Stime.Nano())
		b.ReportMetric(100*cpu.Seconds()/time.Since(began).Seconds(), "%core")
	}
}

// TestListenerClosed: a listener that discovery has entered is reported once as
// it closes, others are not.
func TestListenerClosed(t *testing.T) {
	r := record(t, bpf.Options{}, nil)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	cookie := cookieOf(t, raw)
	if err := r.tap.Shared()["listeners"].Put(cookie, uint8(1)); err != nil {
		t.Fatal(err)
	}
	again, err := r.tap.AttachRelease(hostRoot(t)) // twice on the same cgroup
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	l.Close()
	r.all(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.others) != 1 || r.others[0][0] != bpf.KindListenerClosed || len(r.others[0]) != bpf.RecordSize {
		t.Fatalf("records %v, want one", r.others)
	}
	if got, ok := bpf.ClosedListener(r.others[0]); !ok || got != cookie {
		t.Errorf("cookie %#x, want %#x", got, cookie)
	}
}
