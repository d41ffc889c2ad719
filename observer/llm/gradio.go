// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// Gradio's API, 3 to 6 (gradio, routes.py, queueing.py, server_messages.py). A
// request to the queue is answered with the id of an event, and what the event
// yields comes over another connection: see Feed.
var (
	gradioJoin = &Dialect{
		API:     "gradio",
		Routes:  []string{"/queue/join"},
		Request: gradioRequest,
		Answer:  gradioTicket,
		Event:   gradioTicket,
		Queued:  true,
	}
	sharedCall = &Dialect{
		API:     "generic",
		Routes:  []string{"/call/*", "/call/v2/*"},
		Request: gradioShared,
		Answer:  generic.Answer,
		Event:   generic.Event,
		Choose:  ifData(gradioCall),
		Repeats: true,
		Generic: true,
	}
	// gradioCall is the API for programs since 4.20.
	gradioCall = &Dialect{
		API:     "gradio",
		Request: gradioRequest,
		Answer:  gradioTicket,
		Event:   gradioTicket,
		Queued:  true,
	}
	sharedRun = &Dialect{
		API:     "generic",
		Routes:  []string{"/run/*", "/api/predict"},
		Request: gradioShared,
		Answer:  generic.Answer,
		Event:   generic.Event,
		Choose:  ifData(gradioRun),
		Repeats: true,
		Generic: true,
	}
	// gradioRun calls a function past the queue. Until 3.41 a generator was
	// asked again and again that way, each time for all its output so far.
	gradioRun = &Dialect{
		API:     "gradio",
		Request: gradioRequest,
		Answer: jsonscan.MustCompile([]jsonscan.Path{
			{Path: "data[]", Field: fieldText, Kind: jsonscan.Text},
			{Path: "is_generating", Field: fieldUnfinished, Kind: jsonscan.Any},
			{Path: "error", Field: fieldError, Kind: jsonscan.Any},
		}),
		Event: gradioTicket,
	}
)

var (
	gradioPaths = []jsonscan.Path{
		{Path: "data", Field: fieldData, Kind: jsonscan.Count},
		{Path: "data[]", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "data[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "session_hash", Field: fieldSession, Kind: jsonscan.String},
	}
	gradioRequest = jsonscan.MustCompile(gradioPaths)
	gradioShared  = schema(gradioPaths, genericPaths([]string{"prompt", "inputs", "input", "query", "question"}, fieldPrompt),
		[]jsonscan.Path{{Path: "model", Field: fieldModel, Kind: jsonscan.String}})
	gradioTicket = jsonscan.MustCompile([]jsonscan.Path{
		{Path: "event_id", Field: fieldEventID, Kind: jsonscan.String},
		{Path: "error", Field: fieldError, Kind: jsonscan.Any},
		{Path: "detail", Field: fieldError, Kind: jsonscan.Any},
	})
)

func ifData(d *Dialect) func(asked) *Dialect {
	return func(a asked) *Dialect {
		if a.has(fieldData) {
			return d
		}
		return nil
	}
}

// MaxGradioID is the longest event id or session hash, in bytes, by which
// requests and streams of Gradio are paired.
const MaxGradioID = 64

// ticket is what pairs a queued request with the stream of its output.
type ticket struct {
	session, event [MaxGradioID]byte
	ns, ne         int
}

func put(dst *[MaxGradioID]byte, v *jsonscan.Value) int {
	if v.Truncated || len(v.Str) > len(dst) {
		return 0
	}
	return copy(dst[:], v.Str)
}

// Ticket tells whether e is a request that a queue has taken, and returns the
// id of the event that it has become, nil if the answer did not say, and the
// session that will be told of it.
func (e *Exchange) Ticket() (event, session []byte, queued bool) {
	switch {
	case !e.dialect.Queued || e.rec.Status >= 400:
		return nil, nil, false
	case e.ticket == nil || e.ticket.ne == 0:
		return nil, nil, true
	}
	return e.ticket.event[:e.ticket.ne], e.ticket.session[:e.ticket.ns], true
}

// GradioStream says which stream of Gradio's queue a GET request asks for.
type GradioStream uint8

const (
	NoGradioStream GradioStream = iota
	// GradioSession streams all events of a session.
	GradioSession
	// GradioEvent streams one event.
	GradioEvent
	// GradioJoin both joins the queue and streams the event (4.0 to 4.8).
	GradioJoin
)

// GradioStreamOf returns the kind of a GET request to target, and the session
// or event it names.
func GradioStreamOf(target []byte) (kind GradioStream, id []byte) {
	path := Path(target)
	switch {
	case hasSuffix(path, "/queue/data"):
		return GradioSession, session(target)
	case hasSuffix(path, "/queue/join"):
		return GradioJoin, session(target)
	}
	i := bytes.LastIndexByte(path, '/')
	if i < 0 || i+1 == len(path) {
		return NoGradioStream, nil
	}
	if head := path[:i]; matches(head, "/call/*") || matches(head, "/call/v2/*") {
		return GradioEvent, path[i+1:]
	}
	return NoGradioStream, nil
}

// IsGradioData tells whether a POST request hands the input of a queued event
// over (4.0 to 4.8).
func IsGradioData(target []byte) bool { return hasSuffix(Path(target), "/queue/data") }

// session returns the value of the query parameter session_hash.
func session(target []byte) []byte {
	_, query, _ := bytes.Cut(target, []byte("?"))
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		if v, ok := bytes.CutPrefix(pair, []byte("session_hash=")); ok && len(v) <= MaxGradioID {
			return v
		}
	}
	return nil
}

// GradioQueue is the dialect of requests to Gradio's queue.
func GradioQueue() *Dialect { return gradioJoin }

// Fail ends e at time t with an error that came after its head.
func (e *Exchange) Fail(t int64) {
	e.failed = true
	e.ResponseEnd(t, false)
}

// Queue makes e, whose request was answered with a ticket, an exchange whose
// answer comes by a Feed.
func (e *Exchange) Queue() {
	e.dropScanner()
	e.doc.reset()
	e.ended = true
	e.rec.ResponseBytes, e.rec.End = 0, 0
	e.repeats.reading = cumulative
}
