// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

var update = flag.Bool("update", false, "write the generated part of docs/configuration.md")

const (
	configurationDocument = "../../docs/configuration.md"
	generatedBegin        = "<!-- flags: written by make docs -->\n"
	generatedEnd          = "<!-- end of flags -->\n"
)

// flagTable renders the flags as a table: name, environment variable, default,
// help.
func flagTable(flags []*kingpin.FlagModel) string {
	var b strings.Builder
	b.WriteString("| flag | environment | default | |\n|---|---|---|---|\n")
	for _, f := range flags {
		name := "--" + f.Name
		switch {
		case f.IsBoolFlag():
			name = "--[no-]" + f.Name
		case f.PlaceHolder != "":
			name += "=" + f.PlaceHolder
		}
		def := strings.Join(f.Default, ", ")
		if def == "" && f.IsBoolFlag() {
			def = "false"
		}
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", name, envName(f.Name), def, strings.ReplaceAll(f.Help, "|", "\\|"))
	}
	return b.String()
}

func generatedFlags() string {
	app, _ := newApp()
	var b strings.Builder
	b.WriteString("### Flags of every command\n\n" + flagTable(visible(app.Model().FlagGroupModel)))
	for _, c := range app.Model().Commands {
		if c.Hidden {
			continue
		}
		fmt.Fprintf(&b, "\n### `modeltap %s`\n\n%s\n", c.FullCommand, c.Help)
		if flags := visible(c.FlagGroupModel); len(flags) > 0 {
			b.WriteString("\n" + flagTable(flags))
		}
	}
	return b.String()
}

// The flags in docs/configuration.md are those of the program.
func TestConfigurationDocument(t *testing.T) {
	text, err := os.ReadFile(configurationDocument)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), generatedBegin)
	got, after, ok2 := strings.Cut(rest, generatedEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines that enclose the generated part", configurationDocument)
	}
	want := generatedFlags()
	if *update {
		if err := os.WriteFile(configurationDocument, []byte(before+generatedBegin+want+generatedEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s does not show the flags of the program: run make docs", configurationDocument)
	}
}

// Every key that docs/configuration.md shows in its example is accepted.
func TestConfigurationExample(t *testing.T) {
	text, err := os.ReadFile(configurationDocument)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\n")
	example, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatalf("%s shows no YAML example", configurationDocument)
	}
	s := mustResolve(t, []string{"--config.file", writeFile(t, example)}, nil)
	if len(s.fileTargets) == 0 {
		t.Error("the example sets no target")
	}
}

// docs/metrics.md names every metric of the golden exposition.
func TestMetricsDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("../../exporter/testdata/metrics.prom")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for line := range strings.Lines(string(golden)) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			named++
			if !strings.Contains(string(doc), "`"+name+"`") {
				t.Errorf("docs/metrics.md does not name %s", name)
			}
		}
	}
	if named < 30 {
		t.Errorf("the golden exposition has %d metrics: the test looks at nothing", named)
	}
}

// Every test that a document calls as a witness exists.
func TestDocumentsNameTests(t *testing.T) {
	declared := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			declared[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1) {
			named++
			if !declared[m[1]] {
				t.Errorf("%s names %s, which does not exist", document, m[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("%d tests are named: the test does not see them any more", named)
	}
}

// Nobody should try in vain what this table advises.
func TestTroubleshootingIsReproduced(t *testing.T) {
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what you see") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if last := cells[len(cells)-1]; !regexp.MustCompile("`Test[A-Z]\\w+`").MatchString(last) {
			t.Errorf("no test reproduces: %s", line)
		}
	}
	if rows < 15 {
		t.Errorf("%d rows: the test does not see the tables any more", rows)
	}
}
