// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// output is what a process has said so far.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// wait returns what was said once it holds want.
func (o *output) wait(t *testing.T, want string) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s := o.String(); strings.Contains(s, want) {
			return s
		}
	}
	t.Fatalf("never %q:\n%s", want, o)
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// The OpenTelemetry Collector itself takes what is sent, by both protocols, and
// its debug exporter prints what it understood.
func TestRealCollector(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "collector")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "testdata/collector"
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the collector (its modules come from the Go module proxy): %v\n%s", err, out)
	}
	byGRPC, byHTTP := freeAddress(t), freeAddress(t)
	cmd := exec.Command(binary, "--config", fmt.Sprintf(`yaml:
receivers: {otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}, metrics: {receivers: [otlp], exporters: [debug]}}
`, byGRPC, byHTTP))
	said := new(output)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	said.wait(t, "Everything is ready")
	for _, address := range []string{"grpc://" + byGRPC, "http://" + byHTTP} {
		before := len(said.String())
		s := start(t, address)
		s.Exchange(answered())
		s.end()
		for _, want := range []string{
			"Trace ID       : 0af7651916cd43dd8448eb211c80319c", "Parent ID      : b7ad6b7169203331", "Name           : chat llama", "Kind           : Server",
			"service.name: Str(", "gen_ai.operation.name: Str(chat)", "gen_ai.response.model: Str(llama)", "gen_ai.usage.input_tokens: Int(70)",
			"gen_ai.usage.output_tokens: Int(11)", `gen_ai.response.finish_reasons: Slice(["stop"])`, "gen_ai.request.stream: Bool(true)",
			"-> Name: gen_ai.server.request.duration", "-> Name: gen_ai.server.time_to_first_token", "-> Name: gen_ai.server.time_per_output_token",
			"Count: 1",
		} {
			for end := time.Now().Add(10 * time.Second); !strings.Contains(said.String()[before:], want); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: no %q in:\n%s", address, want, said.String()[before:])
				}
			}
		}
		if log := s.log.String(); strings.Contains(log, "level=WARN") {
			t.Errorf("%s: %s", address, log)
		}
	}
}
