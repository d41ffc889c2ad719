// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

const (
	resetRequest = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 70\r\n\r\n" +
		`{"model":"m","stream":true,"messages":[{"role":"user","content":"a"}]}`
	resetHead  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	resetEvent = `data: {"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":" a"}}]}` + "\n\n"
	resetEnd   = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)

// TestServerResets: a server resets a connection on which one request was
// answered. What the next one becomes is told as soon as that happens, sooner
// than any connection is given up, and alike however it is captured.
func TestServerResets(t *testing.T) {
	p := need(t)
	for _, mode := range []string{"cgroup", "packet"} {
		for _, c := range []struct {
			name string
			// serve takes the connection when the second request has reached it.
			serve       func(t *testing.T, c *net.TCPConn)
			race, abort float64
			code        string
		}{
			{"unread", func(_ *testing.T, c *net.TCPConn) { c.Close() }, 1, 0, ""},
			{"unread, not lingering", func(_ *testing.T, c *net.TCPConn) { _ = c.SetLinger(0); c.Close() }, 1, 0, ""},
			{"inside the answer", func(t *testing.T, c *net.TCPConn) {
				readRequest(t, c)
				answer(t, c, resetHead+event(3))
				_ = c.SetLinger(0)
				c.Close()
			}, 0, 1, "200"},
			{"inside the answer, with a request unread", func(t *testing.T, c *net.TCPConn) {
				readRequest(t, c)
				answer(t, c, resetHead+event(3))
				unread(t, c) // the third, which the client sends upon the events
				c.Close()
			}, 1, 1, "200"},
		} {
			t.Run(mode+"/"+c.name, func(t *testing.T) {
				l, err := net.Listen("tcp4", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				port := l.Addr().(*net.TCPAddr).Port
				m := p.observe(t, fmt.Sprintf("--target=llm=%d", port), "--capture="+mode)
				client, err := net.Dial("tcp4", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				server := conn.(*net.TCPConn)
				defer server.Close()
				ask := func() {
					if _, err := io.WriteString(client, resetRequest); err != nil {
						t.Error(err)
					}
				}
				ask()
				readRequest(t, server)
				answer(t, server, resetHead+event(5)+resetEnd)
				in := bufio.NewReader(client)
				first, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, first.Body); err != nil {
					t.Fatal(err)
				}
				ask()
				unread(t, server)
				asked := time.Now()
				go func() {
					if strings.Contains(c.name, "request unread") {
						if _, err := in.ReadByte(); err == nil {
							ask()
						}
					}
					_, _ = io.Copy(io.Discard, in)
				}()
				c.serve(t, server)
				got := until(t, "the end is told", m, func(got rig.Metrics) bool {
					return got.Value("modeltap_other_requests_total", "code", "none") == c.race &&
						got.Value("model_requests_total", "outcome", "server_abort") == c.abort
				})
				if d := time.Since(asked); d > 3*time.Second {
					t.Errorf("told after %v", d)
				}
				want(t, "answered", got.Value("model_requests_total", "outcome", "ok"), 1)
				want(t, "all requests", got.Value("model_requests_total"), 1+c.abort)
				if c.abort > 0 {
					want(t, "code of the one that was cut", got.Value("model_requests_total", "outcome", "server_abort", "code", c.code), 1)
				}
				noLoss(t, got)
			})
		}
	}
}

func event(n int) (text string) {
	for range n {
		text += fmt.Sprintf("%x\r\n%s\r\n", len(resetEvent), resetEvent)
	}
	return text
}

func answer(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

func readRequest(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.ReadFull(c, make([]byte, len(resetRequest))); err != nil {
		t.Fatal(err)
	}
}

// unread waits until a request lies in the socket.
func unread(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n := 0
		_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(resetRequest) {
			return
		}
	}
	t.Fatal("no request arrived")
}
