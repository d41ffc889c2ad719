// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

func TestRingKeepsTheLast(t *testing.T) {
	const size = 4
	for total := range 3 * size {
		r := newRing(size)
		for i := range total {
			x := event.Exchange{Start: int64(i), Server: []string{"even", "odd"}[i%2]}
			r.put(&x, time.Time{})
		}
		for limit := range size + 2 {
			for _, server := range []string{"", "even", "odd", "none"} {
				var want []int64
				for i := total - 1; i >= max(0, total-size) && len(want) < limit; i-- {
					if server == "" || server == []string{"even", "odd"}[i%2] {
						want = append(want, int64(i))
					}
				}
				got := r.last(server, limit)
				if len(got) != len(want) {
					t.Fatalf("%d put, server %q, limit %d: %d, want %d", total, server, limit, len(got), len(want))
				}
				for i := range got {
					if got[i].Start != want[i] {
						t.Fatalf("%d put, server %q, limit %d: %v, want %v", total, server, limit, got[i].Start, want[i])
					}
				}
			}
		}
	}
}
