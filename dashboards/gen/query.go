// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// query is one expression of a panel and the name of its series.
type query struct {
	expr, legend string
	exemplars    bool
}

// short are abbreviations in the expressions of this program.
var short = strings.NewReplacer(
	"{$S", `{job=~"$job",instance=~"$instance",server=~"$server",model=~"$model"`,
	"{$V", `{job=~"$job",instance=~"$instance",server=~"$server"`,
	"{$G", `{job=~"$job",instance=~"$instance",gpu=~"$gpu"`,
	"{$J", `{job=~"$job",instance=~"$instance"`,
	"[$R]", "[$__rate_interval]",
	"$FAILED", `outcome=~"http_error|stream_error|server_abort"`,
	"$SEEN", `outcome!="incomplete"`,
)

func q(expr, legend string) query { return query{expr: short.Replace(expr), legend: legend} }

// quantile is the expression for a quantile of a histogram. by may be empty.
func quantile(of float64, histogram, matchers, by string) string {
	if by != "" {
		by = ", " + by
	}
	return fmt.Sprintf("histogram_quantile(%v, sum by (le%s) (rate(%s_bucket{%s}[$R])))", of, by, histogram, matchers)
}

// traced is a query whose exemplars lead to traces.
func (q query) traced() query {
	q.exemplars = true
	return q
}

var (
	named    = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{|\[)`)
	bare     = regexp.MustCompile(`^[a-z_]+$`)
	inBucket = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// metrics names what the queries read, as docs/metrics.md calls it.
func metrics(queries []query) string {
	var all []string
	add := func(name string) {
		name = "`" + inBucket.ReplaceAllString(name, "") + "`"
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, q := range queries {
		if bare.MatchString(q.expr) {
			add(q.expr)
		}
		for _, m := range named.FindAllStringSubmatch(q.expr, -1) {
			add(m[1])
		}
		if inner, ok := strings.CutPrefix(q.expr, "avg("); ok {
			if inner = strings.TrimSuffix(inner, ")"); bare.MatchString(inner) {
				add(inner)
			}
		}
	}
	return strings.Join(all, ", ")
}
