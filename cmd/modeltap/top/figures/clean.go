// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLabel is the longest text kept of a label or an API field, in bytes.
const MaxLabel = 128

// Clean makes text from the wire fit for a terminal: what is no visible
// character or a plain space becomes "?" (control and escape characters, those
// that change the direction of text, invisible ones, invalid UTF-8), and what
// is longer than MaxLabel is cut.
func Clean(s string) string {
	if len(s) > MaxLabel {
		s = s[:MaxLabel]
		for i := 1; i < utf8.UTFMax && i <= len(s); i++ { // no half character at the end
			if r := s[len(s)-i]; utf8.RuneStart(r) {
				if !utf8.FullRuneInString(s[len(s)-i:]) {
					s = s[:len(s)-i]
				}
				break
			}
		}
	}
	if plain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
