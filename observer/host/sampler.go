// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
)

const (
	// interval is how far apart the processor is sampled.
	interval = time.Second
	// stale is how old the last sample may be.
	stale = 10 * time.Second
)

// Options configures a Sampler. All of it may be left out.
type Options struct {
	// Proc and Sys are where the host's /proc and /sys are mounted, in a
	// container for example /host/proc; "" for there.
	Proc, Sys string
	Logger    *slog.Logger
}

// Sampler reads the host's figures. Its methods may be called from any
// goroutine.
type Sampler struct {
	log  *slog.Logger
	env  common.EnvMap
	proc string

	infoOnce sync.Once
	info     *Info

	mu      sync.Mutex
	last    *CPU
	at      time.Time
	percent float64
	said    map[string]bool // what could not be read, and has been logged
}

// New returns a Sampler; Run samples.
func New(o Options) *Sampler {
	s := &Sampler{log: o.Logger, env: common.EnvMap{}, proc: o.Proc, percent: -1, said: map[string]bool{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if o.Proc != "" {
		s.env[common.HostProcEnvKey] = o.Proc
	} else {
		s.proc = procfs.DefaultMountPoint
	}
	if o.Sys != "" {
		s.env[common.HostSysEnvKey] = o.Sys
	}
	return s
}

// Run samples the processor every second until ctx ends.
func (s *Sampler) Run(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		s.sample(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Sampler) context() context.Context {
	return context.WithValue(context.Background(), common.EnvKey, s.env)
}

// sample measures the processor over the time since the last sample.
func (s *Sampler) sample(now time.Time) {
	c := s.cpu()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.percent = -1
	if c != nil && s.last != nil {
		all, work := c.busy()
		allBefore, workBefore := s.last.busy()
		if d := all - allBefore; d > 0 {
			s.percent = min(max(100*(work-workBefore)/d, 0), 100)
		}
	}
	s.last, s.at = c, now
}

// Snapshot returns the figures as of now; the share of the processor is that of
// the last second that was sampled.
func (s *Sampler) Snapshot() Snapshot {
	ctx := s.context()
	var snap Snapshot
	if c := s.cpu(); c != nil {
		c.Percent = -1
		s.mu.Lock()
		if time.Since(s.at) < stale {
			c.Percent = s.percent
		}
		s.mu.Unlock()
		snap.CPU = c
	}
	if l, err := load.AvgWithContext(ctx); s.read("load", err) {
		snap.Load = &[3]float64{l.Load1, l.Load5, l.Load15}
	}
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err == nil && m.Total == 0 {
		err = errors.New("there is none")
	}
	if s.read("memory", err) {
		snap.Memory = &Memory{Total: m.Total, Available: m.Available, SwapTotal: m.SwapTotal, SwapFree: m.SwapFree}
	}
	snap.Disks = s.disks(ctx)
	snap.Network = s.network(ctx)
	snap.Pressure = s.pressure()
	snap.Boot = s.boot()
	snap.Info = s.host(ctx)
	return snap
}

// host is read once: it takes a walk over all processes, and may take a run of
// lsb_release.
func (s *Sampler) host(ctx context.Context) *Info {
	s.infoOnce.Do(func() {
		if i, err := host.InfoWithContext(ctx); s.read("host", err) {
			s.info = &Info{OS: i.Platform, Version: i.PlatformVersion, Kernel: i.KernelVersion, Architecture: i.KernelArch}
		}
	})
	return s.info
}

// read tells whether something was read; that it was not is logged once.
func (s *Sampler) read(what string, err error) bool {
	if err == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.said[what] {
		s.said[what] = true
		s.log.Warn("a figure of the host cannot be read and is left out; in a container mount the host's /proc and name it, or use --no-host",
			"figure", what, "err", err)
	}
	return false
}

func (s *Sampler) cpu() *CPU {
	t, err := cpu.TimesWithContext(s.context(), false)
	if !s.read("cpu", err) || len(t) == 0 {
		return nil
	}
	c := &CPU{Seconds: [Modes]float64{t[0].User, t[0].Nice, t[0].System, t[0].Idle, t[0].Iowait, t[0].Irq, t[0].Softirq, t[0].Steal}}
	if n, err := cpu.CountsWithContext(s.context(), true); s.read("cpu count", err) {
		c.Count = n
	}
	return c
}

// parts are what /proc/diskstats lists beside whole disks (node_exporter,
// collector/diskstats_common.go, has the same).
var parts = regexp.MustCompile(`^(z?ram|loop|fd|sr|(h|s|v|xv)d[a-z]+|nvme\d+n\d+p|mmcblk\d+p)\d+$`)

func (s *Sampler) disks(ctx context.Context) (all []Disk) {
	io, err := disk.IOCountersWithContext(ctx)
	if !s.read("disks", err) {
		return nil
	}
	for name, d := range io {
		if !parts.MatchString(name) {
			all = append(all, Disk{Device: name, ReadBytes: d.ReadBytes, Written: d.WriteBytes, BusySeconds: float64(d.IoTime) / 1e3})
		}
	}
	slices.SortFunc(all, func(a, b Disk) int { return strings.Compare(a.Device, b.Device) })
	return all
}

// pods begin the names of interfaces of which there is one for each container.
var pods = []string{"veth", "cali", "lxc", "cilium", "gke", "eni", "azv"}

func (s *Sampler) network(ctx context.Context) (all []Interface) {
	io, err := net.IOCountersWithContext(ctx, true)
	if !s.read("network", err) {
		return nil
	}
	for _, n := range io {
		if n.Name != "lo" && !slices.ContainsFunc(pods, func(p string) bool { return strings.HasPrefix(n.Name, p) }) {
			all = append(all, Interface{Device: n.Name, Received: n.BytesRecv, Sent: n.BytesSent})
		}
	}
	slices.SortFunc(all, func(a, b Interface) int { return strings.Compare(a.Device, b.Device) })
	return all
}

// boot is read here because gopsutil keeps the first answer, of whichever /proc.
func (s *Sampler) boot() uint64 {
	fs, err := procfs.NewFS(s.proc)
	if !s.read("boot time", err) {
		return 0
	}
	stat, err := fs.Stat()
	if !s.read("boot time", err) {
		return 0
	}
	return stat.BootTime
}

// pressure reads /proc/pressure. A kernel without it is no mistake.
func (s *Sampler) pressure() (all []Pressure) {
	fs, err := procfs.NewFS(s.proc)
	if err != nil {
		return nil
	}
	for _, r := range []string{"cpu", "memory", "io"} {
		p, err := fs.PSIStatsForResource(r)
		if err != nil || p.Some == nil {
			continue
		}
		one := Pressure{Resource: r, Waiting: float64(p.Some.Total) / 1e6}
		if p.Full != nil {
			one.Stalled, one.HasStalled = float64(p.Full.Total)/1e6, true
		}
		all = append(all, one)
	}
	return all
}
