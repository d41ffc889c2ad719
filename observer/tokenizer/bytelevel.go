// SPDX-License-Identifier: Apache-2.0

package tokenizer

import "strings"

// byteRune returns the character that stands for a byte in byte-level
// vocabularies (openai/gpt-2, encoder.py, bytes_to_unicode): printable bytes
// stand for themselves, the others, in order, for those from U+0100 on.
func byteRune(b byte) rune {
	switch {
	case '!' <= b && b <= '~', 0xa1 <= b && b <= 0xac, 0xae <= b:
		return rune(b)
	case b <= ' ':
		return 0x100 + rune(b)
	case b < 0xa1:
		return 0x121 + rune(b-0x7f)
	}
	return 0x143 // soft hyphen
}

// toByteLevel writes each byte of s as the character that stands for it.
func toByteLevel(s string) string {
	var b strings.Builder
	b.Grow(2 * len(s))
	for i := range len(s) {
		b.WriteRune(byteRune(s[i]))
	}
	return b.String()
}
