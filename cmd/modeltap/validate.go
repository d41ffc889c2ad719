// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/modeltap/modeltap/exporter/otlp"
	"github.com/modeltap/modeltap/observer"
)

// minRing holds two of the largest records of the capture program, and is the
// least that leaves room for a burst.
const minRing = 256 << 10

// Bounds of the time between two looks of top: each costs the daemon a scrape.
const (
	minLook = 200 * time.Millisecond
	maxLook = time.Hour
)

// validate checks what the types of the flags cannot express.
func (s *settings) validate() error {
	for _, c := range []struct {
		flag string
		n    int
	}{{"max-servers", s.maxServers}, {"max-models", s.maxModels}, {"max-connections", s.maxConnections}} {
		if c.n < 1 {
			return usagef("%s is %d: it must be at least 1", c.flag, c.n)
		}
	}
	for _, c := range []struct {
		flag string
		d    time.Duration
	}{{"stall-after", s.stallAfter}, {"series-ttl", s.seriesTTL}} {
		if c.d <= 0 {
			return usagef("%s is %v: it must be above 0", c.flag, c.d)
		}
	}
	if n := int64(s.ringSize); n < minRing || n > 1<<30 || n&(n-1) != 0 {
		return usagef("capture.ring-size is %v: it must be a power of two from 256KiB to 1GiB", s.ringSize)
	}
	if s.maxRequestBytes < 0 || s.maxRequestBytes > 1<<31-1 {
		return usagef("capture.max-request-bytes is %v: it must be below 2GiB and not negative", s.maxRequestBytes)
	}
	if s.discoveryCgroup != "" && s.capture == observer.CapturePacket {
		return usagef("discovery.cgroup needs capture by cgroup, since packets do not tell theirs: leave out capture=packet, or discovery.cgroup")
	}
	if s.maxBuffer < 1<<20 {
		return usagef("max-buffer is %v: it must be at least 1MiB", s.maxBuffer)
	}
	if s.record.duration < 0 || s.demo.duration < 0 {
		return usagef("duration must not be negative: 0 runs until stopped")
	}
	if s.command == cmdTop && (s.top.interval < minLook || s.top.interval > maxLook) {
		return usagef("interval is %v: it must be from %v to %v", s.top.interval, minLook, maxLook)
	}
	if s.otlp != "" {
		if _, err := otlp.ParseEndpoint(s.otlp); err != nil {
			return usagef("otlp.endpoint: %v", err)
		}
	}
	if _, err := tokenizerFiles(s.tokenizers); err != nil {
		return err
	}
	_, err := s.rules()
	return err
}

// compilePaths compiles the path rules of one flag.
func compilePaths(where string, patterns []string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %q: %w: write a Go regular expression such as ^/v1/", where, p, err)}
		}
		all = append(all, re)
	}
	return all, nil
}
