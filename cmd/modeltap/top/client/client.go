// SPDX-License-Identifier: Apache-2.0

// Package client reads the metrics and the last requests of a running modeltap.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

const (
	// Timeout bounds each exchange with the daemon.
	Timeout = 10 * time.Second
	// maxBody bounds the answer with the metrics, decompressed. The largest
	// daemon has some 20 MiB.
	maxBody = 64 << 20
	// maxList bounds the list of requests.
	maxList = 4 << 20
	// maxRequests is how many requests are asked for.
	maxRequests = 200
)

// Client reads from one address. It may be used by one goroutine at a time.
type Client struct {
	at    Address
	http  *http.Client
	agent string
	// list is which of at.requests answers; none does where it is beyond them.
	list int
}

// New returns a client; agent is the program's name and version.
func New(at Address, agent string) *Client {
	return &Client{at: at, agent: agent, http: &http.Client{Timeout: Timeout}}
}

// Scrape reads the metrics. An error says what to do.
func (c *Client) Scrape(ctx context.Context) (*figures.Scrape, error) {
	body, err := c.get(ctx, c.at.metrics, "text/plain; version=0.0.4; charset=utf-8")
	if err != nil {
		return nil, c.explain(err)
	}
	defer body.Close()
	// The metrics are as of the scrape, which is when the headers come.
	at := time.Now()
	limited := &limit{from: body, left: maxBody}
	s, err := figures.Read(limited, at)
	switch {
	case limited.beyond:
		return nil, c.explain(errTooLarge)
	case err != nil:
		return nil, c.explain(err)
	}
	return s, nil
}

// statusError is an answer other than 200.
type statusError int

func (s statusError) Error() string {
	return fmt.Sprintf("it answered %d %s", int(s), http.StatusText(int(s)))
}

func (c *Client) get(ctx context.Context, u url.URL, accept string) (io.ReadCloser, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept", accept)
	q.Header.Set("User-Agent", c.agent)
	a, err := c.http.Do(q)
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusOK {
		a.Body.Close()
		return nil, statusError(a.StatusCode)
	}
	return a.Body, nil
}

// limit ends with an error beyond its bytes.
type limit struct {
	from   io.Reader
	left   int
	beyond bool
}

var errTooLarge = errors.New("the answer is too large")

func (l *limit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		l.beyond = true
		return 0, errTooLarge
	}
	if len(p) > l.left {
		p = p[:l.left]
	}
	n, err := l.from.Read(p)
	l.left -= n
	return n, err
}
