// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// A normalizer rewrites a text before it is split.
type normalizer func(string) (string, error)

// normalizers reads the normalizer of a file.
func normalizers(p *part) ([]normalizer, error) {
	if p == nil {
		return nil, nil
	}
	form := func(f norm.Form) ([]normalizer, error) {
		return []normalizer{func(s string) (string, error) { return f.String(s), nil }}, nil
	}
	switch p.Type {
	case "Sequence":
		var all []normalizer
		for i := range p.Normalizers {
			n, err := normalizers(&p.Normalizers[i])
			if err != nil {
				return nil, err
			}
			all = append(all, n...)
		}
		return all, nil
	case "NFC":
		return form(norm.NFC)
	case "NFD":
		return form(norm.NFD)
	case "NFKC":
		return form(norm.NFKC)
	case "NFKD":
		return form(norm.NFKD)
	case "Prepend":
		return []normalizer{func(s string) (string, error) { return p.Prepend + s, nil }}, nil
	case "Replace":
		return replacement(p)
	}
	return nil, fmt.Errorf("normalizer %q is not supported", p.Type)
}

func replacement(p *part) ([]normalizer, error) {
	find, err := p.Pattern.finder()
	if err != nil {
		return nil, err
	}
	return []normalizer{func(s string) (string, error) {
		matches, err := find(s)
		if err != nil || len(matches) == 0 {
			return s, err
		}
		var b strings.Builder
		at := 0
		for _, m := range matches {
			b.WriteString(s[at:m[0]])
			b.WriteString(p.Content)
			at = m[1]
		}
		b.WriteString(s[at:])
		return b.String(), nil
	}}, nil
}
