// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/identity"
)

func uvicorn(tab *Table) func(key uint64) *Server {
	return func(key uint64) *Server {
		return tab.Add(listener(key, key, key, fmt.Sprintf("0.0.0.0:%d", 8000+key), "uvicorn"))[0]
	}
}

func TestServersBeyondTheLimitShareOther(t *testing.T) {
	for _, targets := range [][]string{nil, {"8001", "8002", "8003", "8004", "8005"}} {
		tab := NewTable(Options{MaxServers: 2, Specs: specs(t, targets...)})
		add := uvicorn(tab)
		all := []*Server{add(1), add(2), add(3), add(4)}
		for _, s := range all {
			s.Confirm()
		}
		for i, want := range []string{"uvicorn:8001", "uvicorn:8002", Other, Other} {
			if got := all[i].Label(); got != want {
				t.Errorf("targets %q: server %d is %q, want %q", targets, i+1, got, want)
			}
		}
		if got := names(tab); strings.Count(got, "uvicorn") != 2 || strings.Count(got, Other) != 1 {
			t.Errorf("targets %q: listed: %q", targets, got)
		}
		if tab.Resolve(seg(3, 3, at("127.0.0.1:8003"))) != all[2] {
			t.Errorf("targets %q: a server beyond the limit does not resolve", targets)
		}
		tab.Remove(2, start)
		if e := add(5); e.Label() != "uvicorn:8005" {
			t.Errorf("targets %q: a gone server kept its label: %q", targets, e.Label())
		}
		if got := tab.Resolve(seg(2, 2, at("127.0.0.1:8002"))); got == all[1] {
			t.Errorf("targets %q: a connection resolves to a server that was forgotten", targets)
		}
	}
}

// Sockets that never prove to be servers, as the kernels of a notebook server or
// the workers of Ray have them by the hundred, take no label for good.
func TestCandidatesKeepNobodyOut(t *testing.T) {
	tab := NewTable(Options{MaxServers: 2})
	add := uvicorn(tab)
	for key := range uint64(300) {
		add(key + 100)
	}
	a, b, c := add(1), add(2), add(3)
	if a.Label() != a.Name() || b.Label() != b.Name() {
		t.Fatalf("%q and %q beside sockets that nobody asked anything", a.Label(), b.Label())
	}
	a.Confirm()
	if c.Label() != c.Name() || b.standing.Load() != undecided {
		t.Errorf("%q: a candidate kept a server's label", c.Label())
	}
	c.Confirm()
	if b.Label() != Other || a.Label() != a.Name() || c.Label() != c.Name() {
		t.Errorf("%q %q %q: the limit is two", a.Label(), b.Label(), c.Label())
	}
	b.Confirm()
	tab.Remove(1, start)
	tab.Expire(start.Add(time.Hour), 1000)
	if b.Label() != b.Name() || names(tab) != b.Name()+" "+c.Name() {
		t.Errorf("%q, %q: a label that was given back is nobody's", b.Label(), names(tab))
	}
}

func TestStatesAreBounded(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000"), MaxServers: 4})
	for i := range uint64(maxStates + 500) {
		if tab.Resolve(seg(i+1, i+1, at("10.0.0.1:8000"))) == nil {
			t.Fatal("a connection lost its server")
		}
		if i > 600 { // past the limit the rest is quick to check
			tab.mu.Lock()
			for len(tab.states) < maxStates {
				tab.states = append(tab.states, tab.states[len(tab.states)-1])
			}
			tab.mu.Unlock()
		}
		if i > 700 {
			break
		}
	}
	if len(tab.states) > maxStates {
		t.Errorf("%d states", len(tab.states))
	}
}

func TestDuplicateNeverTakesTheNameOfATarget(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "chat=8000", "chat-2=8001")})
	tab.Add(listener(1, 1, 1, "0.0.0.0:8000", "x"))
	b := tab.Add(listener(2, 2, 2, "0.0.0.0:8000", "x"))[0]
	c := tab.Add(listener(3, 1, 1, "0.0.0.0:8001", "x"))[0]
	if b.Name() != "chat-3" || c.Name() != "chat-2" {
		t.Errorf("%q %q", b.Name(), c.Name())
	}
}

func TestByAddress(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000", "chat=9000")})
	a, b := tab.Resolve(seg(0, 0, at("10.0.0.1:8000"))), tab.Resolve(seg(0, 0, at("[::1]:8000")))
	c, d := tab.Resolve(seg(0, 0, at("10.0.0.1:9000"))), tab.Resolve(seg(0, 0, at("10.0.0.2:9000")))
	if a.Name() != "10.0.0.1:8000" || b.Name() != "[::1]:8000" || c.Name() != "chat" || c != d {
		t.Errorf("%q %q %q %q", a.Name(), b.Name(), c.Name(), d.Name())
	}
	if tab.Resolve(seg(0, 0, at("10.0.0.1:7000"))) != nil {
		t.Error("a port that is no target")
	}
	if len(tab.Doubted()) != 0 {
		t.Errorf("asks for %+v", tab.Doubted())
	}
}

func TestByAddressDiscovery(t *testing.T) {
	tab := NewTable(Options{})
	tab.Door(listener(1, 5, 9, "0.0.0.0:8000", "vllm"))
	tab.Looked()
	if names(tab) != "" {
		t.Fatal("a server before its packets")
	}
	a := tab.Resolve(seg(0, 0, at("127.0.0.1:8000")))
	if a == nil || a.Name() != "127.0.0.1:8000" || a.Info().PID != 1 || tab.Resolve(seg(0, 0, at("127.0.0.1:8000"))) != a {
		t.Fatalf("%+v", a)
	}
	if w := tab.Want(); len(w.Ports) != 1 {
		t.Fatalf("%+v", w)
	}
	a.Confirm()
	if names(tab) != a.Name() {
		t.Fatal(names(tab))
	}
	tab.Remove(1, start)
	if names(tab) != "" || len(tab.Want().Ports) != 0 {
		t.Errorf("%q %+v", names(tab), tab.Want())
	}
}

func TestAdopt(t *testing.T) {
	tab := NewTable(Options{})
	if tab.Resolve(seg(0, 0, at("10.0.0.1:4711"))) != nil {
		t.Fatal("nothing is known, something resolves")
	}
	a := tab.Adopt(at("10.0.0.1:4711"))
	if a.Name() != "10.0.0.1:4711" || tab.Adopt(at("10.0.0.1:4711")) != a || tab.Resolve(seg(0, 0, at("10.0.0.1:4711"))) != a {
		t.Errorf("%+v", a)
	}
	if tab.Resolve(seg(0, 0, at("10.0.0.2:4711"))) != nil {
		t.Error("the same port elsewhere was taken for a server")
	}
}

func TestReload(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000", "chat=8001")})
	all := []Listener{listener(1, 5, 9, "0.0.0.0:8000", "vllm"), listener(2, 5, 9, "0.0.0.0:8001", "vllm")}
	add := func() {
		for _, l := range all {
			tab.Add(l)
		}
	}
	add()
	a := tab.Resolve(seg(5, 9, at("127.0.0.1:8000")))
	next := specs(t, "chat=8002", "8000")
	x, y := regexp.MustCompile("^/x"), regexp.MustCompile("^/y")
	next[1].Ignore = []*regexp.Regexp{x}
	before := tab.Generation()
	tab.Reload(next, Rules{Model: []*regexp.Regexp{y}})
	if tab.Generation() == before {
		t.Error("nobody would add the listeners again")
	}
	add()
	if tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))) != a || names(tab) != "chat? vllm:8000" {
		t.Errorf("%q", names(tab))
	}
	if r := a.Rules(); !slices.Equal(r.Ignore, []*regexp.Regexp{x}) || !slices.Equal(r.Model, []*regexp.Regexp{y}) {
		t.Errorf("the rules are %+v", r)
	}
	if tab.Resolve(seg(5, 9, at("127.0.0.1:8001"))) != nil {
		t.Error("a target that was taken out still resolves")
	}
	tab.Reload(nil, Rules{})
	add()
	if b := tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))); b == nil || b.Explicit || names(tab) != "" {
		t.Errorf("back in discovery: %+v", b)
	}
}

// The look-up runs beside changes: for the race detector, and no connection of
// a listening server may go unresolved.
func TestResolveBesideChanges(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "8000", "8001")})
	a := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "a"))[0]
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))) != a {
					t.Error("lost")
					return
				}
				tab.Resolve(seg(6, 0, at("127.0.0.1:8001")))
			}
		})
	}
	for i := range uint64(300) {
		l := listener(10+i, 6, 9, "0.0.0.0:8001", "b")
		tab.Add(l)
		tab.Servers()
		tab.Want()
		for _, p := range tab.Doubted() {
			tab.Tell(p, identity.Owner{}, Unsure)
		}
		tab.Remove(l.Key, start.Add(time.Duration(i)))
		tab.Expire(start.Add(time.Duration(i)), 1000)
	}
	close(stop)
	wg.Wait()
}
