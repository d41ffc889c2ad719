// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/event"
)

// names are models as hostile as the wire allows.
var names = []string{
	"", "unknown", "other", "m", "m\x00", "m\n", "\xff\xfe", "模型", strings.Repeat("a", event.MaxLabel),
	strings.Repeat("a", event.MaxLabel+1), strings.Repeat("模", 100), "org/model:tag", "MODEL", " m",
}

// TestLabelsAreFitAndFew: whatever is asked, a label is one that Prometheus
// takes, and no more than the limit are held.
func TestLabelsAreFitAndFew(t *testing.T) {
	const limit = 3
	b := NewBook(NewLabels(limit), second, false)
	for round := range 3 {
		for _, name := range names {
			s := b.Series("s", "a", []byte(name), int64(round)*second)
			if s.Model == "" || len(s.Model) > event.MaxLabel || !utf8.ValidString(s.Model) || strings.ContainsAny(s.Model, "\x00\n") {
				t.Errorf("%q became the label %q", name, s.Model)
			}
		}
	}
	if got := models(b); len(got) != limit+2 || !got[UnknownModel] || !got[OtherModel] {
		t.Errorf("%d labels %v, want %d, unknown and other", len(got), got, limit)
	}
}

// TestSameLabelSameSeries: names that look alike as labels share a series.
func TestSameLabelSameSeries(t *testing.T) {
	b := NewBook(NewLabels(8), second, false)
	if x, y := b.Series("s", "a", []byte("m\x00"), 0), b.Series("s", "a", []byte("m\x01"), 0); x != y {
		t.Errorf("%q and %q", x.Model, y.Model)
	}
	if x, y := b.Series("s", "a", []byte("m"), 0), b.Known("s", "a", []byte("m"), 0); x != y {
		t.Errorf("%q and, known, %q", x.Model, y.Model)
	}
}

// TestBooksShareTheLimit moves a name from one shard to the next: it is freed
// by the last book that lets go of it, and not before.
func TestBooksShareTheLimit(t *testing.T) {
	labels := NewLabels(1)
	x, y := NewBook(labels, second, false), NewBook(labels, second, false)
	x.Series("s", "a", []byte("m"), 0)
	y.Series("t", "a", []byte("m"), 10*second)
	y.Series("t", "b", []byte("m"), 0)
	x.Expire(5 * second)
	y.Expire(5 * second)
	if got := x.Series("s", "a", []byte("n"), 5*second).Model; got != OtherModel {
		t.Errorf("%q is admitted while the other book holds m", got)
	}
	y.Expire(20 * second)
	if got := x.Series("s", "a", []byte("n"), 20*second).Model; got != "n" {
		t.Errorf("%q, want n, since nobody holds m", got)
	}
}

// TestLimitHoldsBetweenShards lets shards ask for new names at once.
func TestLimitHoldsBetweenShards(t *testing.T) {
	const limit, shards, each = 10, 8, 50
	for range 20 {
		labels := NewLabels(limit)
		books := make([]*Book, shards)
		var start, done sync.WaitGroup
		start.Add(1)
		for i := range books {
			books[i] = NewBook(labels, second, false)
			done.Go(func() {
				start.Wait()
				for k := range each {
					books[i].Series("s", "a", fmt.Append(nil, i, "-", k), 0)
				}
			})
		}
		start.Done()
		done.Wait()
		all := map[string]bool{}
		for _, b := range books {
			for m := range models(b) {
				all[m] = true
			}
		}
		if delete(all, OtherModel); len(all) != limit {
			t.Fatalf("%d models, want %d", len(all), limit)
		}
		for _, b := range books {
			b.Expire(2 * second)
		}
		if n := len(labels.held); n != 0 {
			t.Fatalf("%d names held by nobody", n)
		}
	}
}

// TestBookAgainstAModel plays at random and compares with the plainest book
// there is: when each key was last seen.
func TestBookAgainstAModel(t *testing.T) {
	const limit, ttl = 4, 30 * second
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		labels := NewLabels(limit)
		b := NewBook(labels, ttl, seed%2 == 0)
		seen := map[Key]int64{}
		held := func() map[string]bool {
			m := map[string]bool{}
			for k := range seen {
				if k.Model != OtherModel && k.Model != UnknownModel {
					m[k.Model] = true
				}
			}
			return m
		}
		now := int64(0)
		for range 2000 {
			now += rnd.Int64N(2 * second)
			server, api := fmt.Sprint("s", rnd.IntN(3)), fmt.Sprint("a", rnd.IntN(2))
			name := fmt.Sprint("m", rnd.IntN(9))
			switch op := rnd.IntN(10); {
			case op < 6:
				want := Key{server, api, name}
				if h := held(); !h[name] && len(h) >= limit {
					want.Model = OtherModel
				}
				if got := b.Series(server, api, []byte(name), now); got.Key != want {
					t.Fatalf("seed %d: series %v, want %v", seed, got.Key, want)
				}
				seen[want] = now
			case op < 9:
				want := Key{server, api, name}
				if _, ok := seen[want]; !ok {
					want.Model = UnknownModel
				}
				if got := b.Known(server, api, []byte(name), now); got.Key != want {
					t.Fatalf("seed %d: known %v, want %v", seed, got.Key, want)
				}
				seen[want] = now
			default:
				b.Expire(now)
				for k, at := range seen {
					if now-at > ttl {
						delete(seen, k)
					}
				}
			}
			all := b.Snapshot(nil, now)
			if len(all) != len(seen) || len(labels.held) != len(held()) {
				t.Fatalf("seed %d: %d series and %d names, want %d and %d", seed, len(all), len(labels.held), len(seen), len(held()))
			}
			for _, s := range all {
				if _, ok := seen[Key{s.Server, s.API, s.Model}]; !ok {
					t.Fatalf("seed %d: %s %s %s should not be there", seed, s.Server, s.API, s.Model)
				}
			}
		}
	}
}

// TestTheLastPlaceIsTakenOnce has another shard come between the question and
// the series.
func TestTheLastPlaceIsTakenOnce(t *testing.T) {
	labels := NewLabels(1)
	x, y := NewBook(labels, second, false), NewBook(labels, second, false)
	asked := labels.Model([]byte("m"))
	y.Series("s", "a", []byte("n"), 0)
	if got := x.get(Key{"s", "a", asked}, 0); asked != "m" || got.Model != OtherModel {
		t.Errorf("%q became %q, want other", asked, got.Model)
	}
	x.Expire(5 * second)
	y.Expire(5 * second)
	if len(labels.held) != 0 {
		t.Errorf("%v are held by nobody", labels.held)
	}
}
