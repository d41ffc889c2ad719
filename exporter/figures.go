// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// figures are the per-request measurements of an exchange that may be shown:
// a field is negative where nothing was measured or where the exchange's end
// forbids it. Durations are in seconds.
//
//	ok                          everything that was seen
//	http_error, stream_error    duration, sizes; first chunk and token if seen
//	client_abort, server_abort  socket wait; first chunk and token if seen
//	incomplete                  nothing
type figures struct {
	duration, socketWait   float64
	firstChunk, firstToken float64
	perToken, rate         float64
	input, output          float64
	requestSize            float64
	responseSize           float64
}

func figuresOf(x *event.Exchange) figures {
	f := figures{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}
	if x.Outcome == event.Incomplete {
		return f
	}
	if x.Stream {
		f.firstChunk = between(x.Start, x.FirstChunk)
		f.firstToken = between(x.Start, x.FirstToken)
	}
	switch x.Outcome {
	case event.OK, event.HTTPError, event.StreamError:
		f.duration = between(x.Start, x.End)
		f.requestSize = float64(x.RequestBytes)
		f.responseSize = float64(x.ResponseBytes)
	}
	switch x.Outcome {
	case event.OK, event.ClientAbort, event.ServerAbort:
		if x.SocketWait >= 0 {
			f.socketWait = time.Duration(x.SocketWait).Seconds()
		}
	}
	if x.Outcome != event.OK {
		return f
	}
	if n := x.Tokens[event.Input]; n.Known {
		f.input = float64(n.N)
	}
	n := x.Tokens[event.Output]
	if !n.Known {
		return f
	}
	f.output = float64(n.N)
	steps := x.Steps()
	if decode := between(x.FirstToken, x.LastToken); x.Stream && steps > 0 && decode >= 0 {
		f.perToken = decode / steps
		if decode > 0 {
			f.rate = steps / decode
		}
	}
	return f
}

// between returns the seconds from a to b, -1 when either was not seen.
func between(a, b int64) float64 {
	if a == 0 || b == 0 || b < a {
		return -1
	}
	return time.Duration(b - a).Seconds()
}
