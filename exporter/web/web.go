// SPDX-License-Identifier: Apache-2.0

// Package web holds the files of the live page: a template, modules of
// JavaScript, a style sheet and an icon. They are our own, need no build step
// and load nothing from elsewhere.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"path"
	"sync"
	"time"
)

//go:embed *.js *.css *.svg index.html
var files embed.FS

// Page returns the template of the page. Its data is a live.View.
var Page = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(files, "index.html"))
})

// Asset is a file as it is served.
type Asset struct {
	Text []byte
	Type string // media type
	Tag  string // entity tag
	Time time.Time
}

var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// File returns the file of a name, other than the template.
func File(name string) (Asset, bool) {
	kind, ok := types[path.Ext(name)]
	if !ok || path.Base(name) != name {
		return Asset{}, false
	}
	text, err := files.ReadFile(name)
	if err != nil {
		return Asset{}, false
	}
	sum := sha256.Sum256(text)
	return Asset{Text: text, Type: kind, Tag: `"` + hex.EncodeToString(sum[:8]) + `"`}, true
}
