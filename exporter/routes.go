// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/promhttp/zstd" // offers zstd to scrapers
	"github.com/prometheus/exporter-toolkit/web"
)

func (s *Server) routes() (http.Handler, error) {
	e := s.opts.Exporter
	mux := http.NewServeMux()
	mux.Handle("GET "+s.opts.TelemetryPath, promhttp.HandlerFor(e.opts.Registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelError),
		// One collector that fails must not hide the others.
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            e.opts.Registry,
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "modeltap is healthy.")
	})
	mux.HandleFunc("GET /-/ready", s.ready)
	mux.HandleFunc("POST /-/reload", s.reload)
	mux.HandleFunc("GET /api/v1/servers", e.serveServers)
	mux.HandleFunc("GET /api/v1/requests", e.serveRequests)
	if s.opts.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	if s.opts.Live != nil {
		s.opts.Live(mux)
		return mux, nil
	}
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name:        "modeltap",
		Description: "What this host's model servers do, seen from the kernel",
		Version:     e.opts.Version,
		Profiling:   fmt.Sprint(s.opts.Pprof),
		Links: []web.LandingLinks{
			{Address: s.opts.TelemetryPath, Text: "Metrics"},
			{Address: "/api/v1/servers", Text: "Servers", Description: "observed model servers, JSON"},
			{Address: "/api/v1/requests", Text: "Requests", Description: "the last model requests, JSON"},
			{Address: "/-/healthy", Text: "Healthy"},
			{Address: "/-/ready", Text: "Ready"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make the landing page: %w", err)
	}
	mux.Handle("GET /{$}", landing)
	return mux, nil
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.opts.Ready != nil {
		if err := s.opts.Ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
	}
	plain(w, http.StatusOK, "modeltap is ready.")
}

func (s *Server) reload(w http.ResponseWriter, _ *http.Request) {
	if s.opts.Reload == nil {
		plain(w, http.StatusForbidden, "reload over HTTP is off: start modeltap with --web.enable-lifecycle, or send it SIGHUP")
		return
	}
	if err := s.opts.Reload(); err != nil {
		plain(w, http.StatusInternalServerError, "the old configuration stays: "+err.Error())
		return
	}
	plain(w, http.StatusOK, "configuration reloaded.")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

func checkTelemetryPath(path string) error {
	ok := regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`).MatchString(path)
	for _, taken := range []string{"/-/", "/api/", "/debug/", "/web/"} {
		ok = ok && !strings.HasPrefix(path+"/", taken)
	}
	for part := range strings.SplitSeq(path, "/") {
		ok = ok && part != "." && part != ".."
	}
	if !ok {
		return fmt.Errorf("--web.telemetry-path=%q: give a plain path such as %s, outside /-/, /api/, /debug/ and /web/",
			path, DefaultTelemetryPath)
	}
	return nil
}
