// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxSeries bounds the series kept of a scrape, histograms counted once each.
// The largest daemon has about 15,000.
const maxSeries = 20_000

// ErrNotModeltap says that an answer holds no metric of a modeltap.
var ErrNotModeltap = errors.New("the answer holds no metric of a modeltap")

// Scrape is what one answer to GET /metrics said at a time.
type Scrape struct {
	At       time.Time
	families map[string]map[string]series // by name, then by labels
	// Cut says that the answer had more series than are kept.
	Cut bool
}

// Labels are names and clean values.
type Labels map[string]string

type series struct {
	labels Labels
	value  float64
	hist   Histogram // for histograms alone
}

// Read reads the text format from r as of a time.
func Read(r io.Reader, at time.Time) (*Scrape, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	lines := &filter{from: newLines(r)}
	parsed, err := parser.TextToMetricFamilies(lines)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	s := &Scrape{At: at, families: map[string]map[string]series{}, Cut: lines.cut}
	kept := 0
	for name, family := range parsed {
		of := map[string]series{}
		for _, m := range family.Metric {
			if kept >= maxSeries {
				s.Cut = true
				break
			}
			kept++
			of[signature(m.Label)] = seriesOf(m)
		}
		s.families[name] = of
	}
	if kept == 0 {
		return nil, ErrNotModeltap
	}
	return s, nil
}

func seriesOf(m *dto.Metric) series {
	s := series{labels: Labels{}}
	for _, l := range m.Label {
		s.labels[l.GetName()] = Clean(l.GetValue())
	}
	switch {
	case m.Counter != nil:
		s.value = m.Counter.GetValue()
	case m.Gauge != nil:
		s.value = m.Gauge.GetValue()
	case m.Untyped != nil:
		s.value = m.Untyped.GetValue()
	case m.Histogram != nil:
		s.hist = histogramOf(m.Histogram)
	}
	return s
}

func histogramOf(h *dto.Histogram) Histogram {
	buckets := slices.Clone(h.Bucket)
	slices.SortFunc(buckets, func(a, b *dto.Bucket) int {
		switch {
		case a.GetUpperBound() < b.GetUpperBound():
			return -1
		case a.GetUpperBound() > b.GetUpperBound():
			return 1
		}
		return 0
	})
	out := Histogram{Sum: h.GetSampleSum()}
	all := float64(h.GetSampleCount())
	for _, b := range buckets {
		if b.GetUpperBound() > maxBound {
			all = max(all, float64(b.GetCumulativeCount()))
			continue
		}
		out.Bounds = append(out.Bounds, b.GetUpperBound())
		out.Counts = append(out.Counts, float64(b.GetCumulativeCount()))
	}
	out.Counts = append(out.Counts, all)
	return out
}

// maxBound tells finite bounds from +Inf.
const maxBound = 1e300

// signature is the same for the same labels in any order.
func signature(labels []*dto.LabelPair) string {
	pairs := make([]string, len(labels))
	for i, l := range labels {
		pairs[i] = l.GetName() + "\xff" + l.GetValue()
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "\xfe")
}
