// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"testing"
)

func BenchmarkSnapshot(b *testing.B) {
	s := New(Options{})
	s.Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		s.Snapshot()
	}
}

func BenchmarkTrees(b *testing.B) {
	t := NewTrees("")
	b.ReportAllocs()
	for b.Loop() {
		t.Read(map[string]int{"self": os.Getpid()}, nil)
	}
}
