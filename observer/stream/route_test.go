// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/message"
	"github.com/modeltap/modeltap/observer/servers"
)

// TestRoutesAreRememberedRight: whatever was asked before, each answer is that
// of the tables.
func TestRoutesAreRememberedRight(t *testing.T) {
	paths := []*servers.Rules{
		{},
		{Model: []*regexp.Regexp{regexp.MustCompile("^/json$")}, Ignore: []*regexp.Regexp{regexp.MustCompile("completions")}},
	}
	targets := []string{"/", "/json", "/jsom", "/v1/chat/completions", "/v1/chat/completionz", "/health", "/v1/completions", "/docs", "*", "/queue/data", "/x/queue/data?y=z", "/queue/join?session_hash=a", "/call/f/e",
		"/" + strings.Repeat("a", memoTarget-1), "/" + strings.Repeat("a", memoTarget), "/" + strings.Repeat("a", memoTarget) + "/v1/completions"}
	var r routes
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 20_000 {
		p := rng.IntN(len(paths))
		h := &message.Head{Method: []byte([]string{"GET", "POST", "PUT"}[rng.IntN(3)]), Target: []byte(targets[rng.IntN(len(targets))])}
		d, route, part := r.of(paths[p], h)
		if want := llm.DialectOf(h.Method, h.Target); d != want || route != RouteOf(paths[p], h.Target) ||
			part != partOf(string(h.Method) == "POST", h.Target) {
			t.Fatalf("%s %s with paths %d: %v %v, want %v %v", h.Method, h.Target, p, d, route, want, RouteOf(paths[p], h.Target))
		}
		seen[fmt.Sprint(d != nil, route)] = true
	}
	if len(seen) < 5 {
		t.Errorf("only %v were told apart", seen)
	}
	h := &message.Head{Method: []byte("POST"), Target: []byte("/v1/chat/completions")}
	if n := testing.AllocsPerRun(100, func() { r.of(paths[0], h) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
