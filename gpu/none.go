// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || !linux

package gpu

import (
	"errors"
	"log/slog"
)

// none stands for the driver in builds without cgo.
type none struct{}

func newReader(Options, *slog.Logger) reader { return none{} }

func (none) open() error {
	return errors.New("this build has no GPU support: build on Linux with cgo (CGO_ENABLED=1 and a C compiler), or use --no-gpu")
}

func (none) read() reading { return reading{again: true} }
func (none) close()        {}
