// SPDX-License-Identifier: Apache-2.0

package event

import (
	"net/netip"
	"testing"
)

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func TestOverlappingAddresses(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"", "10.0.0.1", true}, {"", "::1", true}, {"", "0.0.0.0", true}, {"", "::", true},
		{"0.0.0.0", "0.0.0.0", true}, {"0.0.0.0", "127.0.0.2", true}, {"0.0.0.0", "::", true},
		{"0.0.0.0", "::1", false}, {"0.0.0.0", "::ffff:10.0.0.1", true},
		{"::", "::1", true}, {"::", "10.0.0.1", true}, {"::", "fe80::1", true},
		{"127.0.0.1", "127.0.0.1", true}, {"127.0.0.1", "127.0.0.2", false}, {"127.0.0.1", "::1", false},
		{"127.0.0.1", "::ffff:127.0.0.1", true}, {"::1", "::1", true}, {"::1", "::2", false},
	} {
		for _, o := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			p, q := Place{Addr: addr(o[0]), Port: 1}, Place{Addr: addr(o[1]), Port: 1}
			if got, _ := p.Same(q); got != c.want {
				t.Errorf("%q and %q: %v", o[0], o[1], got)
			}
			if beside, _ := p.Beside(q); !beside {
				t.Errorf("%q is not beside %q", o[0], o[1])
			}
		}
	}
}

// All combinations of what may be known of two places, against the rule in
// words: the first of namespace, inode and cgroup that both know decides.
func TestSamePlace(t *testing.T) {
	values := []uint64{0, 7, 8}
	var all []Place
	for _, ns := range values {
		for _, node := range values {
			for _, group := range values {
				for _, port := range []uint16{80, 81} {
					for _, a := range []string{"", "10.0.0.1", "10.0.0.2"} {
						all = append(all, Place{ns, node, group, addr(a), port})
					}
				}
			}
		}
	}
	for _, p := range all {
		if same, _ := p.Same(p); !same {
			t.Fatalf("%+v is not itself", p)
		}
		for _, o := range all {
			want, sure := true, false
			for _, pair := range [][2]uint64{{p.NetNS, o.NetNS}, {p.Node, o.Node}, {p.Group, o.Group}} {
				if pair[0] != 0 && pair[1] != 0 {
					want, sure = pair[0] == pair[1], pair != [2]uint64{p.Group, o.Group} || p.NetNS != 0 && o.NetNS != 0 || p.Node != 0 && o.Node != 0
					break
				}
			}
			if p.Port != o.Port || p.Addr.IsValid() && o.Addr.IsValid() && p.Addr != o.Addr {
				want, sure = false, true
			}
			if same, s := p.Same(o); same != want || s != sure {
				t.Fatalf("%+v and %+v: same %v, sure %v; want %v, %v", p, o, same, s, want, sure)
			}
			if a, _ := o.Same(p); a != want {
				t.Fatalf("%+v and %+v: it depends on who asks", p, o)
			}
			if want && (p.NetNS == 0) == (o.NetNS == 0) && p.Hash() != o.Hash() {
				t.Fatalf("%+v and %+v are the same and have two hashes", p, o)
			}
		}
	}
}

func TestHashSpreads(t *testing.T) {
	seen := map[uint64]int{}
	for port := range uint16(64) {
		seen[Place{NetNS: 1, Port: 8000 + port}.Hash()%8]++
		seen[Place{NetNS: 4026531840 + uint64(port), Port: 8000}.Hash()%8]++
	}
	for i := range uint64(8) {
		if seen[i] < 4 || seen[i] > 40 {
			t.Errorf("%d of 128 neighbours in shard %d", seen[i], i)
		}
	}
}
