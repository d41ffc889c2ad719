// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tinyTokenizer = `{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}`

// exitOf runs the program in this process and returns its exit code and what it
// said.
func exitOf(t *testing.T, environ []string, args ...string) (code int, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = mainWithExitCode(process{args: args, environ: environ, stdin: strings.NewReader(""), stdout: &out, stderr: &errs})
	return code, errs.String()
}

// Every mistake in --tokenizer ends with exit code 2 and a sentence that names
// what is wrong and what to do.
func TestTokenizerMistakes(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "tokenizer.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const remedy = "one of o200k, cl100k, p50k, r50k"
	for _, c := range []struct {
		name, value string
		says        []string
	}{
		{"no file", "m=/nowhere/tokenizer.json", []string{"m=/nowhere/tokenizer.json", "no such file", remedy}},
		{"a folder", "m=" + t.TempDir(), []string{"is a directory", remedy}},
		{"broken JSON", "m=" + file(`{"model":`), []string{"no tokenizer.json", "unexpected end of JSON input", remedy}},
		{"other JSON", "m=" + file(`{}`), []string{`model type "" is not supported`, remedy}},
		{"another type", "m=" + file(`{"model":{"type":"Unigram","vocab":[]}}`), []string{`"Unigram" is not supported, only BPE is`, remedy}},
		{"another normalizer", "m=" + file(`{"normalizer":{"type":"BertNormalizer"},"model":{"type":"BPE"}}`), []string{`normalizer "BertNormalizer" is not supported`, remedy}},
		{"no file named", "m=", []string{`"m=": write MODEL=FILE`}},
		{"no model", "=o200k", []string{`write MODEL=FILE`}},
		{"no equals sign", "o200k", []string{`write MODEL=FILE`}},
	} {
		for _, command := range []string{"run", "check", "replay"} {
			args := []string{command, "--tokenizer", c.value}
			if command == "replay" {
				args = append(args, "capture.pcap")
			}
			code, said := exitOf(t, nil, args...)
			if code != exitUsage {
				t.Errorf("%s, %s: exit code %d: %s", c.name, command, code, said)
			}
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("%s, %s: %q does not say %q", c.name, command, said, want)
				}
			}
		}
	}
	if code, said := exitOf(t, nil, "check", "--tokenizer=m=o200k", "--tokenizer=m=cl100k"); code != exitUsage || !strings.Contains(said, `"m" has two`) {
		t.Errorf("two for one model: %d %s", code, said)
	}
}

// The flag, the environment and the file set the same.
func TestTokenizersFromEverywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, []byte(tinyTokenizer), 0o600); err != nil {
		t.Fatal(err)
	}
	values := []string{"m=" + path, "a=b=o200k", "*=" + path}
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("tokenizer:\n- "+values[0]+"\n- "+values[1]+"\n- \""+values[2]+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*settings{
		"line":        mustResolve(t, []string{"--tokenizer", values[0], "--tokenizer", values[1], "--tokenizer", values[2]}, nil),
		"environment": mustResolve(t, nil, []string{"MODELTAP_TOKENIZER=" + strings.Join(values, ",")}),
		"file":        mustResolve(t, []string{"--config.file", config}, nil),
	} {
		got, err := loadTokenizers(cmdRun, s.tokenizers)
		if err != nil || len(got) != 3 {
			t.Fatalf("%s: %d tokenizers, %v", name, len(got), err)
		}
		for model, want := range map[string]int64{"m": 2, "*": 2, "a=b": 1} {
			if n, ok := got[model]([]byte("abab")); !ok || n != want {
				t.Errorf("%s: %q counts %d, %t, want %d", name, model, n, ok, want)
			}
		}
	}
	if got, err := loadTokenizers(cmdVersion, []string{"m=/nowhere"}); err != nil || got != nil {
		t.Error("a command that counts nothing reads vocabularies")
	}
}
