// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"fmt"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/afpacket"
	"github.com/modeltap/modeltap/observer/target"
)

// capture is an attached source and what belongs to it.
type capture struct {
	source   source
	manager  *target.Manager
	features map[string]bool
	programs func() []event.Program // nil without programs
	closers  []func() error         // in the order of opening
}

// close releases everything, the last opened first.
func (c *capture) close() error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i]())
	}
	c.closers = nil
	return errors.Join(errs...)
}

// run runs source and manager until ctx ends or the source fails.
func (c *capture) run(ctx context.Context, emit func([]event.Segment, int64)) error {
	ctx, stop := context.WithCancel(ctx)
	managed := make(chan error, 1)
	go func() { managed <- c.manager.Run(ctx) }()
	err := c.source.Run(ctx, emit)
	stop()
	return errors.Join(err, <-managed)
}

// attach opens the capture that the configuration and the host allow.
func (o *Observer) attach() (*capture, error) {
	switch o.cfg.Capture {
	case CaptureCgroup:
		return o.attachCgroup()
	case CapturePacket:
		return o.attachPacket()
	}
	c, err := o.attachCgroup()
	if err == nil || o.cfg.CgroupRoot != "" || o.cfg.DiscoveryCgroup != "" { // who names a cgroup wants it used
		return c, err
	}
	o.cfg.Logger.Warn("capture by cgroup is not possible, trying packets: this network namespace only, no socket wait", "reason", err)
	c, perr := o.attachPacket()
	if perr != nil {
		return nil, errors.Join(fmt.Errorf("capture by cgroup: %w", err), fmt.Errorf("capture of packets: %w", perr))
	}
	return c, nil
}

// featureMap is the list of probes as modeltap_feature_supported shows it.
func featureMap(all []bpf.Feature) map[string]bool {
	m := make(map[string]bool)
	for _, f := range all {
		m[f.Name] = f.State == bpf.Yes
	}
	return m
}

func (o *Observer) attachPacket() (*capture, error) {
	c := &capture{features: featureMap(bpf.Features(o.cfg.CgroupRoot))}
	c.features[featureSocketWait] = false
	o.table.NameByAddress()
	src, err := afpacket.New(afpacket.Config{Interface: o.cfg.Interface, RingBytes: o.cfg.RingSize})
	if err != nil {
		return nil, err
	}
	c.source = src
	c.closers = append(c.closers, func() error { src.Close(); return nil })
	c.manager = target.NewManager(target.Config{
		Table:  o.table,
		Apply:  func(w target.Capture) error { return src.SetPorts(w.Ports) },
		Logger: o.cfg.Logger,
	})
	if err := c.manager.Start(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}
