// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// parts is what the tests share.
type parts struct {
	repository, cache string
	dir               string // of what was built
	modeltap, guest   string
	capabilities      []byte
	cgroups           string // where cgroup2 is mounted here
}

var built parts

// root returns the unpacked root of fetch.sh.
func (p *parts) root(name string) string { return filepath.Join(p.cache, name) }

func (p *parts) archive(name string) string { return filepath.Join(p.dir, name+".tar") }

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Println("SKIP: containers need root")
		return
	}
	code := 1
	if err := built.make(); err != nil {
		fmt.Println("containers:", err)
	} else {
		code = m.Run()
		summary()
		if len(results) == 0 && code == 0 {
			fmt.Println("containers: no test said anything: nothing was proved")
			code = 1
		}
	}
	_ = os.RemoveAll(built.dir)
	os.Exit(code)
}

func (p *parts) make() (err error) {
	if p.repository, err = filepath.Abs("../../.."); err != nil {
		return err
	}
	p.cache = filepath.Join(p.repository, ".cache/containers")
	for _, dir := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC && inode(dir) == 1 {
			p.cgroups = dir
			break
		}
	}
	if p.cgroups == "" {
		return fmt.Errorf("no root of a cgroup v2 hierarchy on this machine")
	}
	if out, err := exec.Command("bash", "fetch.sh", p.cache).CombinedOutput(); err != nil {
		return fmt.Errorf("fetch.sh: %w\n%s", err, out)
	}
	if p.dir, err = os.MkdirTemp("", "parts"); err != nil {
		return err
	}
	p.modeltap, p.guest = filepath.Join(p.dir, "modeltap"), filepath.Join(p.dir, "guest")
	if err := build(p.repository, p.modeltap, "./cmd/modeltap"); err != nil {
		return err
	}
	if err := build(".", p.guest, "./guest"); err != nil {
		return err
	}
	dockerfile, err := os.ReadFile(filepath.Join(p.repository, "Dockerfile"))
	if err != nil {
		return err
	}
	if p.capabilities, err = fileCapabilities(string(dockerfile)); err != nil {
		return err
	}
	if err := pack(p.archive("pause"), "localhost/pause:1", image{Entrypoint: []string{"/pause"}}, func(l *layer) { l.file("pause", p.guest, nil) }); err != nil {
		return err
	}
	if err := pack(p.archive("modeltap"), "localhost/modeltap:1", image{Entrypoint: []string{"/usr/bin/modeltap"}, Cmd: []string{"run"}, User: "65534:65534"},
		func(l *layer) { l.file("usr/bin/modeltap", p.modeltap, p.capabilities) }); err != nil {
		return err
	}
	return pack(p.archive("model"), "localhost/model:1", image{
		Entrypoint: []string{"/usr/bin/python3", "-m", "uvicorn", "--app-dir", "/app", "--log-level", "warning", "chat:app"},
		Env:        []string{"PATH=/usr/bin", "PYTHONDONTWRITEBYTECODE=1"}, User: "1000:1000",
	}, func(l *layer) {
		l.tree(p.root("python"))
		l.file("app/chat.py", filepath.Join(p.repository, "observer/e2e/testdata/apps/chat.py"), nil)
	})
}

// build makes a static program, as the Dockerfile does.
func build(dir, to, pkg string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", to, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// results is the table that is printed at the end.
var (
	results [][2]string
	telling sync.Mutex
)

// proved notes what a test that has passed shows.
func proved(t *testing.T, what string) {
	t.Helper()
	t.Cleanup(func() {
		state := "yes"
		switch {
		case t.Skipped():
			state = "skipped"
		case t.Failed():
			state = "NO"
		}
		telling.Lock()
		defer telling.Unlock()
		results = append(results, [2]string{what, state})
	})
}

func summary() {
	fmt.Printf("\n| in real containers | |\n|---|---|\n")
	for _, r := range results {
		fmt.Printf("| %s | %s |\n", strings.TrimSpace(r[0]), r[1])
	}
}
