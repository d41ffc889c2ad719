// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"slices"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/identity"
)

// A server that packets alone showed is one as long as a connection to it is
// followed, however old that is and whatever else comes; see the idle limit.
func TestPersistentConnection(t *testing.T) {
	for _, targets := range [][]string{nil, {"8000"}} {
		tab := NewTable(Options{Specs: specs(t, targets...), TTL: time.Minute})
		tab.Add(Listener{Place: place(10, 0, "10.0.0.1:8000")}) // the scout's finding
		s := tab.Resolve(seg(10, 0, at("10.0.0.1:8000")))       // once, at the first packet of the connection
		s.Confirm()
		s.Opened()
		now := start
		for range 1000 {
			now = now.Add(10 * time.Second)
			tab.Expire(now, 2)
		}
		if w := tab.Want(); !slices.Equal(w.Ports, []uint16{8000}) || !slices.Equal(w.Groups, []uint64{10}) || len(tab.Servers()) != 1 || !tab.Servers()[0].Listening {
			t.Fatalf("targets %q: %+v, %q", targets, w, names(tab))
		}
		s.Closed()
		tab.Expire(now, 2)
		if w := tab.Want(); len(w.Groups) != 1 {
			t.Errorf("targets %q: it ended with its connection: %+v", targets, w)
		}
		for range 3 {
			tab.Expire(now, 2)
		}
		if w := tab.Want(); len(w.Groups) != 0 || tab.Servers() != nil && tab.Servers()[0].Listening {
			t.Errorf("targets %q: idle, and still %+v, %q", targets, w, names(tab))
		}
	}
}

// A server that shuts down ends its listeners first and its streams later: they
// are captured to their end, and where it was no longer.
func TestConnectionsOutliveListener(t *testing.T) {
	tab := NewTable(Options{TTL: time.Minute})
	s := tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "uvicorn"))[0]
	tab.Add(listener(2, 6, 9, "0.0.0.0:8000", "uvicorn")) // a worker in its own cgroup
	s.Confirm()
	s.Opened()
	tab.Remove(1, start)
	tab.Remove(2, start)
	if names(tab) != "" {
		t.Errorf("listed: %q", names(tab))
	}
	late := start.Add(time.Hour)
	tab.Expire(late, 2)
	if w := tab.Want(); !slices.Equal(w.Ports, []uint16{8000}) || !slices.Equal(w.Past, []uint64{5, 6}) || len(w.Groups) != 0 || w.Everywhere {
		t.Fatalf("a stream would be cut off: %+v", w)
	}
	tab.Vanished(5, late)
	if w := tab.Want(); !slices.Equal(w.Past, []uint64{6}) || w.Everywhere {
		t.Errorf("one cgroup is gone: %+v", w)
	}
	for len(tab.Changed()) > 0 {
		<-tab.Changed()
	}
	s.Closed()
	tab.Expire(late, 2)
	if w := tab.Want(); len(w.Ports) != 0 || len(w.Past) != 0 {
		t.Errorf("nothing is left of it, and still %+v", w)
	}
	if len(tab.Changed()) == 0 {
		t.Error("nobody is told")
	}
	if tab.Resolve(seg(5, 9, at("127.0.0.1:8000"))) != nil {
		t.Error("it was not forgotten in the end")
	}
}

func TestVanishedCgroup(t *testing.T) {
	tab := NewTable(Options{})
	tab.Add(Listener{Place: place(10, 0, "10.0.0.1:8000")})
	s := tab.Resolve(seg(10, 0, at("10.0.0.1:8000")))
	s.Confirm()
	tab.Vanished(11, start)
	if names(tab) == "" {
		t.Fatal("another cgroup ended it")
	}
	tab.Vanished(10, start)
	if w := tab.Want(); names(tab) != "" || w.Everywhere || len(w.Groups) != 0 {
		t.Errorf("%q, %+v", names(tab), w)
	}
}

// A bound socket is captured, and no server yet.
func TestBoundSocket(t *testing.T) {
	for _, targets := range [][]string{nil, {"8000"}} {
		tab := NewTable(Options{Specs: specs(t, targets...)})
		l := listener(1, 5, 9, "0.0.0.0:8000", "vllm")
		l.Bound = true
		s := tab.Add(l)[0]
		s.Confirm()
		for range 100 {
			tab.Expire(start, 2)
		}
		w := tab.Want()
		if !slices.Equal(w.Groups, []uint64{5}) || !slices.Equal(w.Ports, []uint16{8000}) || w.Everywhere {
			t.Errorf("targets %q: %+v", targets, w)
		}
		if got := names(tab); targets == nil && got != "" || targets != nil && got != "vllm:8000?" {
			t.Errorf("targets %q: listed %q", targets, got)
		}
		if len(tab.Waiting()) != len(targets) {
			t.Errorf("targets %q: waits for %+v", targets, tab.Waiting())
		}
		l.Bound = false
		if tab.Add(l)[0] != s || names(tab) != "vllm:8000" {
			t.Errorf("targets %q: it listens, and %q is listed", targets, names(tab))
		}
	}
}

// Kernels before 6.16: packets carry no namespace. Siblings of one namespace
// whose cgroups differ are one server all the same.
func TestSiblingInAnotherCgroup(t *testing.T) {
	tab := NewTable(Options{Specs: specs(t, "app=8000")})
	a := tab.Add(listener(1, 10, 7, "0.0.0.0:8000", "x"))[0]
	b := tab.Add(listener(2, 20, 7, "0.0.0.0:8000", "x"))[0]
	if a != b {
		t.Fatal("not siblings at all")
	}
	for _, group := range []uint64{10, 20} {
		if got := tab.Resolve(seg(group, 0, at("10.0.0.1:8000"))); got != a {
			t.Errorf("a packet of cgroup %d belongs to %q", group, got.Name())
		}
	}
	tab.Remove(1, start)
	if got := tab.Resolve(seg(20, 0, at("10.0.0.1:8000"))); got != a {
		t.Errorf("one left, and the other's belong to %q", got.Name())
	}
}

// The name that is looked for takes the place of the one that stood in for it,
// until something has been counted.
func TestNameComesLater(t *testing.T) {
	named := identity.Name{Namespace: "prod", Pod: "a", Container: "vllm"}
	for _, counted := range []bool{false, true} {
		tab := NewTable(Options{})
		l := listener(1, 5, 9, "0.0.0.0:8000", "vllm")
		l.Unnamed = true
		s := tab.Add(l)[0]
		if counted {
			s.Confirm()
		}
		l.Unnamed, l.Owner.Name = false, named
		tab.Add(l)
		want := "prod/a/vllm"
		if counted {
			want = "vllm:8000"
		}
		if s.Name() != want || s.Label() != want {
			t.Errorf("counted %v: %s", counted, s.Name())
		}
		l.Owner.Name = identity.Name{}
		tab.Add(l)
		if s.Name() != want {
			t.Errorf("counted %v: later %s", counted, s.Name())
		}
	}
}
