// SPDX-License-Identifier: Apache-2.0

package gpu

import (
	"errors"
	"log/slog"
	"time"
)

// probeLimit bounds a probe: a driver call may hang.
const probeLimit = 5 * time.Second

// Probe reads the GPUs once. An error says what to do; without a driver that is
// no mistake.
func Probe(o Options) (Snapshot, error) {
	type result struct {
		s   Snapshot
		err error
	}
	done := make(chan result, 1)
	go func() {
		o.Logger = slog.New(slog.DiscardHandler)
		s := New(o)
		if err := s.reader.open(); err != nil {
			done <- result{err: err}
			return
		}
		s.sample()
		s.reader.close()
		done <- result{s: s.Snapshot()}
	}()
	select {
	case r := <-done:
		return r.s, r.err
	case <-time.After(probeLimit):
		return Snapshot{}, errors.New("a call to the GPU driver does not return: see the kernel log for NVRM; the GPU or the host may need a reset")
	}
}
