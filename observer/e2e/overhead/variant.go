// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// variant is a way to observe, or not to.
type variant struct {
	name     string
	observe  bool
	args     []string
	inApp    bool // middleware in the application, nothing outside
	ownGroup bool // the server was started in a cgroup of its own
	other    bool // modeltap observes another server, in a cgroup of its own
	asked    bool // only measured when it is named
}

func variants() []variant {
	return []variant{
		{name: "none"},
		{name: "modeltap", observe: true},
		{name: "modeltap-own-cgroup", observe: true, ownGroup: true},
		{name: "modeltap-packet", observe: true, args: []string{"--capture=packet"}},
		{name: "in-app", inApp: true},
		// What the rest of a node pays: nothing, within what two runs without
		// modeltap differ by.
		{name: "none-again", asked: true},
		{name: "modeltap-of-another", other: true, asked: true},
		{name: "modeltap-of-another-no-wait", other: true, asked: true, args: []string{"--no-socket-wait"}},
	}
}

// bench holds what one run has built and started.
type bench struct {
	*rig.Repository
	modeltap, csrv string
	length         time.Duration
	interrupted    func() bool
	servers        map[string]*rig.Server
	groups         []string
}

// sample is one measurement; processor times are ns per unit.
type sample struct {
	rate                     float64 // units per second
	server, client, observer float64
	lost, counted            float64 // records lost; requests counted ÷ requests answered
	records                  float64 // captured in the response direction, per unit
}

func (s sample) total() float64 { return s.server + s.client + s.observer }

// one measures w once under v.
func (b *bench) one(w workload, v variant) (s sample, err error) {
	server, err := b.server(w, v)
	if err != nil {
		return s, err
	}
	var m *rig.Modeltap
	target := server
	if v.other {
		if target, err = b.server(workload{}, variant{ownGroup: true}); err != nil {
			return s, err
		}
	}
	if v.observe || v.other {
		if m, err = rig.StartModeltap(b.modeltap, append([]string{target.Target("bench")}, v.args...)...); err != nil {
			return s, err
		}
		defer m.Stop()
	}
	serverCPU, observerCPU := server.CPU(), cpu(m)
	l, err := w.load(b, server)
	if err != nil {
		return s, err
	}
	s.server = float64(server.CPU()-serverCPU) / l.units
	if v.other { // a scrape would be the larger part, and is none of this server's
		s.observer = float64(cpu(m)-observerCPU) / l.units
	}
	if m != nil {
		got, err := m.Scrape() // drains: what is left in the ring belongs to the cost
		if err != nil {
			return s, err
		}
		s.records = got.Value("modeltap_capture_packets_total", "direction", "egress") / l.units
		s.lost = got.Value("modeltap_capture_lost_total") + got.Value("modeltap_stream_gaps_total")
		s.counted = (got.Value("model_requests_total") + got.Value("modeltap_other_requests_total")) / l.requests
	}
	if !v.other {
		s.observer = float64(cpu(m)-observerCPU) / l.units
	}
	s.client = float64(l.cpu) / l.units
	s.rate = l.units / l.elapsed.Seconds()
	return s, nil
}

func cpu(m *rig.Modeltap) time.Duration {
	if m == nil {
		return 0
	}
	return m.CPU()
}

// server returns the running server for w under v: the same process for all
// variants that do not need another.
func (b *bench) server(w workload, v variant) (*rig.Server, error) {
	key := fmt.Sprint(w.python, v.inApp, v.ownGroup)
	if s := b.servers[key]; s != nil {
		return s, nil
	}
	var o rig.Options
	var err error
	if v.ownGroup {
		if o.Cgroup, err = b.newGroup(); err != nil {
			return nil, err
		}
	}
	if v.inApp {
		o.Env = []string{"INAPP=1"}
	}
	var s *rig.Server
	if w.python {
		s, err = b.Serve("uvicorn-uvloop-httptools", "bench:app", 0, o)
	} else {
		s, err = rig.ServeC(b.csrv, o)
	}
	if err != nil {
		return nil, err
	}
	if b.servers == nil {
		b.servers = map[string]*rig.Server{}
	}
	b.servers[key] = s
	return s, nil
}

// stop ends the servers and removes their cgroups.
func (b *bench) stop() {
	for _, s := range b.servers {
		s.Kill()
	}
	for _, dir := range b.groups {
		if err := os.Remove(dir); err != nil {
			fmt.Fprintln(os.Stderr, "overhead: remove the cgroup by hand:", err)
		}
	}
	b.servers, b.groups = nil, nil
}

func (b *bench) newGroup() (string, error) {
	mounts, err := os.Open("/proc/mounts")
	if err != nil {
		return "", err
	}
	defer mounts.Close()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 3 || f[2] != "cgroup2" {
			continue
		}
		dir := filepath.Join(f[1], fmt.Sprintf("mt-overhead-%d-%d", os.Getpid(), len(b.groups)))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
		b.groups = append(b.groups, dir)
		return dir, nil
	}
	return "", fmt.Errorf("no cgroup2 file system is mounted: mount -t cgroup2 none /sys/fs/cgroup")
}
