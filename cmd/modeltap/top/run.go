// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// Config says what to show and how.
type Config struct {
	Address  client.Address
	Interval time.Duration // between looks at the daemon
	Once     bool          // one table instead of a screen
	JSON     bool          // the same as data
	ASCII    bool
	Terminal bool     // Stdout is one
	Environ  []string // as of os.Environ
	Stdin    io.Reader
	Stdout   io.Writer
	Version  string
}

// Run shows the daemon until the user quits or ctx ends, or once. A daemon that
// does not answer is an error only of the latter.
func Run(ctx context.Context, c Config) error {
	glyphs := paint.Unicode()
	if c.ASCII || !paint.UTF8(c.Environ) {
		glyphs = paint.ASCII()
	}
	fetch := fetchFrom(client.New(c.Address, "modeltap/"+c.Version))
	// A dumb terminal cannot place a cursor.
	if c.Once || c.JSON || !c.Terminal || env(c.Environ, "TERM") == "dumb" {
		f, last, err := twice(ctx, fetch, c.Interval)
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		if c.JSON {
			return writeJSON(c.Stdout, f, last.requests)
		}
		return writeTable(c.Stdout, glyphs, f)
	}
	m := newModel(ctx, fetch, c.Address.String(), c.Interval, glyphs)
	// Colours are the terminal's own 16 at most, so that nothing needs to be
	// asked of it.
	colours := colorprofile.ANSI
	if env(c.Environ, "NO_COLOR") != "" {
		colours = colorprofile.ASCII
	}
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(c.Stdin), tea.WithOutput(c.Stdout),
		tea.WithEnvironment(c.Environ), tea.WithColorProfile(colours), tea.WithoutSignalHandler(), tea.WithFPS(30)).Run()
	if err != nil && ctx.Err() != nil { // ended by a signal
		return nil
	}
	if err != nil {
		return fmt.Errorf("the terminal cannot be used: %w: --once prints a table", err)
	}
	return nil
}

func newModel(ctx context.Context, fetch fetcher, address string, interval time.Duration, glyphs paint.Glyphs) model {
	return model{ctx: ctx, fetch: fetch, address: address, interval: interval, glyphs: glyphs, styles: newStyles(), now: time.Now(), busy: true}
}

// fetchFrom looks at a daemon. A list of requests that cannot be had is none:
// the metrics are what counts.
func fetchFrom(c *client.Client) fetcher {
	return func(ctx context.Context) (sample, error) {
		s, err := c.Scrape(ctx)
		if err != nil {
			return sample{}, err
		}
		requests, err := c.Requests(ctx)
		if errors.Is(err, context.Canceled) {
			return sample{}, err
		}
		return sample{scrape: s, requests: requests}, nil
	}
}

func env(environ []string, name string) (value string) {
	for _, line := range environ {
		if k, v, _ := strings.Cut(line, "="); k == name {
			value = v
		}
	}
	return value
}
