// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"sync"
	"testing"
)

func TestClaims(t *testing.T) {
	const max = 1 << 20
	for c, want := range map[Claim]int64{Ahead: max / 4, Pipelined: max / 4, Fresh: max - max/16, Running: max} {
		b := New(1, max)
		for b.Take(1<<10, c) {
		}
		if b.Bytes() != want {
			t.Errorf("claim %d: %d bytes, want %d", c, b.Bytes(), want)
		}
		// Whoever is full leaves the others what is theirs.
		if got := b.Take(1<<10, Running); got != (c != Running) {
			t.Errorf("claim %d is full: an open request gets more: %v", c, got)
		}
		if got := b.Take(1<<10, Fresh); got != (c == Ahead || c == Pipelined) {
			t.Errorf("claim %d is full: a request may begin: %v", c, got)
		}
		if b.Crowded() != (c == Ahead) {
			t.Errorf("claim %d: crowded %v", c, b.Crowded())
		}
		b.Force(5, c)
		b.Give(int(want)+5, c)
		if b.Take(1<<10, c) != true {
			t.Errorf("claim %d: nothing was given back", c)
		}
	}
}

func TestPlaces(t *testing.T) {
	b := New(3, 0)
	for i := range 4 {
		if b.Connect() != (i < 3) {
			t.Fatalf("place %d of 3", i)
		}
	}
	if b.Borrow() {
		t.Fatal("borrowed what nobody lends")
	}
	b.Lend(2)
	for i := range 3 {
		if b.Borrow() != (i < 2) || b.Connect() {
			t.Fatalf("borrowed place %d of 2, or a free one", i)
		}
	}
	if b.Owed() != 2 || b.Connections() != 5 {
		t.Fatalf("%d owed, %d taken", b.Owed(), b.Connections())
	}
	b.Disconnect()
	b.Reconnect()
	for range 5 {
		b.Disconnect()
	}
	if b.Owed() != 0 || b.Connections() != 0 {
		t.Fatalf("%d owed, %d taken", b.Owed(), b.Connections())
	}
}

// Shards that take and give at once never get more than there is, and leave
// nothing charged.
func TestManyShards(t *testing.T) {
	b := New(100, 100_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20_000 {
				if c := Claim(i % int(claims)); b.Take(1000, c) {
					if b.Bytes() > 108_000 { // each may add before it sees that it may not
						t.Error("over the limit")
					}
					b.Give(1000, c)
				}
				if b.Connect() {
					b.Disconnect()
				}
			}
		})
	}
	wg.Wait()
	if b.Bytes() != 0 || b.Connections() != 0 {
		t.Errorf("%d bytes, %d places left", b.Bytes(), b.Connections())
	}
}

func BenchmarkTake(b *testing.B) {
	all := New(1, 1<<40)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			all.Take(2048, Fresh)
			all.Give(2048, Fresh)
		}
	})
}
