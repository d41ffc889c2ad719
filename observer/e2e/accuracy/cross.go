// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// crossing is a case of its own: llama-server closes the connection after a
// stream without having said so, and a pooled client's next request crosses
// that close. Nobody answers it and the client asks again elsewhere. The
// server has failed no request.
const crossing = "second request on a connection that the server closes"

// crossed is what became of the second requests.
type crossed struct {
	n, unanswered int
	// What modeltap made of the unanswered ones it saw.
	aborted, other float64
}

func (b *bench) cross(n int) (c crossed, err error) {
	before, err := b.modeltap.Scrape()
	if err != nil {
		return c, err
	}
	call := func(i int) rig.Call {
		return post("/v1/chat/completions", messages(i, object{"stream": true, "max_tokens": 2}))
	}
	for i := range n {
		answered, err := b.twice(call(i))
		if err != nil {
			return c, err
		}
		c.n++
		b.asked++
		if !answered {
			c.unanswered++
			if _, err := b.ask(call(i), &stated{}); err != nil {
				return c, err
			}
		}
		b.asked++
	}
	if err := b.settle(); err != nil {
		return c, err
	}
	after, err := b.modeltap.Scrape()
	if err != nil {
		return c, err
	}
	added := func(name string, labels ...string) float64 {
		return after.Value(name, labels...) - before.Value(name, labels...)
	}
	c.aborted = added("model_requests_total", "outcome", "server_abort")
	c.other = added("modeltap_other_requests_total", "code", "none")
	return c, nil
}

// twice sends call twice over one connection and tells whether the second was
// answered. The first has to be.
func (b *bench) twice(call rig.Call) (answered bool, err error) {
	conn, err := rig.Dial(b.server.Port)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := conn.Do(call); err != nil {
		return false, err
	}
	a, err := conn.Do(call)
	return err == nil && a.Status == 200, nil
}

func (c crossed) String() string {
	return fmt.Sprintf("%s%s: %d sent, %d not answered and sent again; modeltap counted %v of them as server_abort, %v as no model request.",
		strings.ToUpper(crossing[:1]), crossing[1:], c.n, c.unanswered, c.aborted, c.other)
}

func (c crossed) disagreements() []string {
	if c.aborted == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%v requests that crossed the server's close count as server_abort", c.aborted)}
}
