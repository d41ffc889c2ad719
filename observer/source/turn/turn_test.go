// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"context"
	"errors"
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

func TestDoAfterCloseRunsItself(t *testing.T) {
	q := New()
	waiting := make(chan error)
	ran := 0
	go func() { waiting <- q.Do(t.Context(), func() { ran++ }) }()
	q.Close()
	q.Close()
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	if err := q.Do(t.Context(), func() { ran++ }); err != nil || ran != 2 {
		t.Fatalf("ran %d, %v", ran, err)
	}
}
