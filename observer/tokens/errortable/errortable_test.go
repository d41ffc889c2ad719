// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/tokenizer"
)

var update = flag.Bool("update", false, "write the table of docs/tokens.md")

const (
	page       = "../../../docs/tokens.md"
	cacheDir   = "../../../.cache/tokenizers"
	tableBegin = "<!-- errors: written by go test ./observer/tokens/errortable -update -->\n"
	tableEnd   = "<!-- end of errors -->\n"
)

func committed(t *testing.T) counts {
	t.Helper()
	var c counts
	if err := json.Unmarshal(countsJSON, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// What docs/tokens.md promises: at most 15 % off in the mean without anything
// known of the server, at most 5 % once it has stated usage for such answers,
// and so for English, the commonest.
func TestErrors(t *testing.T) {
	results, err := judge(answers(), committed(t))
	if err != nil {
		t.Fatal(err)
	}
	mean := results[len(results)-1]
	if mean.raw > 0.15 || mean.calibrated > 0.05 {
		t.Errorf("mean error %.3f, calibrated %.3f; at most 0.15 and 0.05 are promised", mean.raw, mean.calibrated)
	}
	if mean.raw > mean.bytes4 || mean.raw > mean.chars4 {
		t.Errorf("mean error %.3f, bytes/4 %.3f, characters/4 %.3f", mean.raw, mean.bytes4, mean.chars4)
	}
	for _, r := range results {
		if r.kind == "English" && (r.raw > 0.15 || r.calibrated > 0.05) {
			t.Errorf("English: %.3f, calibrated %.3f", r.raw, r.calibrated)
		}
		if r.calibrated > r.raw && r.raw > 0.06 && r.kind != mean.kind {
			t.Errorf("%s: calibration makes it worse, %.3f after %.3f", r.kind, r.calibrated, r.raw)
		}
	}
}

// The table in docs/tokens.md is what the estimate does today.
func TestDocument(t *testing.T) {
	results, err := judge(answers(), committed(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	shown, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines that enclose the table", page)
	}
	want := table(results)
	if *update {
		if err := os.WriteFile(page, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("%s does not show the errors of today: go test ./observer/tokens/errortable -update", page)
	}
}

// What teaches the calibration is not what judges it.
func TestHalvesAreApart(t *testing.T) {
	for i, s := range answers() {
		text, err := texts.ReadFile("testdata/texts/" + strings.ToLower(s.kind) + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		u := strings.Split(strings.TrimSuffix(string(text), "\n"), kinds[i].separator)
		if len(u) != units || len(s.taught) != answersOfOne || len(s.measured) != answersOfOne {
			t.Fatalf("%s: %d units, %d and %d answers", s.kind, len(u), len(s.taught), len(s.measured))
		}
		for j, unit := range u {
			taught := slices.ContainsFunc(s.taught, func(a string) bool { return strings.Contains(a, unit) })
			measured := slices.ContainsFunc(s.measured, func(a string) bool { return strings.Contains(a, unit) })
			if taught != (j < half) || measured != (j >= half) {
				t.Errorf("%s: unit %d is taught: %t, measured: %t", s.kind, j, taught, measured)
			}
		}
	}
}

// A vocabulary that has not counted all texts is no evidence.
func TestMissingCounts(t *testing.T) {
	if _, err := judge(answers(), counts{}); err == nil {
		t.Error("judged by nothing")
	}
	c := committed(t)
	delete(c["qwen3"], "Go")
	if _, err := judge(answers(), c); err == nil || !strings.Contains(err.Error(), "qwen3 has not counted the Go answers") {
		t.Error(err)
	}
}

// The committed counts are those of the vocabularies, and these agree with what
// other programs made of the samples of package tokens.
func TestVocabularies(t *testing.T) {
	c := committed(t)
	var samples []struct {
		Name, Text string
		Tokens     []int64
	}
	text, err := os.ReadFile("../testdata/samples.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatal(err)
	}
	column := map[string]int{"o200k": 0, "deepseek_v3": 1, "qwen3": 2, "llama3": 3, "gemma3": 4}
	for name, origin := range vocabularies {
		t.Run(name, func(t *testing.T) {
			file := origin
			if strings.HasPrefix(origin, "@") {
				file = cached(cacheDir, name)
				if _, err := os.Stat(file); err != nil {
					t.Skip("not downloaded: go run ./observer/tokens/errortable -fetch")
				}
			}
			tok, err := tokenizer.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range answers() {
				taught, err1 := countAll(tok, s.taught)
				measured, err2 := countAll(tok, s.measured)
				if err1 != nil || err2 != nil || !slices.Equal(taught, c[name][s.kind].Taught) || !slices.Equal(measured, c[name][s.kind].Measured) {
					t.Errorf("%s: counts.json is not what it counts", s.kind)
				}
			}
			at, ok := column[name]
			for _, s := range samples {
				if n, _ := tok.Count([]byte(s.Text)); ok && n != s.Tokens[at] {
					t.Errorf("sample %s: %d tokens, want %d", s.Name, n, s.Tokens[at])
				}
			}
		})
	}
}
