// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// request is one element of /api/v1/requests; nil fields are null: unknown, or
// without meaning for a request that ended so.
type request struct {
	Started      *string  `json:"started"` // RFC 3339, UTC
	Server       string   `json:"server"`
	API          string   `json:"api"`
	Model        string   `json:"model"`
	Code         *int     `json:"code"`
	Stream       bool     `json:"stream"`
	Outcome      string   `json:"outcome"`
	SocketWait   *float64 `json:"socket_wait_seconds"`
	TTFT         *float64 `json:"ttft_seconds"`
	Duration     *float64 `json:"duration_seconds"`
	InputTokens  *int64   `json:"input_tokens"`
	OutputTokens *int64   `json:"output_tokens"`
	TokenSource  *string  `json:"token_source"` // of the output tokens, else of the input
	RequestSize  int64    `json:"request_bytes"`
	ResponseSize int64    `json:"response_bytes"`
	Finish       *string  `json:"finish_reason"` // what most choices stated
	TraceID      *string  `json:"trace_id"`
	Backpressure bool     `json:"backpressure"`
	RTT          *float64 `json:"rtt_seconds"`
}

func requestOf(k *kept) request {
	x := &k.Exchange
	f := figuresOf(x)
	waited := -1.0
	if x.SocketWait >= 0 {
		waited = time.Duration(x.SocketWait).Seconds()
	}
	r := request{
		Server: event.Label(x.Server), API: event.Label(x.API), Model: event.Label(x.Model),
		Stream: x.Stream, Outcome: x.Outcome.String(), Backpressure: x.Backpressure,
		SocketWait: measured(waited), TTFT: measured(f.firstToken), Duration: measured(f.duration),
		RequestSize: x.RequestBytes, ResponseSize: x.ResponseBytes,
	}
	if !k.started.IsZero() {
		r.Started = new(k.started.UTC().Format(time.RFC3339Nano))
	}
	if x.Status != 0 {
		r.Code = &x.Status
	}
	if n := x.Tokens[event.Input]; n.Known {
		r.InputTokens, r.TokenSource = new(n.N), new(n.Source.String())
	}
	if n := x.Tokens[event.Output]; n.Known {
		r.OutputTokens, r.TokenSource = new(n.N), new(n.Source.String())
	}
	most := uint8(0)
	for i, n := range x.Finish {
		if n > most {
			most = n
			r.Finish = new(event.Finish(i).String())
		}
	}
	if x.HasTraceID {
		r.TraceID = new(hex.EncodeToString(x.TraceID[:]))
	}
	if x.RTT != 0 {
		r.RTT = new((time.Duration(x.RTT) * time.Microsecond).Seconds())
	}
	return r
}

func measured(v float64) *float64 {
	if v < 0 {
		return nil
	}
	return &v
}

// serveRequests answers ?server=NAME&limit=N with the last exchanges, newest
// first; without a limit, with all that are kept.
func (e *Exporter) serveRequests(w http.ResponseWriter, r *http.Request) {
	limit := RecentRequests
	if q := r.URL.Query(); q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 {
			reply(w, http.StatusBadRequest, apiError{fmt.Sprintf(
				"limit=%.40q: give a whole number from 1 to %d", q.Get("limit"), RecentRequests)})
			return
		}
		limit = min(n, RecentRequests)
	}
	e.mu.Lock()
	last := e.recent.last(r.URL.Query().Get("server"), limit)
	e.mu.Unlock()
	out := make([]request, len(last))
	for i := range last {
		out[i] = requestOf(&last[i])
	}
	reply(w, http.StatusOK, out)
}

// server is one element of /api/v1/servers.
type server struct {
	Server    string  `json:"server"`
	PID       *int    `json:"pid"`
	Comm      *string `json:"comm"`
	Address   *string `json:"address"`
	Port      *int    `json:"port"`
	Container *string `json:"container"`
	Pod       *string `json:"pod"`
	Namespace *string `json:"namespace"`
	Unit      *string `json:"unit"`
	Target    bool    `json:"target"`    // named by --target, not discovered
	Listening bool    `json:"listening"` // false while a target is waited for
}

func (e *Exporter) serveServers(w http.ResponseWriter, r *http.Request) {
	s, err := e.snapshot(r.Context())
	if err != nil {
		reply(w, http.StatusServiceUnavailable, apiError{err.Error()})
		return
	}
	out := make([]server, len(s.Servers))
	for i := range s.Servers {
		x := &s.Servers[i]
		out[i] = server{
			Server: event.Label(x.Name), PID: known(x.PID), Comm: known(event.Label(x.Comm)),
			Address: known(event.Label(x.Address)), Port: known(int(x.Port)),
			Container: known(event.Label(x.Container)), Pod: known(event.Label(x.Pod)),
			Namespace: known(event.Label(x.Namespace)), Unit: known(event.Label(x.Unit)),
			Target: x.Target, Listening: x.Listening,
		}
	}
	reply(w, http.StatusOK, out)
}

// known is nil for the zero value, which stands for unknown.
func known[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

type apiError struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
