// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

var update = flag.Bool("update", false, "record the names that the real daemon exposes")

// window is how long the load runs before anything is asked, and what the
// dashboards' windows are in the test.
const window = 10 * time.Second

// mayBeEmpty are the queries that no machine without the hardware can fill. One
// that does return data must leave the list.
var mayBeEmpty = map[string]string{
	"modeltap-gpu: NVLink A":               "the GPUs that --gpu.backend=demo makes up have no NVLink",
	"modeltap-gpu: NVLink B":               "the GPUs that --gpu.backend=demo makes up have no NVLink",
	"modeltap-gpu: GPU memory by server A": "no process runs on GPUs that are made up",
}

// TestLive runs every query of every dashboard in real servers that scrape a
// real modeltap, which observes real traffic.
func TestLive(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("attaches to the kernel: run as root")
	}
	if testing.Short() {
		t.Skip("-short: real servers are left out")
	}
	countPrograms(t)
	networked(t)
	l := &load{}
	var stop func()
	var err error
	if l.chat, stop, err = listen(scripted("llama-3-8b"), func(l net.Listener) net.Listener { return l }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if l.code, stop, err = listen(scripted("qwen-coder-7b"), func(l net.Listener) net.Listener { return late{l} }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)

	daemon := freeAddress(t)
	binary := filepath.Join(sandbox.Shared(), "modeltap")
	first := startDaemon(t, binary, l, daemon)
	engines := []engine{
		prometheus(t, "Prometheus", daemon, "exemplar-storage"),
		prometheus(t, "Prometheus with native histograms", daemon, "native-histograms"),
		victoriaMetrics(t, daemon),
	}
	for _, e := range engines {
		waitFor(t, e.name+" to scrape", func() bool {
			s, err := e.query("process_start_time_seconds", time.Time{})
			return err == nil && len(s) == 1
		})
	}
	if err := first.Process.Signal(syscall.SIGTERM); err != nil { // as an update does
		t.Fatal(err)
	}
	_ = first.Wait()
	startDaemon(t, binary, l, daemon)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	begun := time.Now()
	time.Sleep(window + 8*time.Second) // streams of the first seconds end, then a whole window
	at := time.Now().Add(-2 * time.Second).Truncate(time.Second)

	names(t, daemon)
	wait := true
	if s, err := engines[0].query(`modeltap_feature_supported{feature="socket_wait"} == 0`, at); err != nil || len(s) > 0 {
		t.Logf("this kernel offers no socket wait (BTF and CAP_PERFMON): its panels are left out, %v", err)
		wait = false
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			panels(t, e, begun.Truncate(time.Second), at, wait)
			choose(t, e, at)
			truths(t, e, at, wait)
		})
	}
	exemplars(t, engines[0], begun, at)
	l.errors.Range(func(act, err any) bool { t.Errorf("the load itself failed: %v: %v", act, err); return true })
}

func startDaemon(t *testing.T, binary string, l *load, address string) *exec.Cmd {
	t.Helper()
	config := filepath.Join(t.TempDir(), "modeltap.yml")
	text := fmt.Sprintf("targets: [chat=%s, code=%s]\nslo: [{ttft: 500ms, duration: 1s}]\n", l.chat, l.code)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := process(t, binary, "--config.file="+config, "--web.listen-address="+address, "--gpu.backend=demo", "--stall-after=2s", "--log.level=warn")
	waitFor(t, "modeltap to be ready", func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return cmd
}

// networked gives the sandbox a network interface beside the loopback, as hosts
// have one.
func networked(t *testing.T) {
	t.Helper()
	if sandbox.Cgroup() == "" {
		return
	}
	if out, err := exec.Command("ip", "link", "add", "net0", "type", "veth", "peer", "name", "net1").CombinedOutput(); err != nil {
		t.Fatalf("ip link add: %v: %s: make e2e-setup installs iproute2", err, out)
	}
}

// countPrograms has the kernel count the runs of BPF programs until the test
// ends, as sysctl kernel.bpf_stats_enabled does for good.
func countPrograms(t *testing.T) {
	t.Helper()
	const enableStats = 32 // BPF_ENABLE_STATS of linux/bpf.h, Linux 5.8
	var attr [2]uint32     // BPF_STATS_RUN_TIME
	fd, _, errno := unix.Syscall(unix.SYS_BPF, enableStats, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		t.Fatalf("count the runs of BPF programs: %v", errno)
	}
	t.Cleanup(func() { _ = unix.Close(int(fd)) })
}

// names holds the recorded names against those of the daemon.
func names(t *testing.T, daemon string) {
	t.Helper()
	resp, err := http.Get("http://" + daemon + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	real := families(string(text))
	if *update {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(real)) {
			kind := "gauge"
			if real[name].monotone {
				kind = "counter"
			}
			fmt.Fprintln(&b, strings.Join(append([]string{name, kind}, real[name].labels...), " "))
		}
		if err := os.WriteFile(recorded, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range readRecorded(t) {
		got, ok := real[name]
		if !ok && (hostDependent.MatchString(name) || strings.HasPrefix(name, socketWait)) {
			continue
		}
		if !ok || got.monotone != want.monotone || !slices.Equal(got.labels, want.labels) {
			t.Errorf("%s is recorded in %s as %+v and exposed as %+v: run with -update", name, recorded, want, got)
		}
	}
}

// socketWait is what not every kernel offers.
const socketWait = "model_request_socket_wait_seconds"

// hostDependent are names that depend on the kernel and the disks of a machine.
var hostDependent = regexp.MustCompile(`^(host_|process_|go_)`)

// panels runs every query as its panel does: now, over time, or both.
func panels(t *testing.T, e engine, from, at time.Time, wait bool) {
	t.Helper()
	n, empty := 0, 0
	for _, x := range expressions(t, dashboards(t)) {
		expr := live(x.d, x.target.Expr)
		if !wait && strings.Contains(expr, socketWait) {
			continue
		}
		now, err := e.query(expr, at)
		if err != nil {
			t.Errorf("%s: %v\n%s", x.where, err, expr)
			continue
		}
		over, err := e.queryRange(expr, from, at)
		if err != nil {
			t.Errorf("%s: %v\n%s", x.where, err, expr)
			continue
		}
		n++
		has := sound(now) > 0 && sound(over) > 0
		if x.p.Title == "" && e.name == "VictoriaMetrics" && strings.Contains(expr, "ALERTS") {
			continue // its rules are evaluated by vmalert
		}
		switch why, allowed := mayBeEmpty[x.where]; {
		case has && allowed:
			t.Errorf("%s returns data, although %s: take it off the list", x.where, why)
		case allowed:
			empty++
		case !has:
			t.Errorf("%s: %d series now, %d over time, %d and %d values that can be drawn\n%s", x.where, len(now), len(over), sound(now), sound(over), expr)
		}
	}
	if n < 150 || empty != len(mayBeEmpty) {
		t.Errorf("%d queries ran, %d empty of %d on the list", n, empty, len(mayBeEmpty))
	}
	t.Logf("%s: %d queries, now and over time; %d empty as expected", e.name, n, empty)
}

// live puts the values of the test for variables.
func live(d dashboard, expr string) string {
	w := fmt.Sprintf("%ds", int(window.Seconds()))
	return d.substitute(expr, map[string]string{"__rate_interval": w, "__range": w, "__range_s": fmt.Sprint(window.Seconds()), "compare": "3s"})
}

// choose tries the menus at the top: each has something to choose from, and
// what is chosen, one or several, fills panels.
func choose(t *testing.T, e engine, at time.Time) {
	t.Helper()
	ask := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for _, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			m := ask.FindStringSubmatch(v.Query)
			if m == nil {
				t.Errorf("%s: $%s asks %s", d.UID, v.Name, v.Query)
				continue
			}
			values, err := get[[]string](e, "label/"+m[2]+"/values", url.Values{"match[]": {live(d, m[1])}}, "")
			if err != nil || len(values) == 0 {
				t.Errorf("%s: $%s has nothing to choose from: %v", d.UID, v.Name, err)
				continue
			}
			for _, chosen := range [][]string{values[:1], values} {
				for _, x := range d.all() {
					for _, q := range x.Targets {
						if !strings.Contains(q.Expr, `"$`+v.Name+`"`) || len(x.Targets) > 1 && q.RefID != "A" || x.Type == "heatmap" {
							continue
						}
						expr := strings.ReplaceAll(q.Expr, "$"+v.Name, several(chosen...))
						if _, err := e.query(live(d, expr), at); err != nil {
							t.Errorf("%s: %s with $%s of %v: %v", d.UID, x.Title, v.Name, chosen, err)
						}
					}
				}
			}
		}
	}
	one, err := e.query(live(dashboards(t)[0], `count by (server) (model_server_info{server=~"`+several("code")+`"})`), at)
	both, err2 := e.query(live(dashboards(t)[0], `count by (server) (model_server_info{server=~"`+several("chat", "code")+`"})`), at)
	if err != nil || err2 != nil || len(one) != 1 || len(both) != 2 {
		t.Errorf("one of two servers chosen: %d, both: %d; %v %v", len(one), len(both), err, err2)
	}
}
