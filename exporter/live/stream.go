// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// maxViewers bounds the open streams.
	maxViewers = 32
	// viewerQueue is how many events may wait for a viewer; one that is further
	// behind is dropped, and comes back with what it has seen last.
	viewerQueue = 16
	// writeTimeout bounds the writing of an event.
	writeTimeout = 10 * time.Second
	// pingPeriod is between two comments that keep a connection open.
	pingPeriod = 15 * time.Second
	// retryAfter is when a browser tries again, ms.
	retryAfter = 2000
)

// message is one server-sent event.
type message struct {
	boot     int64
	tick     kept
	servers  []Server // nil for no change
	requests []Request
	running  []Request // all
}

// encode returns the event as it is sent (WHATWG HTML, section 9.2).
func (e *message) encode() []byte {
	rest, _ := json.Marshal(struct { // names and numbers can always be written
		Boot     int64           `json:"boot"`
		Servers  []Server        `json:"servers,omitempty"`
		Requests []Request       `json:"requests,omitempty"`
		Running  []Request       `json:"running,omitempty"`
		Tick     json.RawMessage `json:"tick"`
	}{e.boot, e.servers, e.requests, e.running, e.tick.json})
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\nevent: tick\ndata: %s\n\n", e.tick.second, rest)
	return b.Bytes()
}

// viewer is an open stream.
type viewer struct {
	events chan []byte
	gone   chan struct{} // closed when it is dropped
}

// send hands an event to all viewers, and drops those that are too slow. l.mu is
// held.
func (l *Live) send(text []byte) {
	for v := range l.viewers {
		select {
		case v.events <- text:
		default:
			delete(l.viewers, v)
			close(v.gone)
		}
	}
}

// join adds a viewer and returns the ticks after since, if any, so that it
// misses none and gets none twice. A nil viewer is one too many.
func (l *Live) join(since int64) (*viewer, []message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.viewers) >= maxViewers {
		return nil, nil
	}
	v := &viewer{events: make(chan []byte, viewerQueue), gone: make(chan struct{})}
	l.viewers[v] = struct{}{}
	var missed []message
	if since > 0 {
		for _, k := range l.history.since(since) {
			missed = append(missed, message{boot: l.boot, tick: k})
		}
	}
	if n := len(missed); n > 0 { // the viewer knows those it has by their number
		missed[n-1].requests = l.recent.after(0)
		missed[n-1].running = l.running
		missed[n-1].servers = slices.Clone(l.servers)
	}
	return v, missed
}

func (l *Live) leave(v *viewer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.viewers, v)
}

// serveStream sends a tick each second. What came after Last-Event-ID, or
// ?since=SECOND, is sent first.
func (l *Live) serveStream(w http.ResponseWriter, r *http.Request) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("since")
	}
	since, _ := strconv.ParseInt(last, 10, 64) // what is no second has seen none
	v, missed := l.join(since)
	if v == nil {
		w.Header().Set("Retry-After", "10")
		refuse(w, fmt.Sprintf("%d viewers watch already: close one, or try again later", maxViewers))
		return
	}
	defer l.leave(v)
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Accel-Buffering", "no")
	if r.ProtoMajor == 1 {
		head.Set("Connection", "close") // it carries a write deadline
	}
	s := stream{w, http.NewResponseController(w)}
	if s.write(fmt.Appendf(nil, "retry: %d\n\n", retryAfter)) != nil {
		return
	}
	for i := range missed {
		if s.write(missed[i].encode()) != nil {
			return
		}
	}
	go l.fresh(r.Context()) // from now on there is a tick each second
	l.follow(r, v, s)
}

func (l *Live) follow(r *http.Request, v *viewer, s stream) {
	ping := time.NewTicker(pingPeriod)
	defer ping.Stop()
	for {
		text := []byte(": ping\n\n")
		select {
		case <-r.Context().Done():
			return
		case <-l.done:
			return
		case <-v.gone:
			return
		case text = <-v.events:
		case <-ping.C:
		}
		if s.write(text) != nil {
			return
		}
	}
}

type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s stream) write(text []byte) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has one
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.rc.Flush()
}
