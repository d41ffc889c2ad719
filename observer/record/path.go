// SPDX-License-Identifier: Apache-2.0

package record

import (
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/llm"
)

// routeWords are the segments of paths that say what is asked of a server.
var routeWords = func() words {
	all := []string{
		callParent, "deployments", "versions", "queue", "join", "data", "gradio_api", "http:", "https:", "v1beta",
		// What is asked of servers beside what models do.
		"health", "healthz", "healthcheck", "health_generate", "live", "livez", "ready", "readyz", "ping", "metrics", "docs", "redoc",
		"openapi.json", "favicon.ico", "robots.txt", "manifest.json", "tokenize", "detokenize", "apply-template", "count_tokens",
		"input_tokens", "load", "info", "config", "version", "props", "slots", "server_info", "lora-adapters", "monitoring",
		"login_check", "startup-events", "reset", "cancel", "component_server", "app_id", "upload", "upload_progress", "tags", "ps",
		"show", "pull", "push", "create", "copy", "delete", "blobs", "heartbeat", "static", "assets", "svelte", "_next", "_app",
		"debug", ".well-known",
	}
	for _, r := range llm.Routes() {
		for _, s := range strings.Split(r, "/") {
			if s != "" && !strings.Contains(s, "*") {
				all = append(all, s)
			}
		}
	}
	return list(all...)
}()

// fileTypes are those of the files of web pages.
var fileTypes = list("css", "htm", "html", "ico", "jpeg", "jpg", "js", "map", "mjs", "png", "svg", "gif", "ttf", "webmanifest", "webp", "woff", "woff2")

// modelParents are the segments behind which a model, or a version of one, is
// named; behind callParent is the name of a function, and then an event's id.
var modelParents = []string{"models", "deployments", "versions"}

const callParent = "call"

// pathMask masks the path of a request target: segments of known routes and
// the names of models stay.
type pathMask struct {
	text  scrambler
	match matcher
	ok    bool // the segment so far may pass
	name  bool // it names a model
	calls int8 // segments since callParent, from 1; 0 without
	id    bool // it is the id of an event
	begun bool // it has a byte
	left  int16
}

func (p *pathMask) begin() { *p = pathMask{left: pathLimit, ok: true}; p.match.reset(routeWords) }

// next returns what replaces c.
func (p *pathMask) next(c byte) byte {
	if c == '/' {
		p.segment()
		return c
	}
	p.begun = true
	if p.left--; p.left < 0 {
		p.left, p.ok, p.name, p.id = 0, false, false, false
	}
	before := p.match
	known := p.match.next(c)
	switch {
	case p.name && plain(c), p.ok && known, p.id && hexadecimal(c):
		p.ok = p.ok && known
		return c
	}
	out := p.text.name(c)
	if p.ok {
		out = before.other(out)
	}
	p.ok, p.name, p.id = c == '.', false, false
	if p.ok {
		p.match.reset(fileTypes)
	}
	return out
}

// segment ends one.
func (p *pathMask) segment() {
	if !p.begun {
		return
	}
	word := ""
	if p.ok {
		word = p.match.word()
	}
	if word == callParent {
		p.calls = 1
	} else if p.calls > 0 && p.calls < 3 && word != "v2" {
		p.calls++
	}
	p.name, p.id = slices.Contains(modelParents, word), p.calls == 2
	p.ok, p.begun, p.text = true, false, scrambler{}
	p.match.reset(routeWords)
}
