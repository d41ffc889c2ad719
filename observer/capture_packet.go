// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"errors"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/observer/discover"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/source/afpacket"
)

// probePacket is mode.probe of CapturePacket.
func probePacket(cfg *Config, host []hostprobe.Feature) (where string, err error) {
	if !afpacket.Supported {
		return "", errors.New("what this build does not have: build it with cgo")
	}
	for _, f := range host {
		if f.Name == "cap_net_raw" && f.State == hostprobe.No {
			return "", errors.New("CAP_NET_RAW")
		}
	}
	where = cfg.Interface
	if where == "" {
		where = "every interface"
	}
	return where + " of this network namespace only; socket wait and process names are not available", nil
}

// attachPacket is mode.attach of CapturePacket.
func attachPacket(cfg *Config, table *servers.Table, host []hostprobe.Feature) (*capture, error) {
	c := &capture{features: featureMap(host)}
	c.features[bpf.FeaturePrograms], c.features[bpf.FeatureSocketWait] = false, false // not in use
	src, err := afpacket.New(afpacket.Config{Interface: cfg.Interface, RingBytes: cfg.RingSize})
	if err != nil {
		return nil, err
	}
	c.source = src
	c.closers = append(c.closers, func() error { src.Close(); return nil })
	c.discover = discover.New(discover.Config{
		Table: table, Kernel: discover.Linux(discover.Programs{}), Packets: true, Logger: cfg.Logger,
		Apply: func(w discover.Capture) error { return src.SetPorts(w.Ports) },
	})
	if err := c.discover.Start(time.Now()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}
