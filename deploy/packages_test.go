// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// released makes a release as "make release" does, which installs the other
// architecture's C compiler where that is missing.
func released(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a release may install a C compiler, which takes root")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("no apt-get here to install the other architecture's C compiler with")
	}
	dir := t.TempDir()
	cmd := exec.Command("make", "-C", "..", "release", "DIST="+dir, "VERSION=v1.2.3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func TestRelease(t *testing.T) {
	t.Parallel()
	dir := released(t)
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		name := "modeltap-linux-" + arch
		f, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		// With cgo, else it would be without NVML and packet capture.
		if libs, err := f.ImportedLibraries(); err != nil || f.Machine != machine || len(libs) == 0 {
			t.Errorf("%s: %v, libraries %v, %v", name, f.Machine, libs, err)
		}
		_ = f.Close()
		for _, file := range []string{name, name + ".deb", name + ".rpm"} {
			b, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(sums), fmt.Sprintf("%x  %s\n", sha256.Sum256(b), file)) {
				t.Errorf("%s: not in SHA256SUMS as it is", file)
			}
		}
	}
	t.Run("deb", func(t *testing.T) { testDeb(t, filepath.Join(dir, "modeltap-linux-"+runtime.GOARCH+".deb")) })
	t.Run("installed", func(t *testing.T) { testInstalled(t, filepath.Join(dir, "modeltap-linux-"+runtime.GOARCH+".deb")) })
	t.Run("sbom", func(t *testing.T) { testSBOM(t, filepath.Join(dir, "modeltap.cdx.json")) })
}

// The package holds what a user expects, the program in it is the version that
// was asked for, and the shell and man can read what comes with it.
func testDeb(t *testing.T, file string) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here")
	}
	root := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "--extract", file, root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	field, err := exec.Command("dpkg-deb", "--field", file, "Version", "Architecture").Output()
	if err != nil || string(field) != "Version: 1.2.3\nArchitecture: "+runtime.GOARCH+"\n" {
		t.Errorf("%s %v", field, err)
	}
	for _, name := range []string{"usr/lib/systemd/system/modeltap.service", "usr/lib/systemd/system/modeltap.socket", "etc/default/modeltap",
		"usr/share/zsh/vendor-completions/_modeltap", "usr/share/doc/modeltap/copyright"} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	program := filepath.Join(root, "usr/bin/modeltap")
	if out, err := exec.Command(program, "version").Output(); err != nil || !bytes.HasPrefix(out, []byte("modeltap v1.2.3\n")) {
		t.Errorf("%s %v", out, err)
	}
	page, err := exec.Command("gzip", "-dc", filepath.Join(root, "usr/share/man/man1/modeltap.1.gz")).Output()
	if err != nil || !bytes.Contains(page, []byte(`\fB--capture=auto\fR`)) {
		t.Errorf("man page of %d bytes, %v", len(page), err)
	}
	// As bash itself completes it.
	script := `set -e; PATH="$1:$PATH"; source "$2"; COMP_WORDS=(modeltap check --form); COMP_CWORD=2; _modeltap_bash_autocomplete; echo "${COMPREPLY[@]}"`
	out, err := exec.Command("bash", "-c", script, "bash", filepath.Dir(program),
		filepath.Join(root, "usr/share/bash-completion/completions/modeltap")).CombinedOutput()
	if err != nil || string(out) != "--format\n" {
		t.Errorf("bash completes --form as %q, %v", out, err)
	}
}

func testSBOM(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat  string
		Metadata   struct{ Timestamp time.Time }
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &bom); err != nil || bom.BOMFormat != "CycloneDX" {
		t.Fatal(bom.BOMFormat, err)
	}
	// That of the commit, so that the same commit gives the same file.
	commit, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
	if err == nil && fmt.Sprintln(bom.Metadata.Timestamp.Unix()) != string(commit) {
		t.Errorf("made at %v, not at the time of the commit, %s", bom.Metadata.Timestamp, commit)
	}
	named := map[string]string{}
	for _, c := range bom.Components {
		named[c.Name] = c.Version
	}
	for _, m := range []string{"github.com/cilium/ebpf", "github.com/NVIDIA/go-nvml", "github.com/google/gopacket", "github.com/prometheus/client_golang"} {
		if named[m] == "" {
			t.Errorf("no %s among %d components", m, len(named))
		}
	}
}
