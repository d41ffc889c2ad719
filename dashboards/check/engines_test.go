// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

const cache = "../../.cache/monitoring"

// What starts servers runs in a sandbox. The engines, from Debian's packages, and
// the daemon are made before.
func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Plan{Apart: "^TestLive$", Prepare: func() error {
		if testing.Short() || os.Geteuid() != 0 {
			return nil
		}
		fetch := exec.Command("bash", "../fetch.sh", cache, "prometheus", "victoria-metrics")
		build := exec.Command("go", "build", "-o", filepath.Join(sandbox.Shared(), "modeltap"), "./cmd/modeltap")
		build.Dir = "../.."
		for _, cmd := range []*exec.Cmd{fetch, build} {
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
			}
		}
		return nil
	}}))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// process starts a program that ends with the test, with its output in a file.
func process(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text := out.Bytes()
			t.Logf("%s:\n%s", filepath.Base(program), text[max(0, len(text)-2000):])
		}
	})
	return cmd
}

// engine answers PromQL.
type engine struct{ name, url string }

// scrapeConfig is what a user would write, once a second, and an alert that
// always fires, for the annotation of alerts.
func scrapeConfig(t *testing.T, daemon string, rules bool) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nscrape_configs:\n- job_name: modeltap\n  static_configs: [{targets: [%q]}]\n", daemon)
	if rules {
		rule := "groups:\n- name: live\n  rules: [{alert: ModelLiveTest, expr: vector(1), labels: {severity: info}}]\n"
		if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rule), 0o600); err != nil {
			t.Fatal(err)
		}
		text += "rule_files: [rules.yml]\n"
	}
	path := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func prometheus(t *testing.T, name, daemon, features string) engine {
	t.Helper()
	address := freeAddress(t)
	process(t, filepath.Join(cache, "usr/bin/prometheus"), "--config.file="+scrapeConfig(t, daemon, true), "--storage.tsdb.path="+t.TempDir(),
		"--web.listen-address="+address, "--enable-feature="+features, "--log.level=warn")
	return ready(t, engine{name, "http://" + address})
}

func victoriaMetrics(t *testing.T, daemon string) engine {
	t.Helper()
	address := freeAddress(t)
	// It hides the newest 30 s otherwise.
	process(t, filepath.Join(cache, "usr/bin/victoria-metrics"), "-promscrape.config="+scrapeConfig(t, daemon, false), "-storageDataPath="+t.TempDir(),
		"-httpListenAddr="+address, "-search.latencyOffset=1s", "-retentionPeriod=1d", "-loggerLevel=WARN", "-promscrape.config.strictParse=false", "-memory.allowedPercent=10")
	return ready(t, engine{"VictoriaMetrics", "http://" + address})
}

func ready(t *testing.T, e engine) engine {
	t.Helper()
	waitFor(t, e.name+" to answer", func() bool { _, err := e.query("vector(1)", time.Time{}); return err == nil })
	return e
}

// waitFor polls until ok, for 30 s.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// series is one of a result, with every value that it has.
type series struct {
	Metric map[string]string
	Value  [2]any
	Values [][2]any
}

func (s series) numbers() []float64 {
	all := s.Values
	if s.Value[1] != nil {
		all = append(all, s.Value)
	}
	var numbers []float64
	for _, v := range all {
		text, _ := v[1].(string)
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// sound counts the values that can be drawn.
func sound(all []series) int {
	n := 0
	for _, s := range all {
		for _, v := range s.numbers() {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				n++
			}
		}
	}
	return n
}

func (e engine) query(expr string, at time.Time) ([]series, error) {
	v := url.Values{"query": {expr}}
	if !at.IsZero() {
		v.Set("time", strconv.FormatInt(at.Unix(), 10))
	}
	return get[[]series](e, "query", v, "result")
}

func (e engine) queryRange(expr string, from, to time.Time) ([]series, error) {
	return get[[]series](e, "query_range", url.Values{"query": {expr}, "step": {"1"},
		"start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(to.Unix(), 10)}}, "result")
}

// get asks the API of Prometheus. Within data it returns the field, or data.
func get[T any](e engine, path string, v url.Values, field string) (T, error) {
	var to T
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/api/v1/"+path+"?"+v.Encode(), nil)
	if err != nil {
		return to, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return to, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return to, fmt.Errorf("%s %s: %w", resp.Status, body, err)
	}
	var answer struct {
		Status string
		Data   json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		return to, fmt.Errorf("%s: %w", body, err)
	}
	if field != "" {
		var data map[string]json.RawMessage
		if err := json.Unmarshal(answer.Data, &data); err != nil {
			return to, err
		}
		answer.Data = data[field]
	}
	return to, json.Unmarshal(answer.Data, &to)
}
