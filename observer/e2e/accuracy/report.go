// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
)

// report prints the tables and returns where the sides disagree.
func report(out io.Writer, rows []row) (disagreements []string) {
	fmt.Fprint(out, "#### Times, ms\n\n",
		"| case | requests | TTFT client | modeltap | off at the socket | worst | off by the client's clock | worst ",
		"| duration client | modeltap | off at the socket | worst | off by the client's clock | worst |\n",
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		first, duration := r.clocks()
		fmt.Fprintf(out, "| %s | %d |%s%s\n", r.name, len(r.pairs), first, duration)
		disagreements = append(disagreements, r.disagreements()...)
	}
	fmt.Fprint(out, "\n#### Tokens\n\n",
		"| case | outcome | content events at the client | output stated to the client | modeltap | server's counter | input stated to the client | modeltap |\n",
		"|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		client, modeltap := r.counts()
		inputs := "– | –"
		if n, stated, seen := r.inputs(); n > 0 {
			inputs = fmt.Sprintf("%d | %d", stated, seen)
		}
		told := client.String()
		if r.rough > 0 {
			told = "–"
		}
		fmt.Fprintf(out, "| %s | %s | %d | %s | %s | %d | %s |\n", r.name, r.outcome, r.events(), told, modeltap, r.own.predicted, inputs)
	}
	fmt.Fprint(out, "\n#### Means by the server's own clock, ms\n\n",
		"| case | prompt | TTFT | TTFT by modeltap | duration | duration by modeltap |\n|---|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		fmt.Fprintf(out, "| %s | %s |%s\n", r.name, r.promptMS(), r.ownTimes())
	}
	return disagreements
}

// events counts the content events that the clients had: what counting events
// takes for tokens.
func (r row) events() (n int) {
	for _, p := range r.pairs {
		n += len(p.answer.Tokens)
	}
	return n
}

// ownTimes returns four cells: the means that the server has, and modeltap's.
func (r row) ownTimes() string {
	cells := " "
	first, duration := r.clocks()
	for _, c := range []struct {
		sum float64
		of  clock
	}{{r.own.first, first}, {r.own.duration, duration}} {
		if r.own.answers == 0 {
			cells += "– | "
		} else {
			cells += fmt.Sprintf("%.2f | ", c.sum/float64(r.own.answers)*1e3)
		}
		if len(c.of.modeltap) == 0 {
			cells += "– | "
		} else {
			cells += fmt.Sprintf("%.2f | ", mean(c.of.modeltap))
		}
	}
	return cells
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
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
