// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/observer/servers"
)

// mode is one way to capture. Whatever tells ways apart reads the rows of
// modes: what "auto" tries, Choose, the values of Config.Capture.
type mode struct {
	name  string // value of Config.Capture
	about string // in a few words, for lists of the values
	scope string // what it does not cover; "" of one that covers all
	// probe says where the mode would capture, or why it cannot. It changes
	// nothing.
	probe  func(c *Config, host []hostprobe.Feature) (where string, err error)
	attach func(c *Config, table *servers.Table, host []hostprobe.Feature) (*capture, error)
}

// modes are in the order in which CaptureAuto tries them.
var modes = []mode{
	{name: CaptureCgroup, about: "eBPF", probe: probeCgroup, attach: attachCgroup},
	{name: CapturePacket, about: "AF_PACKET, this network namespace only",
		scope: "this network namespace only, no socket wait and no names of processes", probe: probePacket, attach: attachPacket},
}

// CaptureModes returns the values that Config.Capture takes, and each with a
// few words about it.
func CaptureModes() (names, about []string) {
	names, about = []string{CaptureAuto}, []string{CaptureAuto + " (the first of the others that works here)"}
	for _, m := range modes {
		names = append(names, m.name)
		about = append(about, fmt.Sprintf("%s (%s)", m.name, m.about))
	}
	return names, about
}

// insists returns the flag that has a meaning for CaptureCgroup alone: who names
// a cgroup wants it used.
func (c *Config) insists() string {
	switch {
	case c.CgroupRoot != "":
		return "--capture.cgroup-root"
	case c.DiscoveryCgroup != "":
		return "--discovery.cgroup"
	}
	return ""
}

// modes returns the rows that the configuration allows, in the order in which
// they are tried.
func (c *Config) modes() ([]mode, error) {
	if c.Capture == CaptureAuto {
		if c.insists() != "" {
			return modes[:1], nil
		}
		return modes, nil
	}
	for i := range modes {
		if modes[i].name == c.Capture {
			return modes[i : i+1], nil
		}
	}
	names, _ := CaptureModes()
	return nil, fmt.Errorf("capture mode %q is unknown; use one of %s", c.Capture, strings.Join(names, ", "))
}

// Choice is the capture that Run would use.
type Choice struct {
	Mode  string // a value of Config.Capture; "" when there is none
	Why   string
	Where string // what would be captured
}

// Choose says which capture Run would use on a host that has these features.
func Choose(cfg Config, host []hostprobe.Feature) Choice {
	if err := cfg.defaults(); err != nil {
		return Choice{Why: err.Error()}
	}
	allowed, err := cfg.modes()
	if err != nil {
		return Choice{Why: err.Error()}
	}
	why, lacks := "everything it needs is there", []string(nil)
	for _, m := range allowed {
		where, err := m.probe(&cfg, host)
		if err == nil {
			if len(lacks) > 0 {
				why = strings.Join(lacks, "; ")
			}
			return Choice{m.name, why, where}
		}
		lacks = append(lacks, fmt.Sprintf("capture by %s lacks %v", m.name, err))
	}
	if flag := cfg.insists(); flag != "" && cfg.Capture == CaptureAuto {
		lacks = append(lacks, flag+" allows no other")
	}
	return Choice{Why: strings.Join(lacks, "; ")}
}

// attach opens the first capture that the configuration and the host allow.
func attach(cfg *Config, table *servers.Table) (*capture, error) {
	allowed, err := cfg.modes()
	if err != nil {
		return nil, err
	}
	host := hostprobe.Features(cfg.CgroupRoot)
	var all []error
	for i, m := range allowed {
		c, err := m.attach(cfg, table, host)
		if err == nil {
			return c, nil
		}
		if len(allowed) > 1 {
			err = fmt.Errorf("capture by %s: %w", m.name, err)
		}
		if all = append(all, err); i+1 < len(allowed) {
			next := allowed[i+1]
			cfg.Logger.Warn(fmt.Sprintf("capture by %s is not possible, trying %s: %s", m.name, next.name, next.scope), "reason", err)
		}
	}
	return nil, errors.Join(all...)
}
