// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
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

// Without the operator the pods of the chart are found, named by their node, and
// all others left alone.
func TestPodsAreFound(t *testing.T) {
	var c struct {
		Jobs []struct {
			Discovery []map[string]string `yaml:"kubernetes_sd_configs"`
			Relabel   []*relabel.Config   `yaml:"relabel_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, configs, "kubernetes.yml")), &c); err != nil {
		t.Fatal(err)
	}
	if d := c.Jobs[0].Discovery; len(d) != 1 || len(d[0]) != 1 || d[0]["role"] != "pod" {
		t.Errorf("discovery %v", d)
	}
	for name, change := range map[string][2]string{
		"the pod":         {},
		"another program": {"__meta_kubernetes_pod_label_app_kubernetes_io_name", "vllm"},
		"another port":    {"__meta_kubernetes_pod_container_port_name", "http"},
		"an ended pod":    {"__meta_kubernetes_pod_phase", "Succeeded"},
	} {
		pod := map[string]string{
			"__address__": "10.0.0.7:9478",
			"__meta_kubernetes_pod_label_app_kubernetes_io_name": "modeltap",
			"__meta_kubernetes_pod_container_port_name":          "metrics",
			"__meta_kubernetes_pod_node_name":                    "gpu1",
			"__meta_kubernetes_pod_phase":                        "Running",
		}
		if change[0] != "" {
			pod[change[0]] = change[1]
		}
		b := labels.NewBuilder(labels.FromMap(pod))
		for _, r := range c.Jobs[0].Relabel {
			r.NameValidationScheme = model.LegacyValidation
		}
		if keep := relabel.ProcessBuilder(b, c.Jobs[0].Relabel...); keep != (change[0] == "") {
			t.Errorf("%s: kept %v", name, keep)
		}
		if l := b.Labels(); change[0] == "" && (l.Get("instance") != "gpu1" || l.Get("node") != "gpu1") {
			t.Errorf("%s: %v", name, l)
		}
	}
	// The chart's pods have these labels and this port.
	if !strings.Contains(read(t, chart, "templates/_helpers.tpl"), "app.kubernetes.io/name: modeltap") || !strings.Contains(read(t, chart, "templates/daemonset.yaml"), "name: metrics") {
		t.Error("the chart's pods are not what the test takes them for")
	}
}
