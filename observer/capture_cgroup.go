// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/observer/discover"
	"github.com/modeltap/modeltap/observer/identity"
	"github.com/modeltap/modeltap/observer/identity/cri"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/source/cgroup"
)

// probeCgroup is mode.probe of CaptureCgroup.
func probeCgroup(cfg *Config, host []hostprobe.Feature) (where string, err error) {
	root := ""
	for _, f := range host {
		if f.Required && f.State == hostprobe.No {
			return "", fmt.Errorf("%s: %s", f.Name, f.Detail)
		}
		if f.Name == "cgroup_root" {
			root = f.Detail
		}
	}
	if cfg.DiscoveryCgroup != "" {
		return "below --discovery.cgroup " + cfg.DiscoveryCgroup + " alone", nil
	}
	if len(cfg.Targets) > 0 {
		return "the cgroup of each target where it is known, else the root, " + root, nil
	}
	return "the whole host, at the root of the cgroup hierarchy, " + root, nil
}

// attachCgroup is mode.attach of CaptureCgroup.
func attachCgroup(cfg *Config, table *servers.Table, host []hostprobe.Feature) (*capture, error) {
	c := &capture{features: featureMap(host)}
	if err := c.openCgroup(cfg, table); err != nil {
		return nil, errors.Join(err, c.close())
	}
	for _, f := range host {
		if f.Name == "host_pids" && f.State != hostprobe.Yes {
			cfg.Logger.Warn("processes are out of sight; everything else is measured", "reason", f.Detail, "remedy", f.Remedy)
		}
	}
	return c, nil
}

// openCgroup fills c. What it has opened when it fails is in c.closers.
func (c *capture) openCgroup(cfg *Config, table *servers.Table) error {
	if err := hostprobe.Confined(); err != nil {
		return err
	}
	root, err := cgroupfs.Find(cfg.CgroupRoot)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, root.Close)
	subtree := ""
	if cfg.DiscoveryCgroup != "" {
		if subtree, err = root.Subtree(cfg.DiscoveryCgroup); err != nil {
			return fmt.Errorf("--discovery.cgroup: %w", err)
		}
	}
	tap, err := bpf.Load(bpf.Options{RingSize: cfg.RingSize, MaxRequestBytes: uint32(cfg.MaxRequestBytes)})
	if err != nil {
		return err
	}
	c.closers = append(c.closers, tap.Close)
	c.features[bpf.FeaturePrograms] = true
	c.features[bpf.FeatureSocketWait] = attachSocketWait(cfg, tap)

	discovery, err := bpf.LoadDiscovery(tap, root.Dir(subtree))
	if err != nil {
		return err
	}
	c.closers = append(c.closers, discovery.Close)
	attachments := bpf.NewAttachments(tap)
	c.closers = append(c.closers, attachments.Close)
	names, err := c.openNames(cfg)
	if err != nil {
		return err
	}
	var src *cgroup.Source // reads what Apply has captured
	c.discover = discover.New(discover.Config{
		Table: table, Subtree: subtree, Names: names, Logger: cfg.Logger,
		Kernel: discover.Linux(discover.Programs{Root: root, Discovery: discovery, Lost: lost(tap)}),
		Apply: func(w discover.Capture) error {
			// Ports first: what is attached afterwards records at once.
			err := errors.Join(tap.SetPorts(w.Ports), attachments.Set(w.Dirs))
			src.SetAttached(summary(attachments.Attached()))
			return err
		},
	})
	if src, err = cgroup.New(tap, cgroup.Options{Events: c.discover.Handle}); err != nil {
		return err
	}
	c.source, c.programs = src, src.Programs
	c.closers = append(c.closers, src.Close)
	if err := c.discover.Start(time.Now()); err != nil {
		return fmt.Errorf("attach the capture: %w", err)
	}
	return nil
}

// lost counts the events that met a full ring, closes among them.
func lost(tap *bpf.Tap) func() (uint64, error) {
	return func() (uint64, error) {
		c, err := tap.Counters()
		return c.ClosesLost, err
	}
}

// summary says where the tap is attached: all of a few cgroups, the number of
// many, which no label could hold.
func summary(dirs []string) string {
	if len(dirs) > 3 {
		return fmt.Sprintf("%d cgroups, among them %s", len(dirs), dirs[0])
	}
	return strings.Join(dirs, " ")
}

// attachSocketWait tells whether socket wait is measured.
func attachSocketWait(cfg *Config, tap *bpf.Tap) bool {
	if !cfg.SocketWait {
		return false
	}
	if err := tap.AttachSocketWait(); err != nil {
		cfg.Logger.Warn("socket wait is not measured; everything else is", "reason", err)
		return false
	}
	return true
}

// openNames returns what finds the names of containers: the node's directories,
// below /host where that is mounted, and before them the container runtime if
// its socket was named. One that does not answer yet is asked again later: the
// runtime may be about to start.
func (c *capture) openNames(cfg *Config) (*identity.Names, error) {
	roots := []fs.FS{os.DirFS("/host"), os.DirFS("/")}
	if cfg.CRISocket == "" {
		return identity.NewNames(time.Now, nil, roots...), nil
	}
	client, err := cri.New(cfg.CRISocket)
	if err != nil {
		return nil, fmt.Errorf("--cri.socket: %w", err)
	}
	c.closers = append(c.closers, client.Close)
	if version, err := client.Version(context.Background()); err != nil {
		cfg.Logger.Warn("the container runtime does not answer; names come from the node's directories meanwhile", "reason", err)
	} else {
		cfg.Logger.Info("asking the container runtime for names", "runtime", version)
	}
	return identity.NewNames(time.Now, client.Container, roots...), nil
}
