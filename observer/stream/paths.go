// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/servers"
)

// Route is what a request target says about its request.
type Route uint8

const (
	// Unlisted is a route that no rule names: one of an API that package llm
	// knows, or on an explicit target a model request when it is a POST or
	// streams its answer.
	Unlisted Route = iota
	// Ignored is never a model request: health, metrics, static files,
	// documentation, model administration.
	Ignored
	// Chosen is a model route because the user said so.
	Chosen
)

var methodPost = []byte("POST")

// RouteOf classifies a request target (RFC 9112 section 3.2) in origin or
// absolute form, by the user's rules and then by the built-in ones. It does not
// allocate with the built-in rules.
func RouteOf(rules *servers.Rules, target []byte) Route {
	path := llm.Path(target)
	for _, re := range rules.Ignore {
		if re.Match(path) {
			return Ignored
		}
	}
	for _, re := range rules.Model {
		if re.Match(path) {
			return Chosen
		}
	}
	// An API may be mounted below "/static" or "/docs".
	if ignored(bytes.TrimRight(path, "/")) && llm.DialectOf(methodPost, path) == nil {
		return Ignored
	}
	return Unlisted
}

// cutLast splits off the last segment.
func cutLast(path []byte) (before, last []byte) {
	i := bytes.LastIndexByte(path, '/')
	if i < 0 {
		return nil, path
	}
	return path[:i], path[i+1:]
}

// version says whether seg is "v1", "v2", "v1beta"...
func version(seg []byte) bool {
	return len(seg) >= 2 && len(seg) <= 8 && seg[0] == 'v' && seg[1] >= '0' && seg[1] <= '9'
}

// ignored holds the routes that are no model request on any server.
func ignored(path []byte) bool {
	before, last := cutLast(path)
	above, parent := cutLast(before)
	switch string(last) {
	case "live", "ready":
		return len(before) == 0 || string(parent) == "health" || bytes.Contains(before, []byte("/models/"))
	case "health", "healthz", "healthcheck", "health_generate", "livez", "readyz", "ping", "metrics",
		"docs", "redoc", "openapi.json", "favicon.ico", "robots.txt", "manifest.json",
		"tokenize", "detokenize", "apply-template", "count_tokens", "input_tokens":
		return true
	case "models":
		return version(parent) || len(before) == 0
	case "load", "info", "config", "version", "props", "slots", "server_info", "lora-adapters",
		"monitoring", "login_check", "startup-events", "reset", "cancel", "component_server", "app_id", "upload", "upload_progress":
		return len(before) == 0 || string(parent) == "gradio_api" || string(path) == "/api/version"
	case "tags", "ps", "show", "pull", "push", "create", "copy", "delete":
		return string(parent) == "api"
	}
	if string(parent) == "models" { // /v1/models/NAME, but not KServe's /v1/models/NAME:predict
		_, v := cutLast(above)
		return version(v) && !bytes.HasSuffix(last, []byte(":predict")) && !bytes.HasSuffix(last, []byte(":explain"))
	}
	return ignoredTree(path) || static(last)
}

// ignoredTree holds whole trees: static files, documentation, Ray Serve's and
// Prometheus' own routes, Gradio's and Ollama's file transfer.
func ignoredTree(path []byte) bool {
	if bytes.HasPrefix(path, []byte("/api/blobs/")) || bytes.HasPrefix(path, []byte("/get_")) {
		return true
	}
	path = bytes.TrimPrefix(path, []byte("/gradio_api"))
	if bytes.HasPrefix(path, []byte("/file=")) || bytes.HasPrefix(path, []byte("/upload_progress")) {
		return true
	}
	first, _, deeper := bytes.Cut(bytes.TrimPrefix(path, []byte("/")), []byte("/"))
	if !deeper {
		return false
	}
	switch string(first) {
	case "static", "assets", "svelte", "_next", "_app", "-", "docs", "debug", ".well-known", "heartbeat":
		return true
	}
	return false
}

func static(last []byte) bool {
	i := bytes.LastIndexByte(last, '.')
	if i < 0 {
		return false
	}
	switch string(last[i+1:]) {
	case "js", "mjs", "css", "map", "html", "htm", "ico", "png", "jpg", "jpeg", "gif", "svg", "webp",
		"woff", "woff2", "ttf", "webmanifest":
		return true
	}
	return false
}
