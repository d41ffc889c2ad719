// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func TestEffectiveCaps(t *testing.T) {
	set, ok := effectiveCaps("Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t000000c000001000\nSeccomp:\t0\n")
	if !ok || set != 0xc000001000 {
		t.Errorf("got %#x, %v", set, ok)
	}
	for _, bad := range []string{"", "CapEff", "\nCapEff:\n", "\nCapEff:\txyz\n"} {
		if set, ok := effectiveCaps(bad); ok {
			t.Errorf("%q gave %#x", bad, set)
		}
	}
}

func TestMissingCaps(t *testing.T) {
	all := []int{unix.CAP_BPF, unix.CAP_NET_ADMIN, unix.CAP_PERFMON, unix.CAP_NET_RAW}
	for _, c := range []struct {
		set  uint64
		want []string
	}{
		{0, []string{"CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_NET_RAW"}},
		{1 << unix.CAP_BPF, []string{"CAP_NET_ADMIN", "CAP_PERFMON", "CAP_NET_RAW"}},
		{1 << unix.CAP_SYS_ADMIN, []string{"CAP_NET_ADMIN", "CAP_NET_RAW"}},
		{math.MaxUint64, nil},
	} {
		if got := missingCaps(c.set, all...); !slices.Equal(got, c.want) {
			t.Errorf("%#x: missing %v, want %v", c.set, got, c.want)
		}
	}
}

func TestParseRelease(t *testing.T) {
	for in, want := range map[string]int{
		"6.18.44-x": 6<<8 | 18, "5.10.0-46-cloud-amd64": 5<<8 | 10, "7.3": 7<<8 | 3, "4.19.rc1": 4<<8 | 19,
		"": -1, "linux": -1, "5": -1, "5.999": -1,
	} {
		got, ok := parseRelease(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %#x, want %#x", in, got, want)
		}
	}
}

func TestMemlock(t *testing.T) {
	for _, c := range []struct {
		version int
		known   bool
		limit   uint64
		want    State
	}{
		{5<<8 | 10, true, 64 << 10, No},
		{5<<8 | 10, true, 64 << 20, Yes},
		{5<<8 | 10, true, math.MaxUint64, Yes},
		{5<<8 | 11, true, 64 << 10, Yes},
		{5<<8 | 10, false, 0, Unknown},
	} {
		if f := memlockOf(c.version, c.known, c.limit); f.State != c.want || (f.Remedy == "") != (c.want == Yes) {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

func TestProbed(t *testing.T) {
	unsupported := fmt.Errorf("probe: %w", ebpf.ErrNotSupported)
	for _, c := range []struct {
		err     error
		mayLoad bool
		want    State
	}{
		{nil, true, Yes}, {unsupported, true, No}, {unix.EPERM, false, Unknown}, {unix.EIO, true, Unknown},
	} {
		if f := probed("x", true, "5.8", c.mayLoad, c.err); f.State != c.want || (f.Remedy == "") != (c.want == Yes) {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
}

// TestExplain: an EPERM of the library blames the memlock limit.
func TestExplain(t *testing.T) {
	err := fmt.Errorf("create map: %w (MEMLOCK may be too low, consider rlimit.RemoveMemlock)", unix.EPERM)
	got := Explain(err)
	if strings.Contains(got.Error(), "RemoveMemlock") || !errors.Is(got, unix.EPERM) {
		t.Errorf("%v", got)
	}
	if Explain(got) != got || Explain(nil) != nil {
		t.Error("Explain explains what it has explained")
	}
	if other := errors.New("x"); Explain(other) != other {
		t.Error("an unknown error was changed")
	}
}

func TestExplainAttach(t *testing.T) {
	for _, c := range []struct {
		err   error
		may   bool
		multi bool
	}{{unix.EPERM, true, true}, {unix.EPERM, false, false}, {unix.EINVAL, true, false}, {nil, true, false}} {
		got := explainAttach(c.err, c.may)
		if multi := got != nil && strings.Contains(got.Error(), "BPF_F_ALLOW_MULTI"); multi != c.multi || !errors.Is(got, c.err) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestFeatures holds the probes of this kernel, as root, against what the
// tests beside this one make use of.
func TestFeatures(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: probes load programs")
	}
	seen := map[string]bool{}
	for _, f := range Features("") {
		t.Logf("%-18s %-8s %s; %s", f.Name, f.State, f.Detail, f.Remedy)
		if seen[f.Name] {
			t.Errorf("%s twice", f.Name)
		}
		seen[f.Name] = true
		if f.Detail == "" || (f.State == Yes) != (f.Remedy == "") {
			t.Errorf("%+v", f)
		}
		if f.Required && f.State != Yes && f.Name != "cgroup_root" {
			t.Errorf("%s is %v here, where capture works: %s", f.Name, f.State, f.Detail)
		}
	}
}
