// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bytes"
	"net/http"

	"github.com/modeltap/modeltap/exporter/web"
)

// policy lets the page load what this server has, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Register adds the page, its files and its API to mux.
func (l *Live) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", l.servePage)
	mux.HandleFunc("GET /web/{file}", serveFile)
	mux.HandleFunc("GET /api/v1/live", l.serveSnapshot)
	mux.HandleFunc("GET /api/v1/live/stream", l.serveStream)
}

func (l *Live) servePage(w http.ResponseWriter, r *http.Request) {
	l.fresh(r.Context())
	var page bytes.Buffer
	if err := web.Page().Execute(&page, l.view()); err != nil {
		l.opts.Logger.Error("the live page cannot be rendered; please report this", "err", err)
		http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = page.WriteTo(w)
}

func serveFile(w http.ResponseWriter, r *http.Request) {
	f, ok := web.File(r.PathValue("file"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Type", f.Type)
	w.Header().Set("Cache-Control", "no-cache") // ask each time: the next modeltap has others
	w.Header().Set("ETag", f.Tag)
	http.ServeContent(w, r, "", f.Time, bytes.NewReader(f.Text))
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
