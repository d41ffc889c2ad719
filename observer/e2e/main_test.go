// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// parts are built and installed once for all tests of the package.
type parts struct {
	*rig.Repository
	modeltap, csrv string
}

var assemble = sync.OnceValues(func() (p parts, err error) {
	if p.Repository, err = rig.Open(sandbox.Shared()); err != nil {
		return p, err
	}
	if p.csrv, err = p.Csrv(); err != nil {
		return p, err
	}
	p.modeltap, err = p.Modeltap()
	return p, err
})

// Each test runs in a sandbox of its own, several at a time; those that load the
// machine run alone.
func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Plan{Apart: ".", Alone: "^TestLoad", Prepare: prepare}))
}

// prepare installs and builds where the network is; what it cannot is told by
// the tests that need it.
func prepare() error {
	if !testing.Short() {
		_, _ = assemble()
	}
	return nil
}

// need returns what the tests run with. It skips where the kernel cannot be
// reached or the servers cannot be installed; in CI the latter is a failure.
func need(t *testing.T) parts {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: real servers are left out")
	}
	if os.Geteuid() != 0 {
		t.Skip("the daemon needs root to attach: sudo -E go test ./observer/e2e")
	}
	p, err := assemble()
	switch {
	case err != nil && os.Getenv("CI") == "" && p.Repository == nil:
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return p
}

// serve starts a Python server and ends it with the test.
func (p parts) serve(t *testing.T, stack, app string) *rig.Server {
	t.Helper()
	s, err := p.Serve(stack, app, 0, rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s: %s", stack, s.Output())
		}
	})
	return s
}

// serveC starts the C server and ends it with the test.
func (p parts) serveC(t *testing.T) *rig.Server {
	t.Helper()
	s, err := rig.ServeC(p.csrv, rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// observe starts the daemon and ends it with the test.
func (p parts) observe(t *testing.T, args ...string) *rig.Modeltap {
	t.Helper()
	m, err := rig.StartModeltap(p.modeltap, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Stop()
		if t.Failed() {
			t.Logf("modeltap: %s", m.Output())
		}
	})
	return m
}

func scrape(t *testing.T, m *rig.Modeltap) rig.Metrics {
	t.Helper()
	metrics, err := m.Scrape()
	if err != nil {
		t.Fatal(err)
	}
	return metrics
}

func dial(t *testing.T, s *rig.Server) *rig.Conn {
	t.Helper()
	c, err := rig.Dial(s.Port)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func do(t *testing.T, c *rig.Conn, call rig.Call) *rig.Answer {
	t.Helper()
	a, err := c.Do(call)
	if err != nil {
		t.Fatalf("%s: %v", call.Target, err)
	}
	return a
}

// noLoss fails the test if the daemon lost or misread anything.
func noLoss(t *testing.T, m rig.Metrics) {
	t.Helper()
	for _, name := range []string{"modeltap_capture_lost_total", "modeltap_stream_gaps_total", "modeltap_stream_resyncs_total",
		"modeltap_parse_errors_total", "modeltap_panics_total", "modeltap_evictions_total"} {
		if _, ok := m[name]; !ok {
			t.Errorf("%s is not exported", name)
		}
		if v := m.Value(name); v != 0 {
			t.Errorf("%s = %v, want 0: %v", name, v, m[name])
		}
	}
}

// want compares exact values.
func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
