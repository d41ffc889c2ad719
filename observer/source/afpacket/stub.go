// SPDX-License-Identifier: Apache-2.0

//go:build !linux || !cgo

package afpacket

import (
	"context"
	"errors"

	"github.com/modeltap/modeltap/observer/event"
)

// Supported says that this build can capture packets.
const Supported = false

// Source cannot be made in this build.
type Source struct{}

// New always fails.
func New(Config) (*Source, error) {
	return nil, errors.New("built without cgo: --capture=packet is not available; use --capture=cgroup")
}

func (*Source) Run(context.Context, func([]event.Segment, int64), func()) error {
	return errors.ErrUnsupported
}
func (*Source) Sync(context.Context, func()) error { return errors.ErrUnsupported }
func (*Source) SetPorts([]uint16) error            { return errors.ErrUnsupported }
func (*Source) Stats() event.SourceStats           { return event.SourceStats{} }
func (*Source) Close()                             {}
