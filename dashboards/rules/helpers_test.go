// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

var update = flag.Bool("update", false, "write what is made from the sources and parameters")

const root = "../.."

// fetched unpacks Debian's programs once.
var fetched = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs(filepath.Join(root, ".cache/monitoring"))
	if err != nil {
		return "", err
	}
	out, err := exec.Command("bash", "../fetch.sh", dir, "prometheus", "prometheus-alertmanager", "victoria-metrics").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return filepath.Join(dir, "usr/bin"), nil
})

// What starts servers runs in a sandbox; what they are is fetched before.
func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Plan{Apart: "^TestFromPacketToWebhook$", Prepare: func() error {
		dir, err := fetched()
		if err != nil {
			return fmt.Errorf("dashboards/fetch.sh: %w\n%s", err, dir)
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(sandbox.Shared(), "modeltap"), "./cmd/modeltap")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
		return nil
	}}))
}

// program returns the path of one of Debian's programs.
func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := fetched()
	if err != nil {
		t.Fatalf("dashboards/fetch.sh: %v\n%s", err, dir)
	}
	return filepath.Join(dir, name)
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func parameters(t *testing.T) *Parameters {
	t.Helper()
	p, err := ParseParameters([]byte(read(t, "parameters.yml")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// render returns the rule files for p.
func render(t *testing.T, p *Parameters) map[string]string {
	t.Helper()
	sources, err := Sources(".")
	if err != nil {
		t.Fatal(err)
	}
	files, err := RenderAll(sources, p)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// all returns every rule with the parameters as they are.
func all(t *testing.T) (rules []Rule) {
	t.Helper()
	for name, text := range render(t, parameters(t)) {
		f, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, g := range f.Groups {
			rules = append(rules, g.Rules...)
		}
	}
	if len(rules) < 80 {
		t.Fatalf("%d rules: the test looks at the wrong thing", len(rules))
	}
	return rules
}

// testGroup is a group of a promtool test; what is not needed here stays as it is.
type testGroup struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Series   []struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	Alerts []struct {
		EvalTime string `yaml:"eval_time"`
		Name     string `yaml:"alertname"`
		Expected []struct {
			Labels map[string]string `yaml:"exp_labels"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
	Values []yaml.Node `yaml:"promql_expr_test,omitempty"`
}

type testFile struct {
	RuleFiles []string    `yaml:"rule_files"`
	Order     []string    `yaml:"group_eval_order"`
	Interval  string      `yaml:"evaluation_interval"`
	Tests     []testGroup `yaml:"tests"`
}

// alert returns the one alert that the group is about.
func (g *testGroup) alert() string { name, _, _ := strings.Cut(g.Name, ","); return name }

// testFiles reads the promtool tests, by name.
func testFiles(t *testing.T) map[string]*testFile {
	t.Helper()
	paths, err := filepath.Glob("tests/*.test.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	files := map[string]*testFile{}
	for _, path := range paths {
		dec := yaml.NewDecoder(strings.NewReader(read(t, path)))
		dec.KnownFields(true)
		f := &testFile{}
		if err := dec.Decode(f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		files[filepath.Base(path)] = f
	}
	return files
}

func toYAML(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
