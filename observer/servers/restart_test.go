// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"fmt"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// A container that restarts is the same server, whenever its name becomes known
// and whether packets or its socket come first.
func TestRestartUnderLateName(t *testing.T) {
	for i := range 1 << 5 {
		is := func(bit int) bool { return i>>bit&1 == 1 }
		target, packets, unnamed, sameSpace, open := is(0), is(1), is(2), is(3), is(4)
		which := fmt.Sprintf("target %v, packets first %v, named late %v, same namespace %v, connections open %v", target, packets, unnamed, sameSpace, open)
		var o Options
		if target {
			o.Specs = []Spec{{Port: 8000}}
		}
		tab := NewTable(o)
		owner := identity.Owner{PID: 7, Comm: "python3", Process: identity.Process{Name: "uvicorn"}}
		named := owner
		named.Name = identity.Name{Namespace: "ns", Pod: "pod", Container: "server"}
		first := event.Place{NetNS: 1, Group: 10, Port: 8000}
		was := tab.Add(Listener{Key: 1, Place: first, Owner: named})[0]
		was.Confirm()
		if open {
			was.Opened()
		}
		tab.Remove(1, time.Unix(1, 0))

		second := event.Place{NetNS: 1, Group: 20, Port: 8000}
		if !sameSpace {
			second.NetNS = 2
		}
		if packets {
			s := tab.Resolve(&event.Segment{NetNS: second.NetNS, Group: second.Group, Flow: event.Flow{Server: at("10.0.0.1:8000")}})
			if s == nil && target {
				t.Fatalf("%s: packets belong to nobody", which)
			}
			for _, p := range tab.Doubted() {
				tab.Tell(p, named, Candidate)
			}
			if s != nil && s.Name() != "ns/pod/server" {
				t.Errorf("%s: packets belong to %s", which, s.Name())
			}
		}
		if unnamed {
			tab.Add(Listener{Key: 2, Place: second, Owner: owner, Unnamed: true})
		}
		is2 := tab.Add(Listener{Key: 2, Place: second, Owner: named})[0]
		if is2.Name() != "ns/pod/server" || is2.Label() != "ns/pod/server" {
			t.Errorf("%s: came back as %s", which, is2.Name())
		}
		if list := tab.Servers(); len(list) != 1 || list[0].Name != "ns/pod/server" || !list[0].Listening {
			t.Errorf("%s: listed: %+v", which, list)
		}
	}
}
