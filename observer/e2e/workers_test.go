// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestRealWorkers asks servers of several processes behind one port: sockets
// that workers inherit, that each opens for itself, and a Rust front end. They
// are one server, found without a target, and stay it when a worker dies.
func TestRealWorkers(t *testing.T) {
	p := need(t)
	for _, c := range []struct {
		name     string
		respawns bool // hypercorn ends when a worker does: it is started again
		argv     []string
	}{
		{"gunicorn", true, []string{"gunicorn", "-w", "3", "-b", "127.0.0.1:%d", "flaskchat:app"}},
		{"uvicorn", true, []string{"uvicorn", "chat:app", "--port", "%d", "--workers", "3", "--log-level", "warning"}},
		{"granian", true, []string{"granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "%d", "--workers", "3", "--respawn-failed-workers", "chat:app"}},
		{"hypercorn", false, []string{"hypercorn", "-w", "3", "--bind", "127.0.0.1:%d", "chat:app"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			port, err := rig.FreePort()
			if err != nil {
				t.Fatal(err)
			}
			argv := slices.Clone(c.argv)
			for i := range argv {
				if slices.Contains([]string{"%d", "127.0.0.1:%d"}, argv[i]) {
					argv[i] = fmt.Sprintf(argv[i], port)
				}
			}
			argv[0] = filepath.Join(p.Venv, argv[0])
			m := p.observe(t)
			start := func() *rig.Server {
				s, err := rig.ServeArgv(port, rig.Options{Dir: p.Apps, Env: []string{"PYTHONDONTWRITEBYTECODE=1"}}, argv...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.Kill)
				for end := time.Now().Add(10 * time.Second); len(s.PIDs()) < 4; time.Sleep(50 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%d processes", len(s.PIDs()))
					}
				}
				time.Sleep(2 * time.Second) // as long as a listener may take to be known
				return s
			}
			s := start()
			server := fmt.Sprintf("%s:%d", c.name, port)
			const each = 20
			sent := 0
			round := func() {
				fresh(t, s, each, chat(2, true, true, "gap=0.001"))
				sent += each
				got := scrape(t, m)
				want(t, "requests of the one server", got.Value("model_requests_total", "server", server, "outcome", "ok"), float64(sent))
				want(t, "servers on the port", got.Value("model_server_info", "port", itoa(port)), 1)
				noLoss(t, got)
			}
			round()
			if !c.respawns {
				s.Kill()
				s = start()
				round()
				return
			}
			// Not the first process, which is the one that makes the others again.
			syscall.Kill(slices.Max(s.PIDs()), syscall.SIGKILL)
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
				a, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
				if err == nil {
					a.Close()
					break
				}
				if time.Now().After(end) {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Second)
			round()
		})
	}
}
