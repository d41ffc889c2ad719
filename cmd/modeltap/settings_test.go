// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "modeltap.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustResolve(t *testing.T, args, environ []string) *settings {
	t.Helper()
	s, err := resolve(args, environ, io.Discard)
	if err != nil {
		t.Fatalf("resolve(%q, %q): %v", args, environ, err)
	}
	return s
}

func TestPrecedence(t *testing.T) {
	file := writeFile(t, "stall-after: 3s\nmax-models: 3\nmax-servers: 3\nlog.level: warn\n")
	s := mustResolve(t,
		[]string{"--config.file", file, "--stall-after=1s"},
		[]string{"MODELTAP_STALL_AFTER=2s", "MODELTAP_MAX_MODELS=2"})
	if s.command != cmdRun {
		t.Errorf("command %q, want run", s.command)
	}
	if s.stallAfter != time.Second {
		t.Errorf("flag, environment and file: %v, want the flag's 1s", s.stallAfter)
	}
	if s.maxModels != 2 {
		t.Errorf("environment and file: %d, want the environment's 2", s.maxModels)
	}
	if s.maxServers != 3 || s.logLevel != "warn" {
		t.Errorf("file alone: %d and %q, want 3 and warn", s.maxServers, s.logLevel)
	}
	if s.seriesTTL != 10*time.Minute {
		t.Errorf("nothing set: %v, want the default 10m", s.seriesTTL)
	}
}

func TestRepeatedFlags(t *testing.T) {
	file := writeFile(t, "ignore-path: [^/f1, ^/f2]\nmodel-path: ^/one\n")
	s := mustResolve(t, []string{"--target=a=1", "--target", "2"},
		[]string{"MODELTAP_CONFIG_FILE=" + file, "MODELTAP_TARGET=3,4", "MODELTAP_WEB_LISTEN_ADDRESS=:1, :2"})
	for _, c := range []struct{ got, want []string }{
		{s.targets, []string{"a=1", "2"}},
		{s.listen, []string{":1", ":2"}},
		{s.ignorePath, []string{"^/f1", "^/f2"}},
		{s.modelPath, []string{"^/one"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestNegatedFlag(t *testing.T) {
	if mustResolve(t, []string{"--no-socket-wait"}, nil).socketWait {
		t.Error("--no-socket-wait left it on")
	}
	if mustResolve(t, nil, []string{"MODELTAP_SOCKET_WAIT=false"}).socketWait {
		t.Error("MODELTAP_SOCKET_WAIT=false left it on")
	}
	if !mustResolve(t, []string{"--socket-wait"}, []string{"MODELTAP_SOCKET_WAIT=false"}).socketWait {
		t.Error("the flag did not go before the environment")
	}
}

func TestCommandFlags(t *testing.T) {
	s := mustResolve(t, []string{"replay", "--format=json", "a.pcap", "-"}, nil)
	if s.replay.format != "json" || !slices.Equal(s.replay.files, []string{"a.pcap", "-"}) {
		t.Errorf("replay: %+v", s.replay)
	}
	s = mustResolve(t, []string{"--target=1", "demo"}, []string{"MODELTAP_DURATION=5s"})
	if s.command != cmdDemo || s.demo.duration != 5*time.Second {
		t.Errorf("demo: %q %+v", s.command, s.demo)
	}
	s = mustResolve(t, []string{"top", "--json", "--interval=5s"}, []string{"MODELTAP_URL=https://u:p@h", "MODELTAP_ASCII=true"})
	if want := (topOptions{"https://u:p@h", 5 * time.Second, false, true, true}); s.command != cmdTop || s.top != want {
		t.Errorf("top: %q %+v", s.command, s.top)
	}
}

// Every mistake is a usageError whose text names the place and ends in a
// remedy.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		args, environ []string
		file          string
		want          string
	}{
		{args: []string{"--targt=1"}, want: "unknown flag --targt: did you mean --target?"},
		{args: []string{"--nothing-like-it"}, want: "modeltap --help lists the flags"},
		{args: []string{"chek"}, want: `unknown command "chek": did you mean check?`},
		{args: []string{"launch-everything"}, want: "the commands are run, check, replay"},
		{args: []string{"check", "it"}, want: `check takes no argument "it"`},
		{args: []string{"replay"}, want: "write modeltap replay FILE"},
		{args: []string{"--log.level"}, want: "--log.level needs a value"},
		{args: []string{"--log.level=loud"}, want: `--log.level: "loud" is not a valid value`},
		{args: []string{"--stall-after=10"}, want: "give one like 10s"},
		{args: []string{"--stall-after=0s"}, want: "stall-after is 0s: it must be above 0"},
		{args: []string{"--max-models=0"}, want: "max-models is 0: it must be at least 1"},
		{args: []string{"--max-models=1", "--max-models=2"}, want: "given 2 times"},
		{args: []string{"--capture.ring-size=3MiB"}, want: "power of two"},
		{args: []string{"--discovery.cgroup=/x", "--capture=packet"}, want: "leave out capture=packet, or discovery.cgroup"},
		{args: []string{"--target=http"}, want: "not a number from 1 to 65535"},
		{args: []string{"--target=a=1", "--target=a=2"}, want: "same name"},
		{args: []string{"--model-path=["}, want: "write a Go regular expression"},
		{args: []string{"--config.file=/does/not/exist"}, want: "correct --config.file"},
		{environ: []string{"MODELTAP_MAX_MODELS=many"}, want: `MODELTAP_MAX_MODELS: "many" is not a valid value`},

		{file: "max-modls: 3", want: ":1: max-modls: unknown key: did you mean max-models?"},
		{file: "log.level: info\nmax-models: many", want: `:2: max-models: "many" is not a valid value`},
		{file: "max-models: 1\nmax-models: 2", want: "max-models"},
		{file: "max-models: [1, 2]", want: "takes one value, not a list"},
		{file: "max-models:", want: "expected a value in line 1"},
		{file: "- a\n- b", want: ":1: expected keys and values"},
		{file: "log.level: info\na: b: c", want: "line 2"},
		{file: "log.level: info\n---\nlog.level: warn", want: "more than one YAML document"},
		{args: []string{"--otlp.endpoint=collector:4317"}, want: "write grpc://HOST:4317"},
		{file: "slo: chat", want: ":1: slo: expected a list"},
		{file: "slo: [chat]", want: ":1: slo: expected a map"},
		{file: "slo: [{server: chat}]", want: "needs a time: add ttft"},
		{file: "slo: [{ttft: fast}]", want: "\"fast\" is no time"},
		{file: "slo: [{ttft: -1s}]", want: "\"-1s\" is no time"},
		{file: "slo: [{ttft: [1s]}]", want: "slo: ttft: expected one value"},
		{file: "slo: [{ttft: 1s, ttft: 2s}]", want: "set twice"},
		{file: "slo: [{tftt: 1s}]", want: "unknown key: did you mean ttft?"},
		{file: "config.file: other.yml", want: "cannot name another"},
		{file: "target: [a=1]\ntargets: [b=2]", want: "both set"},
		{file: "targets: a=1", want: ":1: targets: expected a list"},
		{file: "targets:\n- {name: a}", want: ":2: targets: a target needs a port"},
		{file: "targets:\n- {prt: 1}", want: "unknown key: did you mean port?"},
		{file: "targets:\n- a=1\n- a=2", want: "same name"},
		{file: "targets:\n- a=99999", want: ":2: targets: target"},
		{file: "targets:\n- {port: 1, model_path: '['}", want: ":2: targets: model_path"},
	} {
		if c.file != "" {
			c.args = append(c.args, "--config.file="+writeFile(t, c.file))
		}
		_, err := resolve(c.args, c.environ, io.Discard)
		if !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q %q:\n got %v\nwant a usage error with %q", c.args, c.environ, c.file, err, c.want)
		}
	}
}

func TestFileTargets(t *testing.T) {
	file := writeFile(t, `
targets:
- chat=127.0.0.1:8000
- name: embed
  address: ::1
  port: 8001
  model_path: ^/embed
  ignore_path: [^/ping, ^/pong]
- 8002
`)
	r, err := mustResolve(t, []string{"--config.file", file}, nil).rules()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range r.targets {
		got = append(got, s.String())
	}
	if want := []string{"chat=127.0.0.1:8000", "embed=[::1]:8001", "8002"}; !slices.Equal(got, want) {
		t.Fatalf("targets %q, want %q", got, want)
	}
	if e := r.targets[1]; len(e.Model) != 1 || !e.Model[0].MatchString("/embed") || len(e.Ignore) != 2 || !e.Ignore[1].MatchString("/pong") {
		t.Errorf("path rules of %v: %v and %v", e, e.Model, e.Ignore)
	}
	r, err = mustResolve(t, []string{"--config.file", file, "--target=9"}, nil).rules()
	if err != nil || len(r.targets) != 1 || r.targets[0].Port != 9 {
		t.Errorf("--target beside targets: %v %v, want port 9 alone", r.targets, err)
	}
}

func TestEnvironmentWarnings(t *testing.T) {
	s := mustResolve(t, nil, []string{
		"MODELTAP_TARGTE=1", "MODELTAP_SERVICE_HOST=10.0.0.1", "MODELTAP_PORT_9478_TCP=tcp://10.0.0.1:9478",
		"MODELTAP_FORMAT=json", "PATH=/bin", "MODELTAP_MAX_MODELS=",
	})
	if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], "MODELTAP_TARGTE") || !strings.Contains(s.warnings[0], "did you mean MODELTAP_TARGET?") {
		t.Errorf("warnings %q, want one on MODELTAP_TARGTE", s.warnings)
	}
	if s.maxModels != 64 {
		t.Errorf("an empty variable set max-models to %d", s.maxModels)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}, {"replay", "--help"}, {"help", "replay"}} {
		var out bytes.Buffer
		if _, err := resolve(args, nil, &out); !errors.Is(err, errHelp) {
			t.Errorf("%q: %v, want help", args, err)
		}
		if !strings.Contains(out.String(), "--target") {
			t.Errorf("%q: help without flags: %q", args, out.String())
		}
	}
}

func TestFixedChanges(t *testing.T) {
	old := mustResolve(t, []string{"--config.file=" + writeFile(t, "max-models: 1\nlog.level: info\n")}, nil)
	next := mustResolve(t, []string{"--config.file=" + writeFile(t, "max-models: 2\nlog.level: debug\nseries-ttl: 1h\nmodel-path: [^/a]\ntargets: [1]\n")}, nil)
	next.values["config.file"] = old.values["config.file"]
	if got, want := fixedChanges(old, next), []string{"max-models", "series-ttl"}; !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
}

// What a shell and man get is that alone, and a line half written is no mistake.
// kingpin writes it to the standard output of the process, whatever its writer.
func TestCompletionAndManPage(t *testing.T) {
	ask := func(args ...string) string {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Errorf("%q: %v, stderr %q", args, err, stderr.String())
		}
		return string(out)
	}
	for arg, want := range map[string]string{
		"--completion-script-bash": "\n_modeltap_bash_autocomplete()",
		"--completion-script-zsh":  "#compdef modeltap",
		"--help-man":               ".TH modeltap 1",
		"--completion-bash":        "help\n",
	} {
		if got := ask(arg); !strings.HasPrefix(got, want) || strings.Contains(got, "usage: modeltap") {
			t.Errorf("%s: %.300q", arg, got)
		}
	}
	if got := ask("--completion-bash", "check", "--form"); !strings.Contains(got, "--format\n") {
		t.Errorf("completions of check --form: %q", got)
	}
}
