// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naive merges as the rule says: again and again, the leftmost of the pairs of
// least rank.
func naive(b *bpe, symbols []int32) int {
	for {
		best, at := int32(-1), 0
		for i := 0; i+1 < len(symbols); i++ {
			r, ok := b.merges[pair{symbols[i], symbols[i+1]}]
			if ok && (best < 0 || r.rank < best) {
				best, at = r.rank, i
			}
		}
		if best < 0 {
			return len(symbols)
		}
		symbols[at] = b.merges[pair{symbols[at], symbols[at+1]}].id
		symbols = slices.Delete(symbols, at+1, at+2)
	}
}

// randomModel is a byte-level model over the letters a to d with n merges.
func randomModel(r *rand.Rand, n int) *bpe {
	b := &bpe{byteLevel: true, unknown: -1, merges: map[pair]merge{}}
	for i := range b.bytes {
		b.bytes[i] = -1
	}
	symbols := []string{"a", "b", "c", "d"}
	ids := map[string]int32{}
	for i, s := range symbols {
		b.bytes[s[0]], ids[s] = int32(i), int32(i)
	}
	for rank := range n {
		left, right := symbols[r.IntN(len(symbols))], symbols[r.IntN(len(symbols))]
		joined := left + right
		if _, ok := ids[joined]; !ok {
			ids[joined] = int32(len(symbols))
			symbols = append(symbols, joined)
		}
		p := pair{ids[left], ids[right]}
		if _, ok := b.merges[p]; !ok {
			b.merges[p] = merge{int32(rank), ids[joined]}
		}
	}
	return b
}

func FuzzMerges(f *testing.F) {
	f.Add(uint64(1), uint8(3), "abcdabcd")
	f.Add(uint64(2), uint8(60), strings.Repeat("ab", 40))
	f.Add(uint64(3), uint8(200), strings.Repeat("a", 100)+"dcba")
	f.Add(uint64(4), uint8(0), "a b")
	f.Fuzz(func(t *testing.T, seed uint64, n uint8, text string) {
		r := rand.New(rand.NewPCG(seed, 3))
		b := randomModel(r, int(n))
		if len(text) < 4 {
			// Fuzzed bytes are seldom letters of the model.
			text += strings.Repeat("abcd", r.IntN(20))
		}
		m := merger{bpe: b}
		m.spell("dcba") // what a piece before has left behind
		m.count("abcd")
		m.spell(text)
		var symbols []int32
		for _, s := range m.symbols {
			symbols = append(symbols, s.id)
		}
		if got, want := m.count(text), naive(b, symbols); got != want {
			t.Fatalf("%q: %d tokens, want %d", text, got, want)
		}
	})
}

// A piece as long as an answer takes no time that grows with its square.
func BenchmarkLongPiece(b *testing.B) {
	m := merger{bpe: randomModel(rand.New(rand.NewPCG(1, 1)), 200)}
	for _, n := range []int{1 << 10, 1 << 18} {
		piece := strings.Repeat("abcd", n/4)
		b.Run(map[bool]string{true: "1KiB", false: "256KiB"}[n == 1<<10], func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				m.count(piece)
			}
		})
	}
}

// openai/gpt-2, encoder.py: the bytes that stand for themselves, and the order
// of the others.
func TestByteRunes(t *testing.T) {
	seen := map[rune]bool{}
	next := rune(0x100)
	for i := range 256 {
		c := byteRune(byte(i))
		want := rune(i)
		if !('!' <= i && i <= '~' || 0xa1 <= i && i <= 0xac || 0xae <= i && i <= 0xff) {
			want = next
			next++
		}
		if c != want || seen[c] {
			t.Errorf("%#x stands for %q, want %q", i, c, want)
		}
		seen[c] = true
	}
	if got := toByteLevel("a b\né"); got != "aĠbĊÃ©" {
		t.Errorf("%q", got)
	}
}
