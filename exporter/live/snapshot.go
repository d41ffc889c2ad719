// SPDX-License-Identifier: Apache-2.0

package live

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxSnapshots bounds the snapshots that are written at once.
const maxSnapshots = 8

// snapshot is the answer of /api/v1/live: all that a viewer needs to begin.
type snapshot struct {
	Boot     int64             `json:"boot"` // ms; another one is another process
	Version  string            `json:"version"`
	Host     string            `json:"host"`
	Window   int64             `json:"window_seconds"`
	Bounds   bounds            `json:"bounds"`
	Outcomes []string          `json:"outcomes"` // the order of a group's outcomes
	Servers  []Server          `json:"servers"`
	Requests []Request         `json:"requests"` // newest first
	Running  []Request         `json:"running"`  // oldest first, as of the last tick
	Ticks    []json.RawMessage `json:"ticks"`    // oldest first
}

// bounds are the upper bounds of the buckets, in seconds. One more bucket holds
// what is above.
type bounds struct {
	Time []float64 `json:"time"` // of ttft, socket_wait and duration
	Gap  []float64 `json:"itl"`
}

func (l *Live) snapshot() snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := snapshot{
		Boot: l.boot, Version: l.opts.Version, Host: l.opts.Hostname, Window: int64(Window / time.Second),
		Bounds: bounds{timeBounds[:], gapBounds}, Outcomes: outcomeNames(),
		Servers: append([]Server{}, l.servers...), Requests: l.recent.after(0), Running: append([]Request{}, l.running...), Ticks: []json.RawMessage{},
	}
	for _, k := range l.history.ticks {
		s.Ticks = append(s.Ticks, k.json)
	}
	return s
}

func (l *Live) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	select {
	case l.snapshots <- struct{}{}:
		defer func() { <-l.snapshots }()
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, "too many snapshots are being read: try again")
		return
	}
	l.fresh(r.Context())
	s := l.snapshot()
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Vary", "Accept-Encoding")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(3 * writeTimeout))
	if r.ProtoMajor == 1 {
		head.Set("Connection", "close")
	}
	var to io.Writer = w
	if acceptsGzip(r) {
		head.Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		defer z.Close()
		to = z
	}
	_ = json.NewEncoder(to).Encode(&s)
}

func acceptsGzip(r *http.Request) bool {
	return slices.ContainsFunc(strings.Split(r.Header.Get("Accept-Encoding"), ","), func(s string) bool {
		name, weight, _ := strings.Cut(s, ";")
		return strings.TrimSpace(name) == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0"
	})
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}
