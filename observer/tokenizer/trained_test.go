// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// corpus has several scripts, code, digits, runs of white space and characters
// outside of the basic plane.
const corpus = `The quick brown fox jumps over the lazy dog, and the dog isn't amused. It's 1234567 o'clock!
Быстрая коричневая лиса прыгает через ленивую собаку. 敏捷的棕色狐狸跳过了懒狗。 素早い茶色の狐がのろまな犬を飛び越える。
func main() { for i := 0; i < 10; i++ { fmt.Println("é", i*2) } }	// naïve café — “quoted” … 🙂🙃👩‍💻
재빠른 갈색 여우가 게으른 개를 뛰어넘는다.    four  spaces

two lines; ½ ⅔ Ⅷ x² 𝒳𝒴 الثعلب البني السريع يقفز फुर्तीला भूरा लोमड़ी`

// trained is a byte-level vocabulary learnt from the corpus by the book: the
// most frequent pair is merged, again and again.
type trained struct {
	Vocab  map[string]int `json:"vocab"`
	Merges []string       `json:"merges"`
}

func train(merges int) trained {
	t := trained{Vocab: map[string]int{}}
	for b := range 256 {
		t.Vocab[string(byteRune(byte(b)))] = b
	}
	var words [][]string
	find, _ := byRegexp(wordPattern)
	split, _ := splitBy(find, isolated, false)
	_ = split(corpus, func(w string) { words = append(words, strings.Split(toByteLevel(w), "")) })
	for range merges {
		counts := map[[2]string]int{}
		for _, w := range words {
			for i := range len(w) - 1 {
				counts[[2]string{w[i], w[i+1]}]++
			}
		}
		best, most := [2]string{}, 0
		for p, n := range counts {
			if n > most || n == most && p[0]+"\x00"+p[1] < best[0]+"\x00"+best[1] {
				best, most = p, n
			}
		}
		if most == 0 {
			break
		}
		t.Merges = append(t.Merges, best[0]+" "+best[1])
		if _, ok := t.Vocab[best[0]+best[1]]; !ok {
			t.Vocab[best[0]+best[1]] = len(t.Vocab)
		}
		for i, w := range words {
			words[i] = apply(w, best)
		}
	}
	return t
}

// apply merges every occurrence of a pair, from left to right.
func apply(w []string, p [2]string) (out []string) {
	for i := 0; i < len(w); i++ {
		if i+1 < len(w) && w[i] == p[0] && w[i+1] == p[1] {
			out = append(out, p[0]+p[1])
			i++
			continue
		}
		out = append(out, w[i])
	}
	return out
}

// byTheBook counts the tokens of one word: the merges in the order in which
// they were learnt.
func (t trained) byTheBook(word string) int {
	w := strings.Split(toByteLevel(word), "")
	for _, m := range t.Merges {
		left, right, _ := strings.Cut(m, " ")
		w = apply(w, [2]string{left, right})
	}
	return len(w)
}

func (t trained) file(tb testing.TB, pre string) string {
	tb.Helper()
	model, err := json.Marshal(map[string]any{"type": "BPE", "vocab": t.Vocab, "merges": t.Merges})
	if err != nil {
		tb.Fatal(err)
	}
	return `{"added_tokens":[{"content":"<|end|>","normalized":false}],"normalizer":null,"pre_tokenizer":` + pre + `,"model":` + string(model) + `}`
}

const gpt2 = `{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}`

// What the whole machine counts is what the book says of each word.
func TestTrainedVocabulary(t *testing.T) {
	v := train(400)
	if len(v.Merges) < 100 {
		t.Fatalf("%d merges learnt: the corpus is too small", len(v.Merges))
	}
	tok := mustParse(t, v.file(t, gpt2))
	find, err := byRegexp(wordPattern)
	if err != nil {
		t.Fatal(err)
	}
	split, err := splitBy(find, isolated, false)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 11))
	chars := []rune(corpus)
	for round := range 300 {
		text := corpus
		if round > 0 {
			a := r.IntN(len(chars))
			text = string(chars[a:min(a+1+r.IntN(60), len(chars))])
		}
		if round%3 == 2 { // in no order that a language has
			mixed := []rune(text)
			r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			text = string(mixed)
		}
		want := 0
		if err := split(text, func(w string) {
			if w != "" {
				want += v.byTheBook(w)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if n, ok := tok.Count([]byte(text)); !ok || n != int64(want) {
			t.Fatalf("%q: %d tokens, want %d", text, n, want)
		}
	}
}

// Properties that hold for any text.
func TestCountProperties(t *testing.T) {
	v := train(300)
	r := rand.New(rand.NewPCG(3, 5))
	for name, pre := range map[string]string{
		"words":                 gpt2,
		"whole text":            `{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}`,
		"digits alone":          `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},` + gpt2 + `]}`,
		"a pattern of the file": `{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{L}+|\\p{N}{1,3}|[^\\p{L}\\p{N}]+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}`,
	} {
		tok := mustParse(t, v.file(t, pre))
		for range 200 {
			b := make([]byte, r.IntN(80))
			for i := range b {
				b[i] = corpus[r.IntN(len(corpus))]
			}
			text := strings.ToValidUTF8(string(b), "?")
			n, ok := tok.Count([]byte(text))
			if !ok || n < 0 || n > int64(len(text)) || (n == 0) != (text == "") {
				t.Fatalf("%s: %q: %d, %v", name, text, n, ok)
			}
			// An added token cuts the text, and is one.
			if two, _ := tok.Count([]byte(text + "<|end|>" + text)); two != 2*n+1 {
				t.Fatalf("%s: %q: %d twice with a token between, want %d", name, text, two, 2*n+1)
			}
			if again, _ := tok.Count([]byte(text)); again != n {
				t.Fatalf("%s: %q: %d, then %d", name, text, n, again)
			}
		}
	}
}

// Fewer merges never give fewer tokens, as each is learnt after those before.
func TestMoreMergesFewerTokens(t *testing.T) {
	v := train(400)
	last := int64(len(corpus)) + 1
	for _, n := range []int{0, 1, 10, 50, 100, 200, len(v.Merges)} {
		part := trained{v.Vocab, v.Merges[:min(n, len(v.Merges))]}
		got, ok := mustParse(t, part.file(t, gpt2)).Count([]byte(corpus))
		if !ok || got >= last {
			t.Errorf("%d merges: %d tokens, with less %d", n, got, last)
		}
		if n == 0 && got != int64(len(corpus)) {
			t.Errorf("no merges: %d tokens of %d bytes", got, len(corpus))
		}
		last = got
	}
}

// Every splitter takes the text apart and adds or drops nothing, but for
// Removed.
func TestSplittersKeepTheText(t *testing.T) {
	for _, b := range []behaviour{isolated, contiguous, mergedWithPrevious, mergedWithNext} {
		for _, invert := range []bool{false, true} {
			for _, pattern := range []string{wordPattern, `\s`, `\p{Han}+`, `x*`, `(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}`, `.`} {
				find, err := byRegexp(pattern)
				if err != nil {
					t.Fatal(err)
				}
				split, err := splitBy(find, b, invert)
				if err != nil {
					t.Fatal(err)
				}
				var parts []string
				if err := split(corpus, func(p string) { parts = append(parts, p) }); err != nil {
					t.Fatal(err)
				}
				if strings.Join(parts, "") != corpus {
					t.Errorf("%s by %q, inverted %v: the text has changed", b, pattern, invert)
				}
				if b == isolated && pattern == `\s` && !slices.Contains(parts, "quick") {
					t.Errorf("%s by %q, inverted %v: %q", b, pattern, invert, parts[:5])
				}
			}
		}
	}
}
