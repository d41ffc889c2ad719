// SPDX-License-Identifier: Apache-2.0

//go:build linux

package observer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/cgroup"
)

// capture is an attached source and what belongs to it.
type capture struct {
	source   source
	features map[string]bool
	programs func() []event.Program
	closers  []func() error // in the order of opening
}

// close releases everything, the last opened first.
func (c *capture) close() error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i]())
	}
	return errors.Join(errs...)
}

// attach opens the capture that the configuration and the host allow.
func (o *Observer) attach() (*capture, error) {
	return o.attachCgroup()
}

func (o *Observer) attachCgroup() (*capture, error) {
	c := &capture{features: map[string]bool{}}
	fail := func(err error) (*capture, error) { return nil, errors.Join(err, c.close()) }
	root, err := bpf.FindCgroupRoot(o.cfg.CgroupRoot)
	if err != nil {
		return fail(err)
	}
	c.closers = append(c.closers, root.Close)
	tap, err := bpf.Load(bpf.Options{RingSize: o.cfg.RingSize, MaxRequestBytes: uint32(o.cfg.MaxRequestBytes)})
	if err != nil {
		return fail(err)
	}
	c.closers = append(c.closers, tap.Close)
	if o.cfg.SocketWait {
		if err := tap.AttachSocketWait(); err != nil {
			o.cfg.Logger.Warn("socket wait is not measured", "reason", err)
		} else {
			c.features["socket_wait"] = true
		}
	}
	src, err := cgroup.New(tap, cgroup.Options{})
	if err != nil {
		return fail(err)
	}
	c.source, c.programs = src, src.Programs
	c.closers = append(c.closers, src.Close)
	attachments := bpf.NewAttachments(tap)
	c.closers = append(c.closers, attachments.Close)
	want := o.table.Want()
	if err := tap.SetPorts(want.Ports); err != nil {
		return fail(err)
	}
	if err := attachments.Set([]string{root.Path}); err != nil {
		return fail(fmt.Errorf("attach the capture: %w", err))
	}
	src.SetAttached(strings.Join(attachments.Attached(), " "))
	return c, nil
}
