// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

// Server is a running model server.
type Server struct {
	*Process
	Port int
}

// URL returns the server's base URL.
func (s *Server) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.Port) }

// Stacks names the Python server stacks that Serve starts.
func Stacks() []string {
	return []string{"uvicorn-asyncio-h11", "uvicorn-uvloop-httptools", "granian", "hypercorn", "gunicorn-threads"}
}

// Serve starts app ("chat:app") on a stack. Port 0 takes a free one. It
// returns once the server accepts connections.
func (r *Repository) Serve(stack, app string, port int, o Options) (*Server, error) {
	if port == 0 {
		var err error
		if port, err = FreePort(); err != nil {
			return nil, err
		}
	}
	number, address := strconv.Itoa(port), net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	var argv []string
	switch stack {
	case "uvicorn-asyncio-h11":
		argv = []string{"uvicorn", app, "--port", number, "--loop", "asyncio", "--http", "h11", "--no-access-log", "--log-level", "warning"}
	case "uvicorn-uvloop-httptools":
		argv = []string{"uvicorn", app, "--port", number, "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"}
	case "granian":
		argv = []string{"granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", number, app}
	case "hypercorn":
		argv = []string{"hypercorn", "--bind", address, app}
	case "gunicorn-threads":
		argv = []string{"gunicorn", "-w", "1", "--threads", "8", "-b", address, app}
	default:
		return nil, fmt.Errorf("no server stack %q", stack)
	}
	argv[0] = filepath.Join(r.Venv, argv[0])
	o.Dir = r.Apps
	o.Env = append(o.Env, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")
	p, err := Start(o, argv...)
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p, Port: port}
	return s, s.wait()
}

// ServeC starts the C server, compiled by Csrv, on a free port.
func ServeC(bin string, o Options) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	p, err := Start(o, bin, "serve", strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p, Port: port}
	return s, s.wait()
}

// ServeArgv runs argv, which listens on port, and returns once it accepts
// connections.
func ServeArgv(port int, o Options, argv ...string) (*Server, error) {
	p, err := Start(o, argv...)
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p, Port: port}
	return s, s.wait()
}

// StartServer runs any other model server, which argv makes listen on port. It
// returns once GET ready is answered with 200.
func StartServer(o Options, port int, ready string, argv ...string) (*Server, error) {
	p, err := Start(o, argv...)
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p, Port: port}
	return s, s.poll(240*time.Second, func() bool { return answers(s.URL() + ready) })
}

func (s *Server) wait() error {
	return s.poll(30*time.Second, func() bool {
		c, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// poll waits until ready answers true or the process ends.
func (p *Process) poll(limit time.Duration, ready func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); ; {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready:\n%s", p.Name, p.Output())
		case <-end:
			p.Kill()
			return fmt.Errorf("%s was not ready within %v:\n%s", p.Name, limit, p.Output())
		case <-tick.C:
			if ready() {
				return nil
			}
		}
	}
}

func answers(url string) bool {
	r, err := http.Get(url)
	if err != nil {
		return false
	}
	r.Body.Close()
	return r.StatusCode == http.StatusOK
}
