// SPDX-License-Identifier: Apache-2.0

package record

import "testing"

// TestKeysWithEscapesAreUnknown, whatever is left when the escape is taken out.
func TestKeysWithEscapesAreUnknown(t *testing.T) {
	for in, want := range map[string]string{
		`{"i\nd":"secret"}`:         `{"i\nx":"xxxxxx"}`,
		`{"\u0000id":"secret"}`:     `{"\u000axx":"xxxxxx"}`,
		`{"id\t":"secret"}`:         `{"id\t":"xxxxxx"}`,
		`{"mod\u0065l":"secret"}`:   `{"mod\u0061x":"xxxxxx"}`,
		`{"i\nndex":7,"index":7}`:   `{"i\nxxxx":1,"index":7}`,
		`{"a":[[["add\n","x"]]]}`:   `{"a":[[["add\n","x"]]]}`,
		`{"a":[[["a\ndd","yes"]]]}`: `{"a":[[["a\nxx","xxx"]]]}`,
		`{"id":"one\ntwo"}`:         `{"id":"one\nxxx"}`,
	} {
		if got := string(maskJSON([]byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
