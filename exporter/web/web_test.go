// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The pure modules have tests of their own, which node runs.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: run exporter/web/e2e/setup.sh")
	}
	tests, err := filepath.Glob("testdata/*.test.mjs")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	out, err := exec.Command(node, append([]string{"--test", "--test-reporter=tap"}, tests...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("# pass 17\n")) {
		t.Errorf("fewer tests ran than there are:\n%s", out)
	}
}

// The files load each other by relative names, and nothing from elsewhere.
func TestFilesStayHere(t *testing.T) {
	load := regexp.MustCompile(`(?:from '|src="|href="|url\()([^'")]+)`)
	loads := 0
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range load.FindAllStringSubmatch(string(text), -1) {
			loads++
			to := m[1]
			if strings.Contains(to, "//") || strings.HasPrefix(to, "/") {
				t.Errorf("%s loads %s", name, to)
			}
			if module, ok := strings.CutPrefix(to, "./"); ok && module != "" {
				if _, ok := File(module); !ok {
					t.Errorf("%s loads %s, which does not exist", name, to)
				}
			}
		}
		for _, bad := range []string{"innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%s uses %s: names come from the wire and must stay text", name, bad)
			}
		}
		return nil
	})
	if err != nil || loads < 20 {
		t.Errorf("%v; %d references were found", err, loads)
	}
}
