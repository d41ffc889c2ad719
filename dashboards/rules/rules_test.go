// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os/exec"
	"strings"
	"testing"
)

func TestParametersRefuseMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\na: 2":                            "twice",
		"a: [1]":                                "text or a number",
		"- a":                                   "a map of names",
		"alerts: {X: {fro: 5m}}":                "fro",
		"a: 1\nalerts: {X: {enabled: perhaps}}": "bool",
	} {
		if _, err := ParseParameters([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRenderRefusesMistakes(t *testing.T) {
	const source = "groups:\n  - name: g\n    interval: 1m\n    rules:\n      - alert: A\n        expr: x > ${a}\n"
	for _, c := range []struct{ parameters, want string }{
		{"b: 1", "no value for ${a}"},
		{"a: 1\nb: 2", "b is used nowhere"},
		{"a: 1\nalerts: {B: {for: 1m}}", `no alert "B"`},
	} {
		p, err := ParseParameters([]byte(c.parameters))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := RenderAll(map[string]string{"s.yml": source}, p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.parameters, err, c.want)
		}
	}
}

// The command writes what its flags and overrides say.
func TestRenderCommand(t *testing.T) {
	dir := t.TempDir()
	write(t, strings.Replace(read(t, "parameters.yml"), "alerts: {}", "alerts: {GPUTooHot: {for: 20m, severity: critical}, ModelOutputTruncated: {enabled: false}}", 1), dir, "my.yml")
	if out, err := exec.Command("go", "run", "./render", "-parameters", dir+"/my.yml", "-set", "gpuMemoryRatio=0.97", "-out", dir+"/out").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	gpu, servers := read(t, dir, "out", "gpu.rules.yml"), read(t, dir, "out", "servers.rules.yml")
	if strings.Count(gpu, "> 0.97\n") != 3 || !strings.Contains(gpu, "for: 20m") || strings.Contains(servers, "alert: ModelOutputTruncated") || !strings.Contains(servers, "alert: ModelClientAbortsHigh") {
		t.Errorf("%s\n%s", gpu, servers)
	}
	out, err := exec.Command("go", "run", "./render", "-set", "gpuMemory=0.97", "-out", dir+"/out").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `no parameter "gpuMemory"`) {
		t.Errorf("%v\n%s", err, out)
	}
}
