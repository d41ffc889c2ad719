// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// rig is a Live with a state and a clock that the test sets. Nothing runs it:
// the test ticks.
type rig struct {
	*Live
	t   testing.TB
	mux *http.ServeMux

	mu    sync.Mutex
	state event.Snapshot
	fail  error
	now   time.Time
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Unix(1_700_000_000, 0), mux: http.NewServeMux()}
	util := 0.5
	o := Options{
		Snapshot: func(context.Context) (event.Snapshot, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.state, r.fail
		},
		Wall: func(ns int64) time.Time { return time.Unix(1_600_000_000, ns) },
		Now: func() time.Time {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.now
		},
		GPUs: func() gpu.Snapshot {
			return gpu.Snapshot{Known: true, Devices: []gpu.Device{{Up: true, Utilization: &util}}}
		},
		Host:    func() host.Load { return host.Load{Percent: 25, Memory: &host.Memory{Total: 100, Available: 40}} },
		Version: "1.2.3", Hostname: "node-1", TelemetryPath: "/metrics",
	}
	for _, f := range change {
		f(&o)
	}
	r.Live = New(o)
	r.Register(r.mux)
	return r
}

// set changes what the observer says.
func (r *rig) set(f func(s *event.Snapshot)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.state)
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// next ticks one second later and returns the tick.
func (r *rig) next() Tick {
	r.t.Helper()
	r.pass(time.Second)
	r.tick(r.t.(*testing.T).Context())
	return r.last()
}

func (r *rig) last() Tick {
	r.t.Helper()
	r.Live.mu.Lock()
	defer r.Live.mu.Unlock()
	var t Tick
	if err := json.Unmarshal(r.history.ticks[len(r.history.ticks)-1].json, &t); err != nil {
		r.t.Fatal(err)
	}
	return t
}

func (r *rig) get(path string, header ...string) *httptest.ResponseRecorder {
	q := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(q.Context(), 20*time.Millisecond) // nothing runs: no tick will come
	defer cancel()
	w := httptest.NewRecorder()
	r.mux.ServeHTTP(w, q.WithContext(ctx))
	return w
}

const ms = int64(time.Millisecond)

// streamed is a whole streamed answer: TTFT 250 ms, 11 output tokens.
func streamed() event.Exchange {
	x := event.Exchange{
		Server: "vllm:8000", API: "openai_chat", Model: "llama",
		Start: 1000 * ms, Complete: 1010 * ms, Headers: 1100 * ms, FirstChunk: 1150 * ms,
		FirstToken: 1250 * ms, LastToken: 1750 * ms, End: 1800 * ms,
		Status: 200, Stream: true, Outcome: event.OK, SocketWait: 3 * ms,
	}
	x.Tokens[event.Input] = event.Count{N: 70, Source: event.Usage, Known: true}
	x.Tokens[event.Output] = event.Count{N: 11, Source: event.Usage, Known: true}
	x.Finish[event.FinishStop] = 1
	return x
}
