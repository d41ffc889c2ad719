// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// report prints the tables and returns where the two sides disagree.
func report(out io.Writer, rows []row, c crossed, l library) (disagreements []string) {
	fmt.Fprint(out, "### Times, ms\n\n",
		"| case | requests | TTFT client | modeltap | off at the socket | worst | off by the client's clock | worst ",
		"| duration client | modeltap | off at the socket | worst | off by the client's clock | worst |\n",
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		first, duration := r.clocks()
		fmt.Fprintf(out, "| %s | %d |%s%s\n", r.name, len(r.pairs), first, duration)
		disagreements = append(disagreements, r.disagreements()...)
	}
	fmt.Fprint(out, "\n### Tokens\n\n",
		"| case | outcome | output stated to the client | modeltap | llama-server's counter | input stated to the client | modeltap | prompt time by llama-server, ms |\n",
		"|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		client, modeltap := r.counts()
		inputs := "– | –"
		if n, stated, seen := r.inputs(); n > 0 {
			inputs = fmt.Sprintf("%d | %d", stated, seen)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %d | %s | %s |\n", r.name, r.outcome, client, modeltap, r.own.predicted, inputs, r.promptMS())
	}
	fmt.Fprintf(out, "\n%s\n\n%s\n", c, l)
	return slices.Concat(disagreements, c.disagreements(), l.wrong)
}

// String returns six cells of the table.
func (c clock) String() string {
	if len(c.client) == 0 {
		return " – | – | – | – | – | – |"
	}
	return fmt.Sprintf(" %.2f | %.2f | %+.3f | %.3f | %+.3f | %.3f |", median(c.client), median(c.modeltap),
		zero(median(c.socket)), worst(c.socket), zero(median(c.user)), worst(c.user))
}

// zero spares the table its negative zeros.
func zero(ms float64) float64 {
	if math.Abs(ms) < 0.0005 {
		return 0
	}
	return ms
}

func (r row) promptMS() string {
	var v []float64
	for _, p := range r.pairs {
		if p.stated.promptMS > 0 {
			v = append(v, p.stated.promptMS)
		}
	}
	if len(v) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", median(v))
}
