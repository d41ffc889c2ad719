// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

// Request is one ended request; nil where unknown.
type Request struct {
	Started      *time.Time `json:"started"`
	Server       string     `json:"server"`
	API          string     `json:"api"`
	Model        string     `json:"model"`
	Code         *int       `json:"code"`
	Stream       bool       `json:"stream"`
	Outcome      string     `json:"outcome"`
	SocketWait   *float64   `json:"socket_wait_seconds"`
	TTFT         *float64   `json:"ttft_seconds"`
	Duration     *float64   `json:"duration_seconds"`
	InputTokens  *int64     `json:"input_tokens"`
	OutputTokens *int64     `json:"output_tokens"`
	TokenSource  *string    `json:"token_source"`
	RequestSize  int64      `json:"request_bytes"`
	ResponseSize int64      `json:"response_bytes"`
	Finish       *string    `json:"finish_reason"`
	TraceID      *string    `json:"trace_id"`
	Backpressure bool       `json:"backpressure"`
	RTT          *float64   `json:"rtt_seconds"`
}

// Requests reads the last requests, newest first. Where the daemon does not
// tell them, the list is empty and there is no error.
func (c *Client) Requests(ctx context.Context) ([]Request, error) {
	for ; c.list < len(c.at.requests); c.list++ {
		body, err := c.get(ctx, c.at.requests[c.list], "application/json")
		if status := statusError(0); errors.As(err, &status) && status == http.StatusNotFound {
			continue
		} else if err != nil {
			return nil, c.explain(err)
		}
		defer body.Close()
		return decode(body)
	}
	return nil, nil
}

var errNotRequests = errors.New("the list of requests cannot be read: use the modeltap of the daemon's own version")

// decode reads elements one by one, so that what is not shown is not held.
func decode(body io.Reader) ([]Request, error) {
	from := json.NewDecoder(&limit{from: body, left: maxList})
	if t, err := from.Token(); err != nil || t != json.Delim('[') {
		return nil, errNotRequests
	}
	var list []Request
	for from.More() && len(list) < maxRequests {
		var r Request
		if err := from.Decode(&r); err != nil {
			return nil, errNotRequests
		}
		for _, text := range []*string{&r.Server, &r.API, &r.Model, &r.Outcome, r.TokenSource, r.Finish, r.TraceID} {
			if text != nil {
				*text = figures.Clean(*text)
			}
		}
		list = append(list, r)
	}
	return list, nil
}
