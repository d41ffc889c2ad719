// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/hex"
	"testing"
)

func TestParentOf(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for header, want := range map[string]bool{
		"00-" + trace + "-" + span + "-01":                    true,
		"00-" + trace + "-" + span + "-00":                    true,
		"cc-" + trace + "-" + span + "-01-what-comes-later":   true, // a later version
		"00-00000000000000000000000000000000-" + span + "-01": false,
		"00-" + trace + "-0000000000000000-01":                false,
		"00-" + trace + "-" + span:                            false,
		"00-" + trace + "x" + span + "-01":                    false,
		"00-" + trace + "-" + span + "x01":                    false,
		"00-" + trace + "-" + span + "-0g":                    false,
		"00-" + trace + "-g7ad6b7169203331-01":                false,
		"":                                                    false,
	} {
		p, ok := parentOf([]byte(header))
		if ok != want {
			t.Errorf("%q: %v", header, ok)
		}
		if ok && (hex.EncodeToString(p.Trace[:]) != trace || hex.EncodeToString(p.Span[:]) != span || p.Sampled != (header[54] == '1')) {
			t.Errorf("%q: %+v", header, p)
		}
	}
	header := []byte("00-" + trace + "-" + span + "-01")
	if n := testing.AllocsPerRun(100, func() { parentOf(header) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
