// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/observer/source/afpacket"
)

// What is chosen is the first allowed mode whose probe has no objection; what
// is not chosen says why, each mode by name.
func TestChoose(t *testing.T) {
	states := []hostprobe.State{hostprobe.Yes, hostprobe.No, hostprobe.Unknown} // of what the probes look at
	for i := range len(states) * len(states) {
		root, raw := states[i/len(states)], states[i%len(states)]
		host := []hostprobe.Feature{{Name: "cgroup_root", State: root, Detail: "detail", Required: true}, {Name: "cap_net_raw", State: raw}, {Name: "btf", State: hostprobe.No}}
		can := map[string]bool{CaptureCgroup: root != hostprobe.No, CapturePacket: raw != hostprobe.No && afpacket.Supported}
		for _, c := range []struct {
			cfg     Config
			allowed []string
		}{
			{Config{}, []string{CaptureCgroup, CapturePacket}},
			{Config{Capture: CaptureAuto}, []string{CaptureCgroup, CapturePacket}},
			{Config{Capture: CaptureAuto, CgroupRoot: "/named"}, []string{CaptureCgroup}},
			{Config{Capture: CaptureAuto, DiscoveryCgroup: "/some"}, []string{CaptureCgroup}},
			{Config{Capture: CaptureCgroup}, []string{CaptureCgroup}},
			{Config{Capture: CapturePacket}, []string{CapturePacket}},
		} {
			want, refused := "", []string(nil)
			for _, name := range c.allowed {
				if can[name] {
					want = name
					break
				}
				refused = append(refused, "capture by "+name+" lacks ")
			}
			got := Choose(c.cfg, host)
			if got.Mode != want || (got.Where != "") != (want != "") || got.Why == "" {
				t.Errorf("%q with root %v, raw %v: %+v, want %q", c.cfg.Capture, root, raw, got, want)
			}
			for _, r := range refused {
				if !strings.Contains(got.Why, r) {
					t.Errorf("%q with root %v, raw %v: %q does not say %q", c.cfg.Capture, root, raw, got.Why, r)
				}
			}
		}
	}
}

// Every listed mode is accepted, and the refusal of another lists them all.
func TestCaptureModes(t *testing.T) {
	names, about := CaptureModes()
	if len(names) != len(modes)+1 || len(about) != len(names) {
		t.Fatal(names, about)
	}
	_, err := New(Config{Capture: "telepathy"}, nil)
	if err == nil {
		t.Fatal("telepathy is accepted")
	}
	for i, name := range names {
		if _, err := New(Config{Capture: name}, nil); err != nil {
			t.Error(err)
		}
		if !strings.Contains(err.Error(), name) || !strings.HasPrefix(about[i], name+" (") {
			t.Errorf("%q is not in %q, or not told of: %q", name, err, about[i])
		}
	}
}
