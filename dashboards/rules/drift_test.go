// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	chart  = root + "/deploy/kubernetes/chart"
	values = chart + "/values.yaml"
	page   = root + "/docs/alerts.md"
)

// What is made from the sources and parameters is as committed; -update writes it.
func TestNothingIsCopiedByHand(t *testing.T) {
	p := parameters(t)
	made := map[string]string{}
	for name, text := range render(t, p) {
		made[name] = text
	}
	sources, err := Sources(".")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range sources {
		made[filepath.Join(chart, "rules", name)] = text
	}
	made[values] = between(t, read(t, values), "    # parameters: written by make rules\n", "    # end of parameters\n", chartParameters(p))
	made[page] = between(t, read(t, page), "<!-- parameters: written by make rules -->\n", "<!-- end of parameters -->\n", parameterTable(p))
	made[page] = between(t, made[page], "<!-- alerts: written by make rules -->\n", "<!-- end of alerts -->\n", alertTable(t))
	for path, text := range made {
		old, err := os.ReadFile(path)
		switch {
		case err == nil && string(old) == text:
		case *update:
			write(t, text, path)
		default:
			t.Errorf("%s is not what make rules writes", path)
		}
	}
	for _, pattern := range []string{"*.rules.yml", filepath.Join(chart, "rules", "*")} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if made[path] == "" {
				t.Errorf("%s has no source: remove it", path)
			}
		}
	}
}

// between puts text between two lines.
func between(t *testing.T, whole, from, to, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(whole, from)
	_, after, found := strings.Cut(rest, to)
	if !ok || !found {
		t.Fatalf("no %q and %q", from, to)
	}
	return before + from + text + to + after
}

func chartParameters(p *Parameters) string {
	var out strings.Builder
	for _, v := range p.List {
		fmt.Fprintf(&out, "    %s: %q # %s\n", v.Name, v.Value, v.Comment)
	}
	return out.String()
}

func parameterTable(p *Parameters) string {
	var out strings.Builder
	section := ""
	for _, v := range p.List {
		if v.Section != section {
			section = v.Section
			fmt.Fprintf(&out, "\n**%s**\n\n| parameter | default | |\n|---|---|---|\n", section)
		}
		fmt.Fprintf(&out, "| `%s` | `%s` | %s |\n", v.Name, strings.ReplaceAll(v.Value, "|", "\\|"), v.Comment)
	}
	return out.String() + "\n"
}

func alertTable(t *testing.T) string {
	var out strings.Builder
	out.WriteString("| alert | severity | for | says |\n|---|---|---|---|\n")
	for _, name := range []string{"servers", "gpu", "modeltap"} {
		f, err := Parse([]byte(render(t, parameters(t))[name+".rules.yml"]))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				wait := r.For
				if wait == "" {
					wait = "at once"
				}
				fmt.Fprintf(&out, "| [%s](runbooks.md#%s) | %s | %s | %s |\n", r.Alert, strings.ToLower(r.Alert), r.Labels["severity"], wait, plain(r.Annotations["summary"]))
			}
		}
	}
	return out.String()
}

// plain writes a template as prose: names for labels, "…" for the number.
func plain(template string) string {
	var out strings.Builder
	for rest := template; ; {
		before, after, ok := strings.Cut(rest, "{{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		inside, tail, _ := strings.Cut(after, "}}")
		rest = tail
		if label, ok := strings.CutPrefix(strings.TrimSpace(inside), "$labels."); ok {
			out.WriteString("*" + label + "*")
		} else {
			out.WriteString("…")
		}
	}
}
