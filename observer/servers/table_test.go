// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

var start = time.Unix(1000, 0)

func specs(t testing.TB, list ...string) []Spec {
	t.Helper()
	var out []Spec
	for _, s := range list {
		spec, err := ParseSpec(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, spec)
	}
	return out
}

func at(s string) event.Endpoint { return event.EndpointOf(netip.MustParseAddrPort(s)) }

// seg is the first segment of a connection to local, a request.
func seg(group, netns uint64, local event.Endpoint) *event.Segment {
	return &event.Segment{Group: group, NetNS: netns, Flow: event.Flow{Server: local}}
}

func place(group, netns uint64, local string) event.Place {
	a := netip.MustParseAddrPort(local)
	return event.Place{Group: group, NetNS: netns, Addr: a.Addr(), Port: a.Port()}
}

func netipAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func endpoint(p event.Place) event.Endpoint {
	return event.EndpointOf(netip.AddrPortFrom(p.Addr, p.Port))
}

func listener(key, group, netns uint64, local, process string) Listener {
	return Listener{
		Key: key, Place: place(group, netns, local),
		Owner: identity.Owner{PID: int(key), Comm: process, Process: identity.Process{Name: process}}, Verdict: Candidate,
	}
}

func names(t *Table) string {
	var out []string
	for _, s := range t.Servers() {
		n := s.Name
		if !s.Listening {
			n += "?"
		}
		out = append(out, n)
	}
	return strings.Join(out, " ")
}

func TestSiblingsAreOneServer(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000")})
	a := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "uvicorn"))[0]
	b := tab.Add(listener(2, 6, 9, "0.0.0.0:8000", "uvicorn"))[0] // SO_REUSEPORT, worker in its own cgroup
	c := tab.Add(listener(3, 5, 9, "[::]:8000", "uvicorn"))[0]
	if a != b || b != c || names(tab) != "uvicorn:8000" {
		t.Fatalf("three sockets on one port of one namespace are %s", names(tab))
	}
	if w := tab.Want(); w.Everywhere || !slices.Equal(w.Groups, []uint64{5, 6}) || !slices.Equal(w.Ports, []uint16{8000}) {
		t.Fatalf("want %+v", w)
	}
	tab.Remove(1, start)
	tab.Remove(3, start)
	if a.Info().PID != 2 || names(tab) != "uvicorn:8000" {
		t.Fatalf("%+v", a.Info())
	}
}

func TestTwoNamespacesAreTwoServers(t *testing.T) {
	for name, unnamed := range map[string]string{"8000": "uvicorn:8000", "chat=8000": "chat"} {
		tab := NewTable(Options{Specs: specs(t, name)})
		a := tab.Add(listener(1, 1, 9, "0.0.0.0:8000", "uvicorn"))[0]
		b := tab.Add(listener(2, 1, 8, "0.0.0.0:8000", "uvicorn"))[0]
		if a == b || a.Name() != unnamed || b.Name() != unnamed+"-2" {
			t.Fatalf("%q and %q", a.Name(), b.Name())
		}
		if tab.Resolve(seg(1, 9, at("10.0.0.1:8000"))) != a || tab.Resolve(seg(1, 8, at("10.0.0.1:8000"))) != b {
			t.Error("the namespace does not decide")
		}
	}
}

// Kernels before 6.16 do not tell the namespace of a packet.
func TestGroupDecidesWithoutNamespace(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000")})
	a := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "a"))[0]
	b := tab.Add(listener(2, 6, 8, "0.0.0.0:8000", "b"))[0]
	if tab.Resolve(seg(5, 0, at("10.0.0.1:8000"))) != a || tab.Resolve(seg(6, 0, at("10.0.0.1:8000"))) != b {
		t.Error("the group does not decide")
	}
}

func TestRestartKeepsServer(t *testing.T) {
	for _, list := range [][]string{nil, {"8000"}, {"chat=8000"}} {
		tab := NewTable(Options{Specs: specs(t, list...)})
		a := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "uvicorn"))[0]
		a.Confirm()
		tab.Remove(1, start)
		if a.Info().Listening || (list == nil) != (names(tab) == "") {
			t.Fatalf("%v after its end: %q", list, names(tab))
		}
		if tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))) != a {
			t.Error("a connection that outlives the listener lost its server")
		}
		b := tab.Add(listener(2, 7, 8, "0.0.0.0:8000", "uvicorn"))[0] // a new pod: new cgroup, new namespace
		if a != b || !b.Confirmed() || b.Info().PID != 2 || b.Info().Group != 7 {
			t.Fatalf("%v: restart gives %q %+v", list, b.Name(), b.Info())
		}
		if tab.Resolve(seg(7, 8, at("127.0.0.1:8000"))) != a {
			t.Error("the new place does not resolve")
		}
	}
}

func TestGoneServerIsForgottenAfterTTL(t *testing.T) {
	tab := NewTable(Options{TTL: time.Minute})
	a := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "uvicorn"))[0]
	tab.Remove(1, start)
	tab.Expire(start.Add(59*time.Second), 100)
	if tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))) != a {
		t.Fatal("forgotten too early")
	}
	tab.Expire(start.Add(time.Minute), 100)
	if tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))) != nil {
		t.Fatal("not forgotten")
	}
}

func TestCandidateBecomesServer(t *testing.T) {
	tab := NewTable(Options{})
	a := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "uvicorn"))[0]
	if a.Explicit || a.Confirmed() || names(tab) != "" {
		t.Fatalf("a candidate is listed: %q", names(tab))
	}
	a.Confirm()
	if names(tab) != "uvicorn:8000" {
		t.Fatalf("a confirmed server is not listed: %q", names(tab))
	}
	if tab.Drop(place(5, 9, "127.0.0.1:8000")) {
		t.Error("a server was dropped as an unproven candidate")
	}
	tab.Add(listener(2, 6, 9, "0.0.0.0:4000", "web"))
	if !tab.Drop(place(6, 9, "127.0.0.1:4000")) || tab.Resolve(seg(6, 9, at("127.0.0.1:4000"))) != nil {
		t.Error("an unproven candidate was not dropped")
	}
}

func TestTargetThatIsWaitedFor(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000", "chat=8001")})
	changed := func() bool {
		select {
		case <-tab.Changed():
			return true
		default:
			return false
		}
	}
	if names(tab) != "chat? port-8000?" || len(tab.Waiting()) != 2 {
		t.Fatalf("%q", names(tab))
	}
	if w := tab.Want(); !w.Everywhere || !slices.Equal(w.Ports, []uint16{8000, 8001}) {
		t.Fatalf("a waited-for target may be anywhere: %+v", w)
	}
	if got := tab.Add(listener(1, 5, 9, "0.0.0.0:9999", "x")); got != nil || changed() {
		t.Error("a socket that no target means was added")
	}
	tab.Add(listener(2, 5, 9, "127.0.0.1:8000", "vllm"))
	tab.Add(listener(3, 5, 9, "127.0.0.1:8001", "vllm"))
	if names(tab) != "chat vllm:8000" || tab.Want().Everywhere || !changed() {
		t.Fatalf("%q %+v", names(tab), tab.Want())
	}
	tab.Remove(2, start)
	if names(tab) != "chat vllm:8000?" {
		t.Fatalf("a target that stopped: %q", names(tab))
	}
}

func TestAddressDecides(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "a=127.0.0.1:8000", "b=127.0.0.2:8000", "rest=8000", "c=[::1]:9000")})
	tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "x"))
	for local, want := range map[string]string{
		"127.0.0.1:8000": "a", "127.0.0.2:8000": "b", "10.0.0.1:8000": "rest", "[::1]:9000": "c",
	} {
		if got := tab.Resolve(seg(5, 9, at(local))); got == nil || got.Name() != want {
			t.Errorf("%s is %v, want %s", local, got, want)
		}
	}
	if tab.Resolve(seg(5, 9, at("127.0.0.1:9000"))) != nil || tab.Resolve(seg(5, 9, at("127.0.0.1:7000"))) != nil {
		t.Error("an address that no target means was resolved")
	}
	tab = NewTable(Options{Specs: specs(t, "a=127.0.0.1:8000", "rest=8000")})
	if got := tab.Add(listener(1, 5, 9, "127.0.0.1:8000", "x")); len(got) != 1 || got[0].Name() != "a" {
		t.Error("a socket at a named address also went to the wildcard")
	}
}

// Packets on an explicit port whose listener was never seen still count. They
// are listed once they have counted, and named when somebody has told.
func TestPacketsShowServer(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000")})
	a := tab.Resolve(seg(5, 9, at("10.0.0.1:8000")))
	b := tab.Resolve(seg(6, 8, at("10.0.0.1:8000")))
	if a == nil || b == nil || a == b || !a.Explicit || names(tab) != "port-8000?" {
		t.Fatalf("%v %v, listed %q", a, b, names(tab))
	}
	doubted := tab.Doubted()
	if want := []event.Place{place(5, 9, "10.0.0.1:8000"), place(6, 8, "10.0.0.1:8000")}; !slices.Equal(doubted, want) {
		t.Fatalf("asks for %+v", doubted)
	}
	for _, p := range doubted {
		tab.Tell(p, identity.Owner{Cgroup: identity.Cgroup{Unit: "llm.service"}}, Unsure)
	}
	if a.Name() != "llm:8000" || b.Name() != "llm:8000-2" || len(tab.Doubted()) != 0 {
		t.Fatalf("%s and %s, asks for %+v", a.Name(), b.Name(), tab.Doubted())
	}
	if w := tab.Want(); !w.Everywhere {
		t.Fatalf("the target may still be elsewhere: %+v", w)
	}
	a.Confirm()
	b.Confirm()
	if w := tab.Want(); w.Everywhere || !slices.Equal(w.Groups, []uint64{5, 6}) || names(tab) != "llm:8000 llm:8000-2" {
		t.Fatalf("%+v %q", w, names(tab))
	}
	if tab.Resolve(seg(5, 9, at("10.9.9.9:8000"))) != a {
		t.Fatal("another address of it is another server")
	}
	if got := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "vllm"))[0]; got != a || a.Name() != "llm:8000" {
		t.Errorf("the listener did not join the server that its packets showed, or renamed what has counted: %s", got.Name())
	}
	for range 3 { // b shows packets, then none
		tab.Resolve(seg(6, 8, at("10.0.0.1:8000")))
		tab.Expire(start, 2)
	}
	if !b.Info().Listening {
		t.Error("a server with traffic left")
	}
	for range 3 {
		tab.Expire(start, 2)
	}
	if b.Info().Listening || !a.Info().Listening {
		t.Error("idle: only the server without a known socket leaves")
	}
}

// Listeners from /proc carry the inode of the namespace, not its cookie.
func TestUnboundNamespacesAreBoundByPackets(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000")})
	for node := range uint64(2) {
		l := listener(1+node, 1, 0, "0.0.0.0:8000", "uvicorn")
		l.Node = 100 + node
		tab.Add(l)
	}
	a := tab.Resolve(seg(1, 9, at("127.0.0.1:8000")))
	b := tab.Resolve(seg(1, 8, at("127.0.0.1:8000")))
	if a == b || tab.Resolve(seg(1, 9, at("127.0.0.1:8000"))) != a || tab.Resolve(seg(1, 8, at("127.0.0.1:8000"))) != b {
		t.Errorf("%q and %q", a.Name(), b.Name())
	}
	if names(tab) != "uvicorn:8000 uvicorn:8000-2" {
		t.Error(names(tab))
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000")})
	tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "a"))
	first := seg(5, 9, at("10.0.0.1:8000"))
	if n := testing.AllocsPerRun(100, func() { tab.Resolve(first) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkResolve(b *testing.B) {
	tab := NewTable(Options{Specs: specs(b, "8000")})
	tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "a"))
	first := seg(5, 9, at("10.0.0.1:8000"))
	b.ReportAllocs()
	for b.Loop() {
		tab.Resolve(first)
	}
}
