// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// engine is a Prometheus or something that answers like one.
type engine struct{ address string }

type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s *sample) number() float64 {
	text, _ := s.Value[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func (e *engine) get(path string, to any) error {
	r, err := http.Get("http://" + e.address + path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, r.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

func (e *engine) query(expr string, at time.Time) ([]sample, error) {
	var said struct {
		Data struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	q := url.Values{"query": {expr}}
	if !at.IsZero() {
		q.Set("time", strconv.FormatInt(at.Unix(), 10))
	}
	err := e.get("/api/v1/query?"+q.Encode(), &said)
	return said.Data.Result, err
}

// value returns the single value of an expression, NaN if there is none yet.
func (e *engine) value(expr string) float64 {
	s, err := e.query(expr, time.Time{})
	if err != nil || len(s) != 1 {
		return math.NaN()
	}
	return s[0].number()
}

// startPrometheus runs it with the configuration for one VictoriaMetrics and the
// rules, their times shortened by parameters.
func startPrometheus(t *testing.T, dir string, tap *rig.Modeltap, am *alertmanager, store *engine) *engine {
	t.Helper()
	p := parameters(t)
	for name, value := range map[string]string{"interval": "1s", "slowInterval": "1s", "minRequestRate": "0.001", "minTokenRate": "0.01", "baselineWindow": "5m", "baselineOffset": "2s", "baselineSamples": "3"} {
		if err := p.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	p.Alerts = map[string]Override{"ModelStreamsStalled": {For: "2s"}, "ModelErrorBudgetBurnFast": {For: "2s"}}
	for name, text := range render(t, p) {
		write(t, text, dir, "rules", name)
	}
	write(t, replaced(t, filepath.Join(configs, "victoriametrics.yml"),
		"scrape_interval: 15s", "scrape_interval: 1s", "evaluation_interval: 30s", "evaluation_interval: 1s",
		"modeltap:9478", strings.TrimPrefix(tap.URL, "http://"), "alertmanager:9093", am.address, "victoria-metrics:8428", store.address), dir, "prometheus.yml")
	return &engine{start(t, "/-/ready", func(address string) []string {
		return []string{"prometheus", "--config.file=" + filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(dir, "tsdb"), "--web.listen-address=" + address}
	})}
}

// rulesAreWell asserts that every rule was evaluated without an error: labels
// that do not join show only where there are some.
func (e *engine) rulesAreWell(t *testing.T) {
	t.Helper()
	var said struct {
		Data struct {
			Groups []struct {
				Rules []struct {
					Name   string `json:"name"`
					Health string `json:"health"`
					Error  string `json:"lastError"`
				} `json:"rules"`
			} `json:"groups"`
		} `json:"data"`
	}
	if err := e.get("/api/v1/rules", &said); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range said.Data.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" || r.Error != "" {
				t.Errorf("%s: %s %s", r.Name, r.Health, r.Error)
			}
		}
	}
	if n != len(all(t)) {
		t.Errorf("%d rules were evaluated of %d", n, len(all(t)))
	}
}

// recordsHaveData asserts that everything that is recorded has a value.
func (e *engine) recordsHaveData(t *testing.T) {
	t.Helper()
	// The made-up GPUs have no processes.
	absent := []string{"instance_server:gpu_energy_joules_per_output_token:ratio_rate5m"}
	for _, r := range all(t) {
		if r.Record == "" || slices.Contains(absent, r.Record) {
			continue
		}
		s, err := e.query(r.Record, time.Time{})
		if err != nil || len(s) == 0 || !slices.ContainsFunc(s, func(s sample) bool { return !math.IsNaN(s.number()) }) {
			t.Errorf("%s has no value: %v %v", r.Record, s, err)
		}
	}
}

func startStore(t *testing.T, dir string) *engine {
	t.Helper()
	return &engine{start(t, "/health", func(address string) []string {
		return []string{"victoria-metrics", "-storageDataPath=" + filepath.Join(dir, "vm"), "-httpListenAddr=" + address, "-search.latencyOffset=1s", "-search.disableCache"}
	})}
}

var recorded = regexp.MustCompile(`^((instance|job)[a-z_]*:.+|ALERTS)$`)

// holdsRecords asserts that VictoriaMetrics got what is recorded, with the same
// values, and nothing else.
func (e *engine) holdsRecords(t *testing.T, prom *engine) {
	t.Helper()
	var said struct {
		Data []string `json:"data"`
	}
	waitFor(t, "everything to be written", func() bool {
		return e.get("/api/v1/label/__name__/values", &said) == nil && len(said.Data) > 40
	})
	for _, name := range said.Data {
		if !recorded.MatchString(name) {
			t.Errorf("%s was written", name)
		}
	}
	at := time.Now().Add(-2 * time.Second).Truncate(time.Second)
	time.Sleep(4 * time.Second) // until it is written and can be searched
	compared := 0
	for _, record := range []string{"instance_server:model_requests:rate5m", "job_model:model_requests:rate5m", "instance_server:model_request_errors:ratio_rate5m", "instance:gpu_up:sum"} {
		ours, err := prom.query(record, at)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := e.query(record, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range ours {
			for _, x := range theirs {
				o.Metric["cluster"], o.Metric["replica"] = "main", "0"
				if fmt.Sprint(o.Metric) != fmt.Sprint(x.Metric) {
					continue
				}
				if compared++; math.Abs(o.number()-x.number()) > 1e-9 {
					t.Errorf("%v: %v here, %v there", o.Metric, o.number(), x.number())
				}
			}
		}
	}
	if compared < 4 {
		t.Errorf("%d series are in both", compared)
	}
}

type alertmanager struct{ engine }

// startAlertmanager runs it with the example, its times shortened.
func startAlertmanager(t *testing.T, dir, receiver string) *alertmanager {
	t.Helper()
	write(t, replaced(t, filepath.Join(configs, "alertmanager.yml"),
		"http://receiver.example", receiver, "group_wait: 30s", "group_wait: 1s", "group_interval: 5m", "group_interval: 1s"), dir, "alertmanager.yml")
	return &alertmanager{engine{start(t, "/-/ready", func(address string) []string {
		return []string{"prometheus-alertmanager", "--config.file=" + filepath.Join(dir, "alertmanager.yml"), "--storage.path=" + filepath.Join(dir, "am"), "--web.listen-address=" + address, "--cluster.listen-address="}
	})}}
}

// inhibits asserts which alerts keep which others quiet.
func (a *alertmanager) inhibits(t *testing.T) {
	t.Helper()
	quiet := map[string]string{ // of the same server, GPU and so on
		"GPUTooHot": "ModeltapDown", "HostMemoryLow": "ModeltapDown", "ModelStreamsStalled": "ModelServerGone",
		"ModelQueueBuildingUp": "ModelNoFirstToken", "ModelTTFTBudgetBurnFast": "ModelNoFirstToken", "ModelStreamStuck": "ModelStreamsStalled",
		"ModelErrorBudgetBurnSlow": "ModelErrorBudgetBurnFast", "ModelTTFTAboveBaseline": "ModelTTFTBudgetBurnFast", "ModelObjectiveBurnSlow": "ModelObjectiveBurnFast",
		"GPUMemoryAlmostFull": "GPUMemoryGrowing", "ModeltapGPUCollectorDown": "GPUMissing", "ModeltapIncompleteShareHigh": "ModeltapCaptureLoss",
	}
	component := map[string]string{}
	for _, r := range all(t) {
		component[r.Alert] = r.Labels["component"]
	}
	var post []map[string]any
	add := func(name, host, server string) {
		post = append(post, map[string]any{"labels": map[string]string{"alertname": name, "job": "modeltap", "instance": host, "server": server, "model": "m", "objective": "ttft", "uuid": "GPU-" + server, "component": component[name]}})
	}
	for target, source := range quiet {
		add(source, target, "s")
		add(target, target, "s")
		add(target, target+"-elsewhere", "s")
	}
	body, err := json.Marshal(post)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post("http://"+a.address+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	var wrong []string
	end := time.Now().Add(10 * time.Second)
	waitFor(t, "inhibition", func() bool {
		var got []struct {
			Labels map[string]string `json:"labels"`
			Status struct {
				State string `json:"state"`
			} `json:"status"`
		}
		if err := a.get("/api/v2/alerts", &got); err != nil {
			t.Fatal(err)
		}
		wrong = nil
		seen := 0
		for _, g := range got {
			name, host := g.Labels["alertname"], g.Labels["instance"]
			source, ok := quiet[name]
			if !ok || host != name && host != name+"-elsewhere" {
				continue
			}
			seen++
			if want := map[bool]string{true: "suppressed", false: "active"}[host == name]; g.Status.State != want {
				wrong = append(wrong, fmt.Sprintf("%s beside %s on %s is %s", name, source, host, g.Status.State))
			}
		}
		if seen < 2*len(quiet) {
			wrong = append(wrong, fmt.Sprintf("%d alerts of %d are there", seen, 2*len(quiet)))
		}
		return len(wrong) == 0 || time.Now().After(end)
	})
	for _, w := range wrong {
		t.Error(w)
	}
}
