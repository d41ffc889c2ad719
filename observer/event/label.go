// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLabel is the greatest length of a label value, in bytes.
const MaxLabel = 128

// Label makes s fit to be a label value: valid UTF-8 of at most MaxLabel bytes,
// cut between runes, each control character and each invalid byte replaced by
// U+FFFD. A string that is fit already is returned as it is, without
// allocating. A result that did not fit never aliases s.
func Label(s string) string {
	if len(s) <= MaxLabel && clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(MaxLabel)
	for _, r := range s {
		if unicode.IsControl(r) {
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > MaxLabel {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

func clean(s string) bool {
	for i, r := range s {
		if unicode.IsControl(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}
