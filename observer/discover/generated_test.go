// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
)

// TestAnySequence plays what may happen on a host in any order: sockets are
// bound, listen, end, with their processes and cgroups or without, events are
// lost, connections come early, late and stay, targets change. Whatever
// happened, once it is quiet for half a minute, the rules hold.
func TestAnySequence(t *testing.T) {
	for seed := range uint64(300) {
		p := &chance{rng: rand.New(rand.NewPCG(seed, 1))}
		var targets []string
		if p.explicit = seed%2 == 1; p.explicit {
			targets = []string{"8000", "chat=8001"}
		}
		p.host = newHost(t, targets...)
		for range 4 {
			p.step()
		}
		p.boot()
		for round := range 6 {
			for range 12 {
				p.step()
			}
			p.pass(30 * time.Second)
			if bad := p.check(); len(bad) > 0 {
				t.Fatalf("seed %d, round %d:\n%s\nafter\n%s", seed, round, strings.Join(bad, "\n"), strings.Join(p.story, "\n"))
			}
		}
	}
}

// chance is a host on which things happen at random.
type chance struct {
	*host
	rng      *rand.Rand
	explicit bool
	story    []string
}

func (p *chance) say(format string, args ...any) {
	p.story = append(p.story, fmt.Sprintf(format, args...))
}

func (p *chance) some() *fake {
	for _, s := range p.sockets { // any order will do, but the same for a seed
		best := s
		for _, o := range p.sockets {
			if o.cookie > best.cookie {
				best = o
			}
		}
		n := p.rng.Uint64N(best.cookie) + 1
		for ; p.sockets[n] == nil; n++ {
		}
		return p.sockets[n]
	}
	return nil
}

func (p *chance) step() {
	s := p.some()
	switch p.rng.IntN(12) {
	case 0, 1, 2, 3:
		p.begin()
	case 4:
		if s != nil && !s.listens && !s.connected {
			p.say("%d listens", s.cookie)
			s.listens = true
		}
	case 5:
		if s != nil {
			p.say("%d is closed", s.cookie)
			p.shut(s)
		}
	case 6, 7:
		if s != nil && p.alone(s) {
			p.say("%d ends with its process", s.cookie)
			p.kill(s)
		}
	case 8:
		if s != nil && s.listens && p.d != nil {
			p.say("%d is asked", s.cookie)
			if server := p.ask(s); server != nil && p.rng.IntN(2) == 0 {
				server.Confirm()
				p.settle()
			}
		}
	case 9:
		if s != nil && s.listens && p.d != nil {
			p.say("%d answers", s.cookie)
			p.answer(s)
		}
	case 10:
		if p.d != nil {
			d := time.Duration(p.rng.IntN(20)) * time.Second
			p.say("%v go by", d)
			p.pass(d)
		}
	case 11:
		if p.explicit && p.d != nil && p.rng.IntN(4) == 0 {
			p.say("reload")
			p.tab.Reload(specs(p.t, "chat=8001", "8000"), servers.Rules{})
			p.settle()
		}
		if s != nil && p.rng.IntN(3) == 0 {
			p.say("%d is closed, and no record tells", s.cookie)
			p.deaf = true
			p.shut(s)
			p.deaf = false
		}
	}
}

// alone says that no other socket is of the process.
func (p *chance) alone(s *fake) bool {
	for _, o := range p.sockets {
		if o != s && o.pid == s.pid {
			return false
		}
	}
	return true
}

// begin binds a socket where the kernel would allow it.
func (p *chance) begin() {
	netns := 1 + p.rng.Uint64N(3)
	addr := []string{"0.0.0.0", "127.0.0.1", "127.0.0.2", "[::1]"}[p.rng.IntN(4)]
	port := []int{8000, 8001, 4711}[p.rng.IntN(3)]
	program := []string{"vllm", "uvicorn", "nginx", "docker-proxy"}[p.rng.IntN(4)]
	local := netip.MustParseAddrPort(fmt.Sprintf("%s:%d", addr, port))
	for _, o := range p.sockets {
		same, _ := placeOf(o).Same(event.Place{NetNS: netns, Addr: local.Addr(), Port: local.Port()})
		if same {
			return
		}
	}
	s := p.bind(netns, 10+netns*10+p.rng.Uint64N(3), p.process(program), local.String())
	// Of what was bound before the start, and listens later, only answers tell.
	s.listens = p.rng.IntN(4) > 0 || p.d == nil
	s.connected = !s.listens && p.rng.IntN(3) == 0
	p.say("%d is bound by %s at %s in namespace %d, cgroup %d, listens %v, connected %v", s.cookie, program, local, netns, s.group, s.listens, s.connected)
}

func placeOf(s *fake) event.Place {
	return event.Place{NetNS: s.netns, Group: s.group, Addr: s.local.Addr(), Port: s.local.Port()}
}

// check returns the rules that do not hold.
func (p *chance) check() (bad []string) {
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	program := func(s *fake) string { return p.processes[s.pid][0] }
	serves := func(s *fake) bool { return program(s) == "vllm" || program(s) == "uvicorn" }
	meant := func(s *fake) bool { return !p.explicit || s.local.Port() != 4711 }
	owners := map[*servers.Server]*fake{}
	for _, s := range p.sockets {
		if s.connected || p.processes[s.pid] == nil || !meant(s) {
			continue
		}
		switch {
		case !serves(s) && !s.listens:
			continue
		case !serves(s) && !p.explicit:
			if server := p.ask(s); server != nil && !server.Disproved() {
				wrong("%d, of %s, is %s", s.cookie, program(s), server.Name())
			}
			continue
		case program(s) == "docker-proxy":
			if server := p.ask(s); server != nil && !server.Disproved() {
				wrong("%d, a relay, is %s", s.cookie, server.Name())
			}
			continue
		case program(s) == "nginx":
			continue // see TestBesideOnOnePort
		}
		if !p.captured(s) {
			wrong("%d is not captured: %+v", s.cookie, p.applied)
		}
		if !s.listens {
			continue
		}
		server := p.ask(s)
		if server == nil || server.Disproved() {
			wrong("%d belongs to nobody", s.cookie)
			continue
		}
		if o := owners[server]; o != nil && (o.netns != s.netns || o.local.Port() != s.local.Port() || o.pid != s.pid) {
			wrong("%d and %d are one server", o.cookie, s.cookie)
		}
		owners[server] = s
	}
	for _, l := range p.tab.Servers() {
		if l.Listening && !p.taken(l.Port) {
			wrong("%s is listed, and nothing listens", l.Name)
		}
	}
	if p.everywhere() && !p.explicit {
		wrong("the tap is at the root: %+v", p.tab.Want())
	}
	return bad
}

// taken says that something on the port may be taken for a listener: of what is
// bound in other namespaces nothing tells whether it listens.
func (p *chance) taken(port uint16) bool {
	for _, s := range p.sockets {
		if s.local.Port() == port && (s.listens || s.netns != home) {
			return true
		}
	}
	return false
}
