// SPDX-License-Identifier: Apache-2.0

package tokens

// The weights, in 1/unit tokens.
const (
	unit = 1 << 10

	weightLetter = unit * 10 / 42
	weightWord   = 0
	weightDigit  = unit * 10 / 42
	weightSpace  = unit * 10 / 42
	weightSpaces = 0
	weightPunct  = unit * 10 / 42
	weightPuncts = 0

	weightLatin    = unit / 2
	weightCyrillic = unit * 31 / 100
	weightArabic   = unit / 2
	weightHan      = unit * 62 / 100
	weightKana     = unit * 55 / 100
	weightHangul   = unit * 60 / 100
	weightCJKPunct = unit * 75 / 100
	weightTwo      = unit / 2
	weightThree    = unit * 3 / 4
	weightFour     = unit
)

// rune takes a character outside of ASCII.
func (m *Meter) rune(r rune) {
	m.last = other
	m.sum += weight(r)
}

func weight(r rune) int64 {
	switch {
	case r < 0x250:
		return weightLatin
	case 0x400 <= r && r < 0x530:
		return weightCyrillic
	case 0x600 <= r && r < 0x780:
		return weightArabic
	case r < 0x800:
		return weightTwo
	case 0x3040 <= r && r < 0x3100:
		return weightKana
	case 0x3000 <= r && r < 0x3040, 0xff00 <= r && r < 0xfff0:
		return weightCJKPunct
	case 0x3400 <= r && r < 0xa000, 0xf900 <= r && r < 0xfb00:
		return weightHan
	case 0xac00 <= r && r < 0xd7b0:
		return weightHangul
	case r < 0x10000:
		return weightThree
	}
	return weightFour
}
