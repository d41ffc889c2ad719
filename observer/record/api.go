// SPDX-License-Identifier: Apache-2.0

package record

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
)

// unknown is what is kept of the documents of an API that nobody published.
func (c *conn) unknown() about {
	t := c.trees.answer(llm.Generic())
	return about{tree: t, other: t}
}

// ask notes a request and returns what is known of its body.
func (c *conn) ask(m *http1.Head) about {
	switch {
	case c.hole && !c.missed && !c.orphan:
		c.ahead = true // what was lost may be a request that is not answered yet
	case len(c.owed) == 0:
	case !c.ahead && (c.missed || c.half[event.Response].unseen()):
		c.owed = c.owed[:0] // answered, unseen
		c.lost = true
	default:
		c.ahead = true
	}
	c.missed, c.hole, c.orphan = false, false, false
	a := asked{dialect: llm.DialectOf(m.Method, m.Target), head: string(m.Method) == "HEAD"}
	if string(m.Method) == "GET" {
		kind, _ := llm.GradioStreamOf(m.Target)
		a.feed = kind != llm.NoGradioStream
	}
	if a.dialect == nil {
		a.dialect = llm.Generic()
	}
	if len(c.owed) < owedLimit {
		c.owed = append(c.owed, a)
	} else {
		c.lost = true
	}
	return about{tree: c.trees.request(a.dialect), known: a.dialect.Known(), other: c.trees.request(llm.Generic())}
}

// answer returns what was asked of the answer that begins, and what is known
// of its body.
func (c *conn) answer(status int) (asked, about) {
	if c.half[event.Request].unseen() {
		c.owed, c.lost = c.owed[:0], true // a request was lost
	}
	if len(c.owed) == 0 {
		c.orphan = true
		return asked{}, c.unknown()
	}
	of, alone := c.owed[0], len(c.owed) == 1
	c.owed = append(c.owed[:0], c.owed[1:]...)
	a := c.unknown()
	switch {
	case c.ahead && c.lost:
	case of.feed:
		a.tree = c.trees.feed
	default:
		d := of.dialect
		if alone { // the last request seen is that
			d = d.Chosen(c.half[event.Request].body.json.asked)
		}
		a.tree, a.known = c.trees.answer(d), d.Known()
		if status < 400 {
			a.foreign = d.Foreign
		}
	}
	return of, a
}
