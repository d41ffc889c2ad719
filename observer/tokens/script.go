// SPDX-License-Identifier: Apache-2.0

package tokens

// The weights, in 1/unit tokens, are least-squares fits of the relative error,
// each kind of text with the same weight, for the vocabularies o200k_base,
// DeepSeek-V3, Qwen, Llama 3 and Gemma 3. Those of ASCII and Latin letters are of
// some 700 texts of 1,500 characters: English prose of three books, manuals,
// release notes, Go, Python, C, JavaScript, HTML, JSON and French. Those of the
// other scripts are of 314 texts of 2,000 characters, manual pages in 11
// languages among them; Greek, Arabic, Hebrew, Indic and Thai letters and emoji,
// of which there was no such text, are set by the samples in testdata alone.
// None of them is among the texts of errortable, which tells how far they are
// off.
//
// A word of ASCII letters is its letters and one word; what it costs beyond
// that lies in the space or mark before it.
const (
	unit = 1 << 10

	weightLetter = 58 * unit / 1000
	weightWord   = 276 * unit / 1000
	weightDigit  = 931 * unit / 1000
	weightSpace  = 568 * unit / 1000
	weightSpaces = -516 * unit / 1000 // for each space behind a space
	weightPunct  = 1111 * unit / 1000
	weightPuncts = -948 * unit / 1000 // for each mark behind a mark

	weightLatin    = 2479 * unit / 1000 // a letter that interrupts a word
	weightCyrillic = 262 * unit / 1000
	weightArabic   = 310 * unit / 1000
	weightTwo      = 420 * unit / 1000 // Greek, Hebrew and the like
	weightIndic    = 450 * unit / 1000 // up to Thai and Georgian
	weightHan      = 754 * unit / 1000
	weightKana     = 573 * unit / 1000
	weightHangul   = 625 * unit / 1000
	weightCJKPunct = 500 * unit / 1000
	weightThree    = 1680 * unit / 1000 // typographic marks, arrows, boxes
	weightFour     = 1300 * unit / 1000 // emoji
)

// rune takes a character outside of ASCII.
func (m *Meter) rune(r rune) {
	m.last = other
	m.sum += weight(r)
}

// weight goes by Unicode blocks.
func weight(r rune) Size {
	switch {
	case r < 0x250:
		return weightLatin
	case 0x400 <= r && r < 0x530:
		return weightCyrillic
	case 0x600 <= r && r < 0x780:
		return weightArabic
	case r < 0x800:
		return weightTwo
	case r < 0x2000:
		return weightIndic
	case 0x3000 <= r && r < 0x3040, 0xff00 <= r && r < 0xfff0:
		return weightCJKPunct
	case 0x3040 <= r && r < 0x3100:
		return weightKana
	case 0x3400 <= r && r < 0xa000, 0xf900 <= r && r < 0xfb00:
		return weightHan
	case 0xac00 <= r && r < 0xd7b0:
		return weightHangul
	case r < 0x10000:
		return weightThree
	}
	return weightFour
}
