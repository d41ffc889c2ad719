// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/prometheus/exporter-toolkit/web"
)

const (
	// DefaultListenAddress is where the daemon serves unless told otherwise.
	DefaultListenAddress = ":9478"
	// DefaultTelemetryPath is the path of the metrics.
	DefaultTelemetryPath = "/metrics"

	maxScrapes        = 40
	scrapeTimeout     = 30 * time.Second
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 5 * time.Second
)

// ServerOptions configures a Server. Exporter is required.
type ServerOptions struct {
	Exporter *Exporter
	// ListenAddresses are HOST:PORT pairs. Default DefaultListenAddress.
	ListenAddresses []string
	// SystemdSocket serves on the sockets that systemd passes
	// (sd_listen_fds(3)) instead of ListenAddresses.
	SystemdSocket bool
	// ConfigFile is the exporter-toolkit web configuration (TLS, basic
	// authentication); "" for plain HTTP.
	ConfigFile string
	// TelemetryPath is the path of the metrics. Default DefaultTelemetryPath.
	TelemetryPath string
	// Ready returns nil once capture is attached, else why it is not. nil
	// means always ready.
	Ready func() error
	// Reload serves POST /-/reload (--web.enable-lifecycle); nil forbids it.
	// It reports its result to Exporter.Reloaded itself.
	Reload func() error
	// Pprof serves /debug/pprof.
	Pprof bool
	// Live adds the live page at "/", and what belongs to it; nil serves a list
	// of links there.
	Live func(*http.ServeMux)
}

// Server serves the metrics and the rest of the HTTP interface.
type Server struct {
	opts      ServerOptions
	logger    *slog.Logger
	handler   http.Handler
	listeners []net.Listener
}

// NewServer checks o. Every error is one of configuration: nothing is bound yet.
func NewServer(o ServerOptions) (*Server, error) {
	if len(o.ListenAddresses) == 0 {
		o.ListenAddresses = []string{DefaultListenAddress}
	}
	if o.TelemetryPath == "" {
		o.TelemetryPath = DefaultTelemetryPath
	}
	for _, a := range o.ListenAddresses {
		if err := checkAddress(a); err != nil {
			return nil, err
		}
	}
	if err := checkTelemetryPath(o.TelemetryPath); err != nil {
		return nil, err
	}
	if err := web.Validate(o.ConfigFile); err != nil {
		return nil, fmt.Errorf("web configuration %s: %w: correct it or leave out --web.config.file", o.ConfigFile, err)
	}
	s := &Server{opts: o, logger: o.Exporter.opts.Logger}
	h, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.handler = h
	return s, nil
}

// Handler returns the HTTP interface without TLS and authentication.
func (s *Server) Handler() http.Handler { return s.handler }

// Listen binds every address. On an error none stays bound.
func (s *Server) Listen(ctx context.Context) error {
	if s.opts.SystemdSocket {
		return s.activated()
	}
	for _, a := range s.opts.ListenAddresses {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", a)
		if err != nil {
			for _, l := range s.listeners {
				_ = l.Close()
			}
			s.listeners = nil
			return explainListen(a, err)
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// activated takes over the sockets that systemd passed.
func (s *Server) activated() error {
	passed, err := activation.Listeners()
	if err != nil {
		return fmt.Errorf("--web.systemd-socket: %w", err)
	}
	for _, l := range passed {
		if l != nil { // no listening stream socket
			s.listeners = append(s.listeners, l)
		}
	}
	if len(s.listeners) == 0 {
		return errors.New("--web.systemd-socket: systemd passed no listening socket: start modeltap from a .socket unit with ListenStream=, or leave the flag out")
	}
	return nil
}

// Addrs returns what Listen has bound.
func (s *Server) Addrs() []net.Addr {
	out := make([]net.Addr, 0, len(s.listeners))
	for _, l := range s.listeners {
		out = append(out, l.Addr())
	}
	return out
}

// Serve answers requests until ctx ends, then lets those in progress finish for
// a few seconds and returns nil. It returns an error when it cannot go on.
// Listen comes first.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.listeners))
	servers := make([]*http.Server, 0, len(s.listeners))
	for _, l := range s.listeners {
		// One server for each listener: web.Serve wraps the handler of the
		// server it is given.
		server := &http.Server{
			Handler:           s.handler,
			ReadHeaderTimeout: readHeaderTimeout,
			IdleTimeout:       idleTimeout,
			ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		}
		servers = append(servers, server)
		flags := &web.FlagConfig{WebConfigFile: &s.opts.ConfigFile}
		go func() { failed <- web.Serve(l, server, flags, s.logger) }()
	}
	var err error
	ended := 0
	select {
	case <-ctx.Done():
	case err = <-failed:
		ended++
		err = fmt.Errorf("serve HTTP: %w", err)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for i, server := range servers {
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
		_ = s.listeners[i].Close()
	}
	for ; ended < len(servers); ended++ {
		if e := <-failed; err == nil && !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, net.ErrClosed) {
			err = fmt.Errorf("serve HTTP: %w", e)
		}
	}
	return err
}
