// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// workload is a saturated server and its client.
type workload struct {
	name, unit string
	python     bool
	bar        float64 // share of its throughput that the server must keep
	ownBar     float64 // the same in a cgroup of its own
	load       func(b *bench, s *rig.Server) (load, error)
}

// load is what the client did.
type load struct {
	requests, units float64
	elapsed, cpu    time.Duration
}

func workloads() []workload {
	return []workload{
		{"uvicorn-json", "requests", true, 0.97, 0, func(b *bench, s *rig.Server) (load, error) {
			return b.wrk(16, s.URL()+"/predict", "-s", filepath.Join(b.Root, "observer/e2e/testdata/post.lua"))
		}},
		{"uvicorn-sse", "chunks", true, 0.88, 0, func(b *bench, s *rig.Server) (load, error) {
			return b.stream(s, 16, 100)
		}},
		{"c-http", "requests", false, 0.88, 0, func(b *bench, s *rig.Server) (load, error) {
			return b.wrk(64, s.URL()+"/json")
		}},
		{"c-flood", "chunks", false, 0.82, 0.86, func(b *bench, s *rig.Server) (load, error) {
			return b.stream(s, 64, 1000)
		}},
	}
}

var wrkRequests = regexp.MustCompile(`(\d+) requests in ([0-9.]+)s`)

func (b *bench) wrk(connections int, url string, more ...string) (load, error) {
	args := append([]string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(b.length.Seconds()))}, more...)
	cmd := exec.Command("wrk", append(args, url)...)
	out, err := cmd.CombinedOutput()
	m := wrkRequests.FindSubmatch(out)
	if err != nil || m == nil {
		return load{}, fmt.Errorf("wrk %s: %v\n%s", url, err, out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	seconds, _ := strconv.ParseFloat(string(m[2]), 64)
	return load{requests: n, units: n, elapsed: time.Duration(seconds * 1e9), cpu: used(cmd)}, nil
}

// stream asks for answers of chunks events each on every connection.
func (b *bench) stream(s *rig.Server, connections, chunks int) (load, error) {
	cmd := exec.Command(b.csrv, "load", strconv.Itoa(s.Port), strconv.Itoa(connections),
		strconv.Itoa(int(b.length.Milliseconds())), fmt.Sprintf("/v1/chat/completions?n=%d", chunks))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("csrv load: %w\n%s", err, out)
	}
	var r struct{ Requests, Seconds float64 }
	if err := json.Unmarshal(out, &r); err != nil {
		return load{}, err
	}
	return load{requests: r.Requests, units: r.Requests * float64(chunks), elapsed: time.Duration(r.Seconds * 1e9), cpu: used(cmd)}, nil
}

func used(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
