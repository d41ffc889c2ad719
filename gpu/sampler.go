// SPDX-License-Identifier: Apache-2.0

package gpu

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	interval = time.Second
	// stale is how old a reading may be and still be shown.
	stale = 10 * time.Second
	// retryFirst and retryLast bound the time between two tries to find a
	// driver.
	retryFirst = 5 * time.Second
	retryLast  = 5 * time.Minute
	// closeLimit bounds the wait for a driver call at the end.
	closeLimit = 2 * time.Second
)

// Options configures a Sampler. All of it may be left out.
type Options struct {
	Library string // path of libnvidia-ml.so.1; "" looks in the usual places
	// KernelLog is the kernel's log, a second source of XID errors; "" reads
	// none. It takes CAP_SYSLOG.
	KernelLog string
	Demo      bool // two GPUs that are made up
	Logger    *slog.Logger
}

// reader is a driver, or what stands for one.
type reader interface {
	// open finds the driver. An error says what to do.
	open() error
	read() reading
	close()
}

// reading is the state of the devices as of now.
type reading struct {
	devices      []Device
	driver, cuda string
	whole        bool // every device answered
	again        bool // the driver has to be opened again
}

// Sampler reads the GPUs. Its methods may be called from any goroutine.
type Sampler struct {
	log    *slog.Logger
	reader reader
	now    func() time.Time

	mu   sync.Mutex
	last Snapshot
	busy map[string]*integral
}

// integral is the busy time of one GPU.
type integral struct {
	seconds float64
	at      time.Time
}

// New returns a Sampler; Run samples.
func New(o Options) *Sampler {
	s := &Sampler{log: o.Logger, now: time.Now, busy: map[string]*integral{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.reader = newReader(o, s.log); o.Demo {
		s.reader = newDemo(s.now)
	}
	return s
}

// Run samples until ctx ends. A driver call that hangs then is left behind.
func (s *Sampler) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() { defer close(done); s.loop(ctx) }()
	<-ctx.Done()
	select {
	case <-done:
	case <-time.After(closeLimit):
		s.log.Warn("a call to the GPU driver does not return; modeltap ends without it")
	}
	return nil
}

func (s *Sampler) loop(ctx context.Context) {
	retry, said := retryFirst, ""
	for ctx.Err() == nil {
		if err := s.reader.open(); err != nil {
			if err.Error() != said {
				said = err.Error()
				s.log.Info("no GPUs are observed", "err", err)
			}
			s.failed()
			if !sleep(ctx, retry) {
				return
			}
			retry = min(2*retry, retryLast)
			continue
		}
		retry, said = retryFirst, ""
		for ctx.Err() == nil && s.sample() {
			sleep(ctx, interval)
		}
		s.reader.close()
	}
}

// sleep waits for d, and tells whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// failed notes that there is no driver now. Where there never was one nothing
// is known.
func (s *Sampler) failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.Known {
		s.last = Snapshot{Known: true, Time: s.now(), Succeeded: s.last.Succeeded}
	}
}

// sample reads once and tells whether the driver can be read again.
func (s *Sampler) sample() bool {
	began := s.now()
	r := s.reader.read()
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.devices {
		s.integrate(&r.devices[i], now)
	}
	succeeded := s.last.Succeeded
	if r.whole {
		succeeded = now
	}
	s.last = Snapshot{Known: true, Success: r.whole, Succeeded: succeeded, Time: now, Took: now.Sub(began), Driver: r.driver, CUDA: r.cuda, Devices: r.devices}
	return !r.again
}

func (s *Sampler) integrate(d *Device, now time.Time) {
	load := d.mean
	if load == nil {
		load = d.Utilization
	}
	if load == nil || d.UUID == "" {
		return
	}
	b := s.busy[d.UUID]
	if b == nil {
		b = &integral{at: now}
		s.busy[d.UUID] = b
	}
	// Over a longer break nothing is known of what it did.
	if dt := now.Sub(b.at); dt > 0 && dt < stale {
		b.seconds += *load * dt.Seconds()
	}
	b.at = now
	seconds := b.seconds
	d.Busy = &seconds
}

// Snapshot returns the last reading, without its devices when it is old.
func (s *Sampler) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := s.last
	if snap.Known && s.now().Sub(snap.Time) > stale {
		snap.Devices, snap.Success = nil, false
	}
	return snap
}
