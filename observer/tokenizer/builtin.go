// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"fmt"

	tiktoken "github.com/tiktoken-go/tokenizer"
)

// builtin returns the encoding of that name, nil when there is none.
func builtin(name string) (*Tokenizer, error) {
	encoding := map[string]tiktoken.Encoding{
		"o200k": tiktoken.O200kBase, "o200k_base": tiktoken.O200kBase,
		"cl100k": tiktoken.Cl100kBase, "cl100k_base": tiktoken.Cl100kBase,
		"p50k": tiktoken.P50kBase, "p50k_base": tiktoken.P50kBase,
		"r50k": tiktoken.R50kBase, "r50k_base": tiktoken.R50kBase,
	}[name]
	if encoding == "" {
		return nil, nil
	}
	c, err := tiktoken.Get(encoding)
	if err != nil {
		return nil, fmt.Errorf("built-in tokenizer %s: %w", name, err)
	}
	return &Tokenizer{count: c.Count}, nil
}
