// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// results are what a guest has printed.
type results struct {
	image, kernel string
	done          bool
	values        map[string]string // by "who what"
	faults        []string          // whatever the kernel is
	notes         []string          // why something is "no"
}

// rows are the lines of the table, and the first kernel on which "yes" is a
// must; "" for none.
var rows = []struct{ title, key, since string }{
	{"capture IPv4, root", "root IPv4", "5.10"},
	{"capture IPv6, root", "root IPv6", "5.10"},
	{"discovery, IPv4", "discovery IPv4", "5.10"},
	{"discovery, IPv6", "discovery IPv6", "5.10"},
	{"as nobody with BPF, NET_ADMIN", "nobody+with+BPF+NET_ADMIN IPv4", "5.17"},
	{"as nobody with PERFMON too", "nobody+with+BPF+NET_ADMIN+PERFMON IPv4", "5.10"},
	{"refuses without capabilities, and says which", "nobody refused", "5.10"},
	{"refuses without NET_ADMIN, and says so", "nobody+with+BPF refused", "5.17"},
	{"bpf_loop (else the unrolled object)", "check bpf_loop", ""},
	{"network namespace cookie in the tap", "check netns_cookie", ""},
	{"BTF of the kernel", "check btf", ""},
	{"socket wait, root", "root waits", "5.11"},
	{"socket wait, nobody with PERFMON", "nobody+with+BPF+NET_ADMIN+PERFMON waits", "5.11"},
}

// parse reads the lines "RESULT who what value" of a guest.
func parse(out string) results {
	r := results{values: map[string]string{}}
	for line := range strings.Lines(out) {
		_, text, ok := strings.Cut(line, "RESULT ")
		if !ok {
			continue
		}
		f := strings.Fields(text)
		switch {
		case len(f) == 1 && f[0] == "done":
			r.done = true
		case len(f) == 2 && f[0] == "kernel":
			r.kernel = f[1]
		case len(f) > 1 && f[0] == "error":
			r.faults = append(r.faults, strings.TrimSpace(text))
		case len(f) > 2 && (f[1] == "error" || f[1] == "said"):
			r.notes = append(r.notes, strings.TrimSpace(text))
		case len(f) == 3:
			r.values[f[0]+" "+f[1]] = f[2]
		}
	}
	return r
}

// value is a cell: numbers of waits become yes or no.
func (r *results) value(key string) string {
	v, known := r.values[key]
	if n, err := strconv.Atoi(v); err == nil {
		v = "no"
		if n > 0 {
			v = "yes"
		}
	}
	if !known {
		return "?"
	}
	return v
}

func (r *results) failures() []string {
	all := r.faults
	for _, row := range rows {
		if v := r.value(row.key); row.since != "" && compareVersions(r.kernel, row.since) >= 0 && v != "yes" {
			all = append(all, row.title+": "+v)
		}
	}
	return all
}

func table(all []results) string {
	var b strings.Builder
	b.WriteString("| |")
	for i := range all {
		name := all[i].kernel
		if name == "" {
			name = all[i].image
		}
		b.WriteString(" " + name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(all)) + "\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |", row.title)
		for i := range all {
			b.WriteString(" " + all[i].value(row.key) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// compareVersions orders 5.10 before 6.1.
func compareVersions(a, b string) int {
	x, y := numbers(a), numbers(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] - y[i]
		}
	}
	return len(x) - len(y)
}

func numbers(version string) (all []int) {
	for _, f := range strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' }) {
		n, _ := strconv.Atoi(f)
		all = append(all, n)
	}
	return all
}
