// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// The whole way, once: model servers under real traffic, modeltap, Prometheus
// with the rules, Alertmanager with its example, a webhook; and what is recorded,
// in VictoriaMetrics.
func TestFromPacketToWebhook(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("attaches to the kernel: run as root")
	}
	dir := t.TempDir()
	server := newServer()
	listening := httptest.NewServer(server)
	defer listening.Close()
	defer server.release()
	hook := newWebhook()
	receiver := httptest.NewServer(hook)
	defer receiver.Close()

	tap := startModeltap(t, dir, listening.Listener.Addr().(*net.TCPAddr).Port)
	alertmanager := startAlertmanager(t, dir, receiver.URL)
	store := startStore(t, dir)
	prom := startPrometheus(t, dir, tap, alertmanager, store)

	waitFor(t, "healthy requests to be recorded", func() bool {
		server.ask(t, listening.URL, "ok") // a rate needs two scrapes
		return prom.value(`sum(instance_server:model_requests:rate5m{server="chat"})`) > 0
	})
	if got := hook.names(); len(got) > 0 {
		t.Errorf("alerts of a healthy server: %v", got)
	}

	for range 2 {
		go server.ask(t, listening.URL, "stall")
	}
	failed := 0
	waitFor(t, "an alert of failing requests", func() bool {
		server.ask(t, listening.URL, "fail")
		failed++
		return slices.Contains(hook.names(), "ModelErrorBudgetBurnFast")
	})
	for _, name := range []string{"ModelStreamsStalled", "ModelErrorBudgetBurnFast"} {
		a := hook.wait(t, name, "firing")
		if a.Labels["server"] != "chat" || a.Labels["severity"] != "critical" || a.Labels["instance"] != strings.TrimPrefix(tap.URL, "http://") {
			t.Errorf("%s has the labels %v", name, a.Labels)
		}
		if !strings.HasSuffix(a.Annotations["runbook_url"], "docs/runbooks.md#"+strings.ToLower(name)) || a.receiver != "/page" {
			t.Errorf("%s: %v to %s", name, a.Annotations, a.receiver)
		}
	}
	if s := hook.wait(t, "ModelStreamsStalled", "firing").Annotations["summary"]; s != "chat demo: 2 open streams get no token" {
		t.Errorf("summary %q", s)
	}
	if s := hook.wait(t, "ModelErrorBudgetBurnFast", "firing").Annotations["summary"]; !strings.Contains(s, "% of requests fail") {
		t.Errorf("summary %q", s)
	}

	server.release()
	for range 8 * failed {
		server.ask(t, listening.URL, "quick")
	}
	hook.wait(t, "ModelStreamsStalled", "resolved")
	hook.wait(t, "ModelErrorBudgetBurnFast", "resolved")

	prom.rulesAreWell(t)
	prom.recordsHaveData(t)
	store.holdsRecords(t, prom)
	alertmanager.inhibits(t)
}

// waitFor polls until ok, or fails after half a minute.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func startModeltap(t *testing.T, dir string, port int) *rig.Modeltap {
	t.Helper()
	write(t, "slo:\n- duration: 60s\n  ttft: 10s\n", dir, "modeltap.yml")
	tap, err := rig.StartModeltap(filepath.Join(sandbox.Shared(), "modeltap"), fmt.Sprintf("--target=chat=%d", port), "--stall-after=1s", "--gpu.backend=demo", "--config.file="+filepath.Join(dir, "modeltap.yml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tap.Stop)
	return tap
}

// start runs a program of Debian's on a free port and returns its address once
// it is ready.
func start(t *testing.T, ready string, argv func(address string) []string) string {
	t.Helper()
	port, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	args := argv(address)
	args[0] = program(t, args[0])
	// Debian's Alertmanager looks for its templates below /usr/share, where they
	// are not: it is unpacked, not installed.
	share := filepath.Join(filepath.Dir(filepath.Dir(args[0])), "share")
	p, err := rig.Start(rig.Options{}, append([]string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /usr/share && exec "$@"`, share}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	waitFor(t, p.Name, func() bool {
		select {
		case <-p.Done():
			t.Fatalf("%s ended: %s", p.Name, p.Output())
		default:
		}
		r, err := http.Get("http://" + address + ready)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return address
}

// replaced is a committed configuration with some of its text exchanged, so that
// the test runs what users get.
func replaced(t *testing.T, path string, pairs ...string) string {
	t.Helper()
	text := read(t, path)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q", path, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}
