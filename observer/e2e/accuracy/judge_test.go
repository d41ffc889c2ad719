// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

const ms = 1_000_000

// agreeing returns n streams on which the two sides agree to 0.2 ms: sent at
// 10 to 11 ms, first token at 111 ms, ended at 311 ms.
func agreeing(n int) row {
	r := row{model: modelName, usecase: usecase{name: "c", api: "openai_chat", outcome: "ok", stream: true}, own: own{predicted: int64(7 * n)}}
	for range n {
		ptr := func(v float64) *float64 { return &v }
		source := "usage"
		r.pairs = append(r.pairs, pair{
			answer: &rig.Answer{Sending: 10 * ms, Sent: 11 * ms, Status: 200, RequestBytes: 50, ResponseBytes: 600,
				Tokens: []rig.Stamp{{Kernel: 111 * ms, User: 112 * ms}}, End: rig.Stamp{Kernel: 311 * ms, User: 313 * ms}},
			stated: stated{known: true, by: "usage", input: 20, output: 7},
			seen: rig.Exchange{API: "openai_chat", Model: modelName, Stream: true, Outcome: "ok", TTFT: ptr(0.1005), Duration: ptr(0.3008),
				InputTokens: ptr(20), OutputTokens: ptr(7), TokenSource: &source, RequestBytes: ptr(50), ResponseBytes: ptr(600)},
		})
	}
	return r
}

func TestAgreement(t *testing.T) {
	if list := agreeing(5).disagreements(); len(list) > 0 {
		t.Error(list)
	}
}

// TestDisagreements spoils one thing at a time and finds it named.
func TestDisagreements(t *testing.T) {
	for want, spoil := range map[string]func(*row){
		"time to first token is off by 1.200 ms": func(r *row) {
			for i := range r.pairs[:3] { // of 5: the median
				*r.pairs[i].seen.TTFT = 0.1022
			}
		},
		"duration is off by -1.200 ms": func(r *row) {
			for i := range r.pairs[:3] {
				*r.pairs[i].seen.Duration = 0.2988
			}
		},
		"4 of 5 requests have a time to first token":  func(r *row) { r.pairs[1].seen.TTFT = nil },
		"4 of 5 requests have a duration":             func(r *row) { r.pairs[1].seen.Duration = nil },
		"request 2: [output tokens is 6, want 7":      func(r *row) { *r.pairs[2].seen.OutputTokens = 6 },
		"request 2: [output tokens is -1, want 7":     func(r *row) { r.pairs[2].seen.OutputTokens = nil },
		"request 0: [input tokens is 19, want 20":     func(r *row) { *r.pairs[0].seen.InputTokens = 19 },
		"source of a stated count is not usage":       func(r *row) { *r.pairs[0].seen.TokenSource = "chunks" },
		"outcome is server_abort, want ok":            func(r *row) { r.pairs[0].seen.Outcome = "server_abort" },
		"model is unknown":                            func(r *row) { r.pairs[0].seen.Model = "unknown" },
		"api is generic, want openai_chat":            func(r *row) { r.pairs[0].seen.API = "generic" },
		"request size is 49, want 50":                 func(r *row) { *r.pairs[0].seen.RequestBytes = 49 },
		"response size is 601, want 600":              func(r *row) { *r.pairs[0].seen.ResponseBytes = 601 },
		"states no token count":                       func(r *row) { r.pairs[0].stated = stated{} },
		"counted 34 output tokens itself":             func(r *row) { r.own.predicted-- },
		"modeltap has 35 (usage) output tokens":       func(r *row) { r.rough, r.own.predicted = roughly, 45 },
		"stream is true, want false":                  func(r *row) { r.stream = false },
		"no stream has a time to first token":         func(r *row) { r.stream = false },
		"0 output tokens, the client had 1 events":    func(r *row) { abort(r, 0) },
		"outcome is client_abort, want ok":            func(r *row) { abort(r, 1); r.outcome = "ok" },
		"4 of 5 requests have a time to first token ": func(r *row) { abort(r, 1); r.pairs[3].seen.TTFT = nil },
	} {
		t.Run(want, func(t *testing.T) {
			r := agreeing(5)
			spoil(&r)
			if list := strings.Join(r.disagreements(), "\n"); !strings.Contains(list, want) {
				t.Errorf("not found in %q", list)
			}
		})
	}
}

// abort makes all requests aborted ones, of which modeltap counted tokens.
func abort(r *row, tokens float64) {
	r.outcome = "client_abort"
	for i := range r.pairs {
		p := &r.pairs[i]
		p.stated = stated{}
		p.seen.Outcome, p.seen.Duration = "client_abort", nil
		*p.seen.OutputTokens, *p.seen.TokenSource = tokens, "chunks"
	}
}

func TestAbortAgrees(t *testing.T) {
	r := agreeing(4)
	abort(&r, 2) // one more than the client had read
	if list := r.disagreements(); len(list) > 0 {
		t.Error(list)
	}
}
