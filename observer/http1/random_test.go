// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAgainstNetHTTP composes messages at random, head before body, and holds
// the parser to what net/http reads.
func TestAgainstNetHTTP(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var starts [2][]string
	var fields, rest []string
	for _, s := range fragments {
		switch {
		case strings.HasPrefix(s, "HTTP/1") && strings.HasSuffix(s, "\r\n"):
			starts[1] = append(starts[1], s)
		case strings.Contains(s, "HTTP/1") && strings.HasSuffix(s, "\r\n"):
			starts[0] = append(starts[0], s)
		case strings.Contains(s, ":") && strings.HasSuffix(s, "\r\n"):
			fields = append(fields, s)
		default:
			rest = append(rest, s)
		}
	}
	any := func(from []string) string { return from[rnd.IntN(len(from))] }
	read := 0
	const rounds = 30_000
	for range rounds {
		side := rnd.IntN(2)
		var b strings.Builder
		for range 1 + rnd.IntN(3) {
			b.WriteString(any(starts[side]))
			for range rnd.IntN(4) {
				if rnd.IntN(20) == 0 {
					b.WriteString(any(rest))
				}
				b.WriteString(any(fields))
			}
			b.WriteString("\r\n")
			for range rnd.IntN(4) {
				b.WriteString(any(rest))
			}
		}
		p := []byte(b.String())
		d := direction(side == 1)
		want, got := oracle(d, p), ours(d, p)
		if !strings.HasPrefix(got, want) {
			t.Fatalf("input %q\nnet/http %s\nours     %s", p, want, got)
		}
		if split := ours(d, cuts(p, rnd.Uint64())...); split != got {
			t.Fatalf("input %q\nwhole %s\nsplit %s", p, got, split)
		}
		read += strings.Count(want, "\n")
	}
	if read < rounds/2 {
		t.Errorf("net/http read only %d messages of %d streams", read, rounds)
	}
}
