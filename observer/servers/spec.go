// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/modeltap/modeltap/observer/event"
)

const specForm = "write [NAME=][ADDR:]PORT, for example 8000, vllm=8000, 127.0.0.1:8000 or chat=[::1]:8000"

// Spec is one explicit target: a port, optionally at one address, optionally
// named.
type Spec struct {
	Name  string     // value of the "server" label, "" to derive it
	Addr  netip.Addr // local address; the zero Addr stands for every address
	Port  uint16
	Rules // of this target alone, beside those of all
}

// ParseSpec reads "[NAME=][ADDR:]PORT". ADDR is an IPv4 address or an IPv6
// address in brackets; an unspecified address (0.0.0.0, [::], empty or "*")
// stands for every address.
func ParseSpec(s string) (Spec, error) {
	var spec Spec
	rest := s
	if name, after, named := strings.Cut(s, "="); named {
		if err := CheckName(name); err != nil {
			return Spec{}, fmt.Errorf("target %q: %w", s, err)
		}
		spec.Name, rest = name, after
	}
	addr, port, err := splitAddr(rest)
	if err == nil {
		spec.Port, err = ParsePort(port)
	}
	if err == nil {
		spec.Addr, err = ParseAddr(addr)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("target %q: %w", s, err)
	}
	return spec, nil
}

func splitAddr(s string) (addr, port string, err error) {
	if strings.HasPrefix(s, "[") {
		end := strings.Index(s, "]")
		if end < 0 || !strings.HasPrefix(s[end+1:], ":") {
			return "", "", errors.New("an IPv6 address wants the form [ADDR]:PORT; " + specForm)
		}
		if !strings.Contains(s[:end], ":") {
			return "", "", errors.New("brackets are for IPv6 addresses only; " + specForm)
		}
		return s[1:end], s[end+2:], nil
	}
	i := strings.LastIndex(s, ":")
	if i < 0 {
		return "", s, nil
	}
	if strings.Contains(s[:i], ":") {
		return "", "", errors.New("an IPv6 address must stand in brackets; " + specForm)
	}
	return s[:i], s[i+1:], nil
}

// ParsePort reads a TCP port number, 1 to 65535.
func ParsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q is not a number from 1 to 65535; %s", s, specForm)
	}
	return uint16(n), nil
}

// ParseAddr reads a local IP address without brackets; the zero Addr comes back
// for the unspecified ones.
func ParseAddr(s string) (netip.Addr, error) {
	if s == "" || s == "*" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address (host names are not looked up); %s", s, specForm)
	}
	if a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("address %q has a zone, which packets do not carry; leave %q out", s, "%"+a.Zone())
	}
	if a.Unmap().IsUnspecified() {
		return netip.Addr{}, nil
	}
	return a.Unmap(), nil
}

// CheckName tells why s cannot be the name of a target.
func CheckName(s string) error {
	switch {
	case s == "":
		return errors.New("the name before \"=\" is empty; leave \"=\" out or give a name")
	case len(s) > event.MaxLabel:
		return fmt.Errorf("the name is %d bytes long; shorten it to at most %d", len(s), event.MaxLabel)
	case s == Other:
		return fmt.Errorf("the name %q is kept for servers beyond --max-servers; choose another", Other)
	case event.Label(s) != s:
		return errors.New("the name holds control characters or is not UTF-8; use printable characters")
	}
	return nil
}

// String returns the form that ParseSpec reads.
func (s Spec) String() string {
	b := strconv.Itoa(int(s.Port))
	if s.Addr.IsValid() {
		b = netip.AddrPortFrom(s.Addr, s.Port).String()
	}
	if s.Name != "" {
		b = s.Name + "=" + b
	}
	return b
}

// CheckSpecs refuses sets in which two targets share a name or a socket.
func CheckSpecs(specs []Spec) error {
	names := make(map[string]Spec, len(specs))
	sockets := make(map[netip.AddrPort]Spec, len(specs))
	for _, s := range specs {
		if s.Name != "" {
			if o, twice := names[s.Name]; twice {
				return fmt.Errorf("targets %s and %s have the same name; give each its own", o, s)
			}
			names[s.Name] = s
		}
		at := netip.AddrPortFrom(s.Addr, s.Port)
		if o, twice := sockets[at]; twice {
			return fmt.Errorf("targets %s and %s are the same socket; leave one out", o, s)
		}
		sockets[at] = s
	}
	return nil
}

// matches says whether the spec means connections to p.
func (s *Spec) matches(p event.Place) bool {
	return s.Port == p.Port && (!s.Addr.IsValid() || s.Addr == p.Addr.Unmap())
}

// covers says whether the spec can mean a socket that listens at p, which may be
// at every address.
func (s *Spec) covers(p event.Place) bool {
	same, _ := event.Place{Addr: s.Addr, Port: s.Port}.Same(event.Place{Addr: p.Addr, Port: p.Port})
	return same
}
