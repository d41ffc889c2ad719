// SPDX-License-Identifier: Apache-2.0

// Package deploy tests what modeltap is deployed with.
package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// exposure is the most that systemd-analyze security may find, of 10.
const exposure = 3.3

// The units are right in the eyes of systemd, which says what is not on its
// standard error and ends with success all the same.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := t.TempDir()
	for _, name := range []string{"modeltap.service", "modeltap.socket"} {
		text, err := os.ReadFile("systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("/usr/bin/modeltap"), []byte("/bin/true")) // which has to exist
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("systemd-analyze", "verify", filepath.Join(dir, name))
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, &said)
		}
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", filepath.Join(dir, "modeltap.service")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m := regexp.MustCompile(`exposure level for modeltap.service: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("%s", out)
	}
	if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level > exposure {
		t.Errorf("exposure %s, at most %v: every loosened line needs its reason\n%s", m[1], exposure, out)
	}
}

// The unit has the capabilities that docs/security.md explains, no more.
func TestUnitCapabilities(t *testing.T) {
	text, err := os.ReadFile("systemd/modeltap.service")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	sets := regexp.MustCompile(`(?m)^(?:AmbientCapabilities|CapabilityBoundingSet)=(.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(sets) != 2 || sets[0][1] != sets[1][1] {
		t.Fatal(sets)
	}
	for _, c := range strings.Fields(sets[0][1]) {
		if !strings.Contains(string(document), "`"+strings.TrimPrefix(c, "CAP_")+"`") {
			t.Errorf("docs/security.md does not explain %s", c)
		}
	}
}
