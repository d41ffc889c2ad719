// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
)

const guest = "boot\nRESULT kernel 6.1.0-50\n[ 1.2] RESULT root IPv4 yes\r\nRESULT root waits 2\nRESULT check btf yes\n" +
	"RESULT nobody+with+BPF said a | b\nRESULT error mount proc\nRESULT done\n"

func TestParse(t *testing.T) {
	r := parse(guest)
	if !r.done || r.kernel != "6.1.0-50" || r.value("root IPv4") != "yes" || r.value("root waits") != "yes" || r.value("root IPv6") != "?" ||
		len(r.notes) != 1 || len(r.faults) != 1 {
		t.Errorf("%+v", r)
	}
	missing := strings.Join(r.failures(), "\n")
	for _, want := range []string{"mount proc", "capture IPv6, root: ?", "socket wait, nobody with PERFMON: ?"} {
		if !strings.Contains(missing, want) {
			t.Errorf("no %q in %s", want, missing)
		}
	}
	r.kernel = "5.10.0"
	if missing := strings.Join(r.failures(), "\n"); strings.Contains(missing, "socket wait") || !strings.Contains(missing, "capture IPv6") {
		t.Errorf("on 5.10: %s", missing)
	}
	if got := table([]results{r}); !strings.Contains(got, "| capture IPv4, root | yes |") {
		t.Error(got)
	}
}

func TestCompareVersions(t *testing.T) {
	for i, v := range []string{"5.10.0-32-cloud", "5.17", "6.1.0-50", "6.12.117+deb13", "7.3.4"}[1:] {
		if before := []string{"5.10.0-32-cloud", "5.17", "6.1.0-50", "6.12.117+deb13"}[i]; compareVersions(before, v) >= 0 || compareVersions(v, before) <= 0 {
			t.Errorf("%s and %s", before, v)
		}
	}
}

// The archive as the kernel's documentation has it: heads of 110 bytes, names
// with their zero, all on multiples of four.
func TestArchive(t *testing.T) {
	var b bytes.Buffer
	a := archive{to: &b}
	a.directory("proc")
	a.file("init", []byte("hello"))
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if len(text)%4 != 0 || strings.Count(text, "070701") != 3 || !strings.HasPrefix(text, "07070100000001000041ED") {
		t.Errorf("%q", text)
	}
	i := strings.Index(text, "hello")
	if i%4 != 0 || text[i-6-110 : i-6][:6] != "070701" && text[i-8-110 : i-8][:6] != "070701" {
		t.Errorf("the contents at %d", i)
	}
}
