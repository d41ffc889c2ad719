// SPDX-License-Identifier: Apache-2.0

package observer

import "testing"

func TestSummary(t *testing.T) {
	for want, dirs := range map[string][]string{
		"":                             nil,
		"/a /b":                        {"/a", "/b"},
		"4 cgroups, among them /a/b/c": {"/a/b/c", "/d", "/e", "/f"},
	} {
		if got := summary(dirs); got != want {
			t.Errorf("%q: %q, want %q", dirs, got, want)
		}
	}
}
