// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"io"
	"log/slog"
	"regexp"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tokens"
)

// The values of Config.Capture; see CaptureModes.
const (
	CaptureAuto   = "auto"
	CaptureCgroup = "cgroup"
	CapturePacket = "packet"
)

// Defaults of Config.
const (
	DefaultRingSize        = 8 << 20
	DefaultMaxRequestBytes = 256 << 10
	DefaultMaxServers      = 256
	DefaultMaxModels       = 64
	DefaultMaxConnections  = 65536
	DefaultMaxBuffer       = 128 << 20
	DefaultStallAfter      = 10 * time.Second
	DefaultSeriesTTL       = 10 * time.Minute
)

// idleAfter is how long a connection may be silent before it is forgotten. It
// is a fallback: closes are seen. A model may think for long before its first
// token, and keep-alive connections may rest for long between requests.
const idleAfter = time.Hour

// Config says what to observe and within which limits. Zero values of the
// limits mean the defaults.
type Config struct {
	Targets                 []servers.Spec // none: discovery
	ModelPaths, IgnorePaths []*regexp.Regexp

	Capture         string // CaptureAuto, CaptureCgroup or CapturePacket
	CgroupRoot      string // "" searches
	DiscoveryCgroup string // of whose sockets alone may be servers, see cgroupfs.Root.Subtree; "" is all
	Interface       string // packet capture: "" is every interface
	RingSize        int    // bytes, a power of two of at least a page
	MaxRequestBytes int    // of one request before only its headers are captured
	SocketWait      bool   // measure it where the kernel lets us
	CRISocket       string // of the container runtime to ask for names; "" asks none

	MaxServers, MaxModels, MaxConnections int
	MaxBuffer                             int64
	StallAfter, SeriesTTL                 time.Duration
	NativeHistograms                      bool

	// Tokenizers count the answers of models whose servers state no tokens, by
	// the name of the model; see the names in package tokens for the others.
	Tokenizers map[string]tokens.Tokenizer

	// Tee, if set, is called with every window of segments before it is
	// measured, by the goroutine of the source; what it is given is valid until
	// it returns. It is how a recording is made.
	Tee func(batch []event.Segment)

	// Open opens a capture file for Replay; nil is os.Open.
	Open func(name string) (io.ReadCloser, error)

	Logger *slog.Logger // nil discards
}

func (c *Config) defaults() error {
	if c.Capture == "" {
		c.Capture = CaptureAuto
	}
	if _, err := c.modes(); err != nil {
		return err
	}
	orInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orInt(&c.RingSize, DefaultRingSize)
	orInt(&c.MaxRequestBytes, DefaultMaxRequestBytes)
	orInt(&c.MaxServers, DefaultMaxServers)
	orInt(&c.MaxModels, DefaultMaxModels)
	orInt(&c.MaxConnections, DefaultMaxConnections)
	if c.MaxBuffer <= 0 {
		c.MaxBuffer = DefaultMaxBuffer
	}
	if c.StallAfter <= 0 {
		c.StallAfter = DefaultStallAfter
	}
	if c.SeriesTTL <= 0 {
		c.SeriesTTL = DefaultSeriesTTL
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
