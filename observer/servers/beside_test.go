// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"fmt"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// permutations calls fn with every order of n things.
func permutations(n int, fn func(order []int)) {
	order := make([]int, 0, n)
	used := make([]bool, n)
	var next func()
	next = func() {
		if len(order) == n {
			fn(order)
			return
		}
		for i := range n {
			if !used[i] {
				used[i] = true
				order = append(order, i)
				next()
				order = order[:len(order)-1]
				used[i] = false
			}
		}
	}
	next()
}

// What listens on one port beside a model server, and to whom a connection to
// each address belongs: a request that passes through two listeners counts once.
// In every order in which the listeners become known, and with packets that came
// before, or not.
func TestBesideOnOnePort(t *testing.T) {
	type l struct {
		netns   uint64
		local   string
		process string
		verdict Verdict
		pid     int
	}
	for name, c := range map[string]struct {
		listeners []l
		want      map[string]string // by "namespace address", the server's process; "" nobody
		spec      string            // "" the bare port
	}{
		"a proxy at another address of the port": {
			[]l{{1, "127.0.0.1:8000", "vllm", Candidate, 10}, {1, "127.0.0.2:8000", "nginx", Refused, 11}},
			map[string]string{"1 127.0.0.1": "vllm", "1 127.0.0.2": ""}, "",
		},
		"a proxy at the public address": {
			[]l{{1, "127.0.0.1:8000", "uvicorn", Candidate, 10}, {1, "10.0.0.5:8000", "haproxy", Refused, 11}},
			map[string]string{"1 127.0.0.1": "uvicorn", "1 10.0.0.5": ""}, "",
		},
		"a published port": {
			[]l{{1, "0.0.0.0:8000", "docker-proxy", Relay, 10}, {2, "0.0.0.0:8000", "vllm", Candidate, 11}},
			map[string]string{"1 127.0.0.1": "", "1 10.0.0.5": "", "2 172.17.0.2": "vllm"}, "",
		},
		"a published port of both families": {
			[]l{{1, "0.0.0.0:8000", "docker-proxy", Relay, 10}, {1, "[::]:8000", "docker-proxy", Relay, 12}, {2, "[::]:8000", "vllm", Candidate, 11}},
			map[string]string{"1 127.0.0.1": "", "1 ::1": "", "2 172.17.0.2": "vllm"}, "",
		},
		"a tunnel alone": {
			[]l{{1, "127.0.0.1:8000", "ssh", Relay, 10}},
			map[string]string{"1 127.0.0.1": ""}, "",
		},
		"a tunnel that a target names": {
			[]l{{1, "127.0.0.1:8000", "ssh", Relay, 10}},
			map[string]string{"1 127.0.0.1": "ssh"}, "127.0.0.1:8000",
		},
		"two workers with addresses of their own": {
			[]l{{1, "127.0.0.1:8000", "app.py", Candidate, 10}, {1, "[::1]:8000", "app.py", Candidate, 10}},
			map[string]string{"1 127.0.0.1": "app.py", "1 ::1": "app.py"}, "",
		},
	} {
		for _, explicit := range []bool{false, true} {
			if c.spec != "" && !explicit {
				continue
			}
			for _, early := range []bool{false, true} {
				if early && !explicit {
					continue // in discovery nothing is captured before a candidate is known
				}
				permutations(len(c.listeners), func(order []int) {
					at := fmt.Sprintf("%s, explicit %v, packets first %v, order %v", name, explicit, early, order)
					var o Options
					if explicit {
						o.Specs = specs(t, "app=8000")
						if c.spec != "" {
							o.Specs = specs(t, "app="+c.spec)
						}
					}
					tab := NewTable(o)
					reach := func(where string) *Server {
						var ns uint64
						var addr string
						fmt.Sscan(where, &ns, &addr)
						p := place(ns, ns, "127.0.0.1:8000")
						p.Addr = netipAddr(addr)
						return tab.Resolve(&event.Segment{NetNS: ns, Group: ns, Flow: event.Flow{Server: endpoint(p)}})
					}
					if early {
						for where := range c.want {
							reach(where)
						}
					}
					for _, i := range order {
						x := c.listeners[i]
						l := listener(uint64(i+1), x.netns, x.netns, x.local, x.process)
						l.PID, l.Verdict = x.pid, x.verdict
						tab.Add(l)
					}
					for where, want := range c.want {
						if got := processOf(tab, reach(where)); got != want {
							t.Errorf("%s: %s belongs to %q, want %q", at, where, got, want)
						}
					}
					for _, s := range tab.Servers() {
						if s.Listening && s.Name != "app" {
							t.Errorf("%s: %q is listed too", at, s.Name)
						}
					}
				})
			}
		}
	}
}

func processOf(t *Table, s *Server) string {
	if s == nil || s.Disproved() {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, st := range t.states {
		if st.server != s {
			continue
		}
		for _, l := range st.sockets {
			return l.Process.Name
		}
	}
	return "packets alone"
}

// A proxy alone may be a target: it stands back only behind what it serves.
func TestProxyAsTarget(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "gateway=8080")})
	front := listener(1, 1, 1, "0.0.0.0:8080", "nginx")
	front.Verdict = Refused
	s := tab.Add(front)
	if len(s) != 1 || tab.Resolve(seg(1, 1, at("10.0.0.1:8080"))) != s[0] || names(tab) != "gateway" {
		t.Fatalf("%v, listed %q", s, names(tab))
	}
	// In another namespace, that is another machine's worth: both count.
	back := tab.Add(listener(2, 2, 2, "0.0.0.0:8080", "vllm"))[0]
	if tab.Resolve(seg(1, 1, at("10.0.0.1:8080"))) != s[0] || back == s[0] {
		t.Error("it stands back behind a server elsewhere")
	}
	tab.Remove(2, start)
	behind := tab.Add(listener(3, 1, 1, "127.0.0.1:8080", "vllm"))[0]
	if behind == s[0] {
		t.Error("proxy and server are one")
	}
}

// Only what waits behind a relay can be told to name it.
func TestWaitingBehindRelay(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000", "8001")})
	l := listener(1, 1, 1, "127.0.0.1:8000", "ssh")
	l.Verdict = Relay
	tab.Add(l)
	w := tab.Waiting()
	if len(w) != 2 || w[0].Relay != "ssh" || w[1].Relay != "" {
		t.Errorf("%+v", w)
	}
	if want := tab.Want(); !want.Everywhere {
		t.Error("the target is not waited for elsewhere")
	}
	tab.Remove(1, start)
	if w := tab.Waiting(); w[0].Relay != "" {
		t.Errorf("the relay is gone: %+v", w)
	}
}

// A client whose own port equals a server's is none: the segment that asks for
// a connection tells, and where none was seen the lack of a door or of anybody
// who listens.
func TestClientOnServersPort(t *testing.T) {
	syn := func(group, netns uint64, local string) *event.Segment {
		s := seg(group, netns, at(local))
		s.Dir, s.Flags = event.Response, event.SYN
		return s
	}
	for _, targets := range [][]string{nil, {"8000"}} {
		tab := NewTable(Options{Specs: specs(t, targets...)})
		tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "vllm"))
		if s := tab.Resolve(syn(6, 7, "10.0.0.2:8000")); s != nil {
			t.Errorf("targets %q: an active open belongs to %s", targets, s.Name())
		}
		if s := tab.Resolve(syn(5, 9, "10.0.0.1:8000")); s != nil {
			t.Errorf("targets %q: an active open beside the server belongs to it", targets)
		}
		accept := syn(5, 9, "10.0.0.1:8000")
		accept.Flags |= event.ACK
		if tab.Resolve(accept) == nil {
			t.Errorf("targets %q: an answer to one belongs to nobody", targets)
		}
		// Joined in the middle elsewhere: believed by nobody, listed by none.
		s := tab.Resolve(seg(6, 7, at("10.0.0.2:8000")))
		if s == nil || len(tab.Servers()) > 1 {
			t.Fatalf("targets %q: %v, %q", targets, s, names(tab))
		}
		tab.Tell(tab.Doubted()[0], identity.Owner{}, Nobody)
		if !s.Disproved() || tab.Resolve(seg(6, 7, at("10.0.0.2:8000"))) != nil || len(tab.Doubted()) != 0 {
			t.Errorf("targets %q: a client's port is still a server's", targets)
		}
		// Packets: what joins in the middle needs a door, what opens does not.
		tab = NewTable(Options{Specs: specs(t, targets...)})
		tab.Looked()
		if s := tab.Resolve(seg(0, 0, at("10.0.0.2:8000"))); s != nil {
			t.Errorf("targets %q: %s without a door", targets, s.Name())
		}
		if s := tab.Resolve(syn(0, 0, "10.0.0.2:8000")); s != nil {
			t.Errorf("targets %q: an active open without a door is %s", targets, s.Name())
		}
		open := seg(0, 0, at("10.0.0.2:8000"))
		open.Flags = event.SYN
		if s := tab.Resolve(open); (s != nil) != (targets != nil) {
			t.Errorf("targets %q: a handshake before the door is known: %v", targets, s)
		}
		relay := listener(3, 0, 0, "0.0.0.0:8000", "docker-proxy")
		relay.Verdict = Relay
		tab.Door(relay)
		if s := tab.Resolve(seg(0, 0, at("10.0.0.3:8000"))); s != nil {
			t.Errorf("targets %q: through a relay's door comes %s", targets, s.Name())
		}
	}
}
