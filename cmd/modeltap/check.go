// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer"
	"github.com/modeltap/modeltap/observer/identity/cri"
)

// report is the answer of check.
type report struct {
	Features []finding `json:"features"`
	Capture  choice    `json:"capture"`
	Works    bool      `json:"works"`
}

// finding is one thing that run makes use of.
type finding struct {
	Name     string `json:"name"`
	State    string `json:"state"` // yes, no or unknown
	Detail   string `json:"detail"`
	Remedy   string `json:"remedy,omitempty"`
	Required bool   `json:"required"`
}

// choice is the capture that run would use.
type choice struct {
	Mode  string `json:"mode"` // cgroup, packet or none
	Why   string `json:"why"`
	Where string `json:"where,omitempty"`
}

var errCannotRun = errors.New("check: run would not work here: the lines that say \"no\" and are required name the remedy")

// runCheck is the command check. It changes nothing.
func (p process) runCheck(s *settings) error {
	r := examine(s, append(hostprobe.Features(s.cgroupRoot), bpf.Try()...), listenable)
	if s.criSocket != "" {
		r.Features = append(r.Features, runtimeFinding(s.criSocket))
	}
	if s.gpu {
		r.Features = append(r.Features, gpuFinding(gpu.Probe(gpu.Options{Library: s.gpuLibrary, Demo: s.gpuBackend == "demo"})))
	}
	write := r.writeText
	if s.check.format == "json" {
		write = r.writeJSON
	}
	if err := write(p.stdout); err != nil {
		return err
	}
	if !r.Works {
		return errCannotRun
	}
	return nil
}

// runtimeFinding tells whether the container runtime answers. Names come from
// the node's directories without it.
func runtimeFinding(socket string) finding {
	f := finding{Name: "cri_socket", State: "no"}
	client, err := cri.New(socket)
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	defer func() { _ = client.Close() }()
	if f.Detail, err = client.Version(context.Background()); err != nil {
		f.Detail = err.Error()
		return f
	}
	f.State = "yes"
	return f
}

// gpuFinding tells of the GPUs. A host without is fine.
func gpuFinding(snap gpu.Snapshot, err error) finding {
	f := finding{Name: "gpu", State: "no"}
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	up := 0
	for i := range snap.Devices {
		if snap.Devices[i].Up {
			up++
		}
	}
	f.Detail = fmt.Sprintf("driver %s, %d of %d GPUs answer", snap.Driver, up, len(snap.Devices))
	if up > 0 {
		f.State = "yes"
	}
	if up < len(snap.Devices) {
		f.Remedy = "see the kernel log for NVRM; the GPU may need a reset"
	}
	return f
}

// examine judges what was found; listen tries an address.
func examine(s *settings, features []hostprobe.Feature, listen func(address string) error) *report {
	r := &report{}
	for _, f := range features {
		r.Features = append(r.Features, finding{f.Name, f.State.String(), f.Detail, f.Remedy, f.Required})
	}
	r.Capture = choose(s, features)
	r.Works = r.Capture.Mode != "none"
	for _, a := range s.listen {
		if s.systemdSocket {
			break // systemd holds the address
		}
		f := finding{Name: "listen " + a, State: "yes", Detail: "free", Required: true}
		if err := listen(a); err != nil {
			f.State, f.Detail, f.Remedy = "no", err.Error(), "stop what holds it, or choose another with --web.listen-address"
			r.Works = false
		}
		r.Features = append(r.Features, f)
	}
	return r
}

// choose says which capture run would use.
func choose(s *settings, features []hostprobe.Feature) choice {
	r, err := s.rules()
	if err != nil {
		return choice{Mode: "none", Why: err.Error()}
	}
	c := observer.Choose(s.config(r, nil), features)
	if c.Mode == "" {
		c.Mode = "none"
	}
	return choice(c)
}

func listenable(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

func (r *report) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Features {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, f.State, strings.Join(nonEmpty(f.Detail, f.Remedy), "; "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\ncapture: %s (%s)\n", r.Capture.Mode, r.Capture.Why)
	if r.Capture.Where != "" {
		fmt.Fprintf(w, "attach:  %s\n", r.Capture.Where)
	}
	return nil
}

func nonEmpty(parts ...string) []string {
	var out []string
	for _, p := range parts {
		if p != "" && p != "see the detail" {
			out = append(out, p)
		}
	}
	return out
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
