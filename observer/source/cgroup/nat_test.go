// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestNAT: the namespace rewrites addresses and ports of what comes to its
// server. What is told is what the server's socket says, in both directions.
func TestNAT(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip(err)
	}
	w := newWire(t, "nat")
	w.setting(t, "ipv4/conf/all/route_localnet", "1")
	w.ip(t, "route", "add", "default", "dev", "wire")
	const server = 18080
	for n, c := range []struct {
		name string
		v6   bool
		to   string // whom the client asks
		rule string
	}{
		{"none", false, "192.0.2.1:18080", ""},
		{"none, IPv6", true, "[2001:db8::1]:18080", ""},
		{"redirect", false, "192.0.2.1:80", "tcp dport 80 redirect to :18080"},
		{"redirect, IPv6", true, "[2001:db8::1]:80", "tcp dport 80 redirect to :18080"},
		{"redirect of another address", false, "198.51.100.9:80", "tcp dport 80 redirect to :18080"},
		{"another address, same port", false, "198.51.100.9:18080", "ip daddr 198.51.100.9 meta l4proto tcp dnat ip to 192.0.2.1:18080"},
		{"another address and port", false, "198.51.100.9:443", "ip daddr 198.51.100.9 meta l4proto tcp dnat ip to 192.0.2.1:18080"},
		{"to loopback", false, "192.0.2.1:81", "tcp dport 81 dnat ip to 127.0.0.1:18080"},
		{"the client's address too", false, "192.0.2.1:18080", "-input ip saddr 192.0.2.2 meta l4proto tcp snat ip to 203.0.113.5:12345"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.do(t, func() error {
				rules := "flush ruleset\ntable inet mt {\n chain pre { type nat hook prerouting priority -100;\n"
				hook, rule := "", c.rule
				if after, ok := strings.CutPrefix(rule, "-input "); ok {
					hook, rule = "type nat hook input priority 100;\n"+after+"\n", ""
				}
				rules += rule + "\n}\n chain in {\n" + hook + "}\n}\n"
				cmd := exec.Command("nft", "-f", "-")
				cmd.Stdin = strings.NewReader(rules)
				out, err := cmd.CombinedOutput()
				if err != nil {
					return fmt.Errorf("nft: %w: %s", err, out)
				}
				return nil
			})
			var l net.Listener
			w.do(t, func() (err error) {
				l, err = (&net.ListenConfig{Control: reuse}).Listen(t.Context(), "tcp", ":18080")
				return err
			})
			defer l.Close()
			r := record(t, bpf.Options{}, []uint16{server, 80, 81, 443})
			p := w.peer(t, c.v6, uint16(20000+n), 0)
			p.remote = netip.MustParseAddrPort(c.to)
			p.connect()
			request, answer := pattern(90), pattern(200)
			p.write(request)
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if read(s, make([]byte, len(request))) != nil {
				t.Fatal("no request")
			}
			if _, err := s.Write(answer); err != nil {
				t.Fatal(err)
			}
			p.quiet()
			if !bytes.Equal(p.got, answer) {
				t.Fatal("the client got another answer")
			}
			s.Close()
			p.await(fin)
			want := event.Flow{Server: endpoint(s.LocalAddr()), Client: endpoint(s.RemoteAddr())}
			var got [2]bytes.Buffer
			var all []event.Segment
			for _, s := range r.all(t) {
				if from := s.Flow.Client.Port; from < 20000 || from >= p.local.Port() { // the last one's FIN may come again
					all = append(all, s)
				}
			}
			for _, s := range all {
				if s.Flow != want {
					t.Errorf("%v from %v, want %v from %v", s.Flow.Server.AddrPort(), s.Flow.Client.AddrPort(), want.Server.AddrPort(), want.Client.AddrPort())
				}
				got[s.Dir].Write(s.Payload)
			}
			if !bytes.Equal(got[0].Bytes(), request) || !bytes.Equal(got[1].Bytes(), answer) {
				t.Errorf("recorded %s", describe(all))
			}
		})
	}
}

func endpoint(a net.Addr) event.Endpoint { return event.EndpointOf(a.(*net.TCPAddr).AddrPort()) }
