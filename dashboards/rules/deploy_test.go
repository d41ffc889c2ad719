// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const configs = root + "/deploy/prometheus"

// Prometheus takes every configuration, with the rules where it looks for them.
func TestPrometheusConfigurations(t *testing.T) {
	dir, seen := t.TempDir(), 0
	for name, text := range render(t, parameters(t)) {
		write(t, text, dir, "rules", name)
	}
	paths, err := filepath.Glob(filepath.Join(configs, "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, "- targets: [gpu1:9478]\n", dir, "targets", "some.yml")
	for _, path := range paths {
		name := filepath.Base(path)
		if name == "alertmanager.yml" {
			continue
		}
		seen++
		// Debian's Prometheus is built without Kubernetes; that part is held against
		// its types in deploy/kubernetes/check.
		text := strings.Replace(read(t, path), "kubernetes_sd_configs:\n      - role: pod", "static_configs:\n      - targets: []", 1)
		write(t, text, dir, name)
		out, err := exec.Command(program(t, "promtool"), "check", "config", filepath.Join(dir, name)).CombinedOutput()
		if err != nil || strings.Count(string(out), "rules found") != 4 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		var c struct {
			Global struct {
				Interval string `yaml:"scrape_interval"`
			} `yaml:"global"`
			Jobs []struct {
				Name  string `yaml:"job_name"`
				Honor bool   `yaml:"honor_labels"`
			} `yaml:"scrape_configs"`
		}
		if err := yaml.Unmarshal([]byte(read(t, path)), &c); err != nil {
			t.Fatal(err)
		}
		if c.Global.Interval != "15s" || c.Jobs[0].Name != parameters(t).Get("job") || !c.Jobs[0].Honor {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if seen < 6 {
		t.Errorf("%d configurations", seen)
	}
}

// What is written to the common store is what is recorded, all of it and no more.
func TestOnlyRecordsAreWritten(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(configs, "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range paths {
		var c struct {
			Write []struct {
				Relabel []struct {
					Source []string `yaml:"source_labels"`
					Regex  string   `yaml:"regex"`
					Action string   `yaml:"action"`
				} `yaml:"write_relabel_configs"`
			} `yaml:"remote_write"`
		}
		if err := yaml.Unmarshal([]byte(read(t, path)), &c); err != nil {
			t.Fatal(err)
		}
		for _, w := range c.Write {
			seen++
			if len(w.Relabel) != 1 || w.Relabel[0].Action != "keep" || w.Relabel[0].Source[0] != "__name__" {
				t.Errorf("%s: %+v", path, w)
				continue
			}
			keep := regexp.MustCompile("^(?:" + w.Relabel[0].Regex + ")$")
			for _, r := range all(t) {
				if r.Record != "" && !keep.MatchString(r.Record) {
					t.Errorf("%s drops %s", path, r.Record)
				}
			}
			for name := range exposed(t) {
				if keep.MatchString(name) {
					t.Errorf("%s keeps %s", path, name)
				}
			}
		}
	}
	if seen < 3 {
		t.Errorf("%d remote writes", seen)
	}
}

// Alertmanager takes its example, and every severity reaches somebody.
func TestAlertmanagerRoutes(t *testing.T) {
	file := filepath.Join(configs, "alertmanager.yml")
	if out, err := exec.Command(program(t, "amtool"), "check-config", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for labels, want := range map[string]string{
		"severity=critical component=model":   "page",
		"severity=critical component=gpu":     "page",
		"severity=warning component=model":    "team",
		"severity=warning component=modeltap": "team",
		"severity=warning component=gpu":      "hardware",
		"severity=warning component=host":     "hardware",
		"severity=info component=gpu":         "log",
		"severity=info component=model":       "log",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=" + file, "--verify.receivers=" + want}, strings.Fields(labels)...)
		if out, err := exec.Command(program(t, "amtool"), args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", labels, err, out)
		}
	}
	// The alerts that inhibitions name exist.
	var c struct {
		Inhibit []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(read(t, file)), &c); err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`^alertname(=~|=|!=)"(.+)"$`)
	for _, i := range c.Inhibit {
		for _, m := range append(i.Source, i.Target...) {
			parts := named.FindStringSubmatch(m)
			if parts == nil {
				continue
			}
			for _, alternative := range strings.Split(parts[2], "|") {
				pattern, found := regexp.MustCompile("^"+alternative+"$"), false
				for _, r := range all(t) {
					found = found || r.Alert != "" && pattern.MatchString(r.Alert)
				}
				if !found {
					t.Errorf("%s is no alert", alternative)
				}
			}
		}
	}
}
