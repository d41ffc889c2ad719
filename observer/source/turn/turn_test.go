// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestServeRunsWhatWaits(t *testing.T) {
	q := New()
	trace := ""
	done := make(chan error)
	go func() { done <- q.Do(t.Context(), func() { trace += "f" }) }()
	for trace == "" {
		q.Serve(func() { trace += "b" })
	}
	if err := <-done; err != nil || trace != "bf" {
		t.Fatalf("%q, %v", trace, err)
	}
}

func TestDoGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := New()
	if err := q.Do(ctx, func() { t.Error("ran") }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	q.Serve(func() { t.Error("something waits") })
}

// Those who ask again and again do not keep the source from its own work.
func TestServeComesBack(t *testing.T) {
	q := New()
	ctx, stop := context.WithCancel(t.Context())
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for q.Do(ctx, func() {}) == nil {
			}
		})
	}
	for served := 0; served < 100; {
		now := 0
		q.Serve(func() { now++ })
		if served += now; now > atOnce {
			t.Fatalf("%d at once", now)
		}
	}
	stop()
	q.Close(nil)
	askers.Wait()
}

// What waits when the source ends, and what comes later, is refused and does
// not run: the last turn is the last.
func TestCloseIsTheLastTurn(t *testing.T) {
	q := New()
	refused := make(chan error)
	for range 8 {
		go func() { refused <- q.Do(t.Context(), func() { t.Error("ran after the end") }) }()
	}
	lasts := 0
	q.Close(func() { lasts++ })
	q.Close(func() { lasts++ })
	for range 8 {
		if err := <-refused; !errors.Is(err, ErrEnded) {
			t.Fatal(err)
		}
	}
	if err := q.Do(t.Context(), func() { t.Error("ran after the end") }); !errors.Is(err, ErrEnded) || lasts != 1 {
		t.Fatalf("%v, %d last turns", err, lasts)
	}
}
