// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// procOf makes a procfs of files, by their paths; a link is written "-> TO".
func procOf(t *testing.T, files map[string]string) Proc {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(text) > 3 && text[:3] == "-> " {
			err = os.Symlink(text[3:], path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Proc(root)
}

func TestProc(t *testing.T) {
	p := procOf(t, map[string]string{
		"7/comm": "python3\n", "7/cmdline": "python3\x00app.py\x00\x00", "7/fd/3": "-> socket:[11]", "7/fd/4": "-> /dev/null",
		"7/cgroup": "12:memory:/x\n0::/system.slice/vllm.service\n",
		"9/comm":   "worker\n", "9/cmdline": "", "9/fd/0": "-> socket:[11]", "9/fd/1": "-> socket:[12]", "9/fd/2": "-> socket:[x]",
		"version": "Linux",
	})
	pids := p.Processes()
	slices.Sort(pids)
	if !slices.Equal(pids, []int{7, 9}) || !p.Alive(7) || p.Alive(8) {
		t.Errorf("processes %v", pids)
	}
	if comm, argv := p.Command(7); comm != "python3" || !slices.Equal(argv, []string{"python3", "app.py"}) {
		t.Errorf("%q %q", comm, argv)
	}
	if comm, argv := p.Command(8); comm != "" || argv != nil {
		t.Errorf("of nobody: %q %q", comm, argv)
	}
	if got := p.CgroupPath(7); got != "/system.slice/vllm.service" || p.CgroupPath(9) != "" {
		t.Errorf("cgroup %q", got)
	}
	held := p.Holders(map[uint64]bool{11: true, 12: true, 13: true})
	slices.Sort(held[11])
	if !slices.Equal(held[11], []int{7, 9}) || !slices.Equal(held[12], []int{9}) || len(held) != 2 {
		t.Errorf("held by %v", held)
	}
}

func TestListening(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	p := procOf(t, map[string]string{
		"self/net/tcp": head + `   0: 0100007F:2506 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0100007F:2506 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0
   4: cut
`,
		"5/net/tcp6": head + "   3: 00000000000000000000000001000000:2506 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 14 1\n",
	})
	for process, want := range map[string]string{
		"self": "[{11 127.0.0.1:9478} {13 0.0.0.0:22}]", "5": "[{14 [::1]:9478}]", "6": "[]",
	} {
		if got := fmt.Sprint(p.Listening(process)); got != want {
			t.Errorf("%s: %s, want %s", process, got, want)
		}
	}
	if s := p.Listening("5"); s[0].Local.Addr() != netip.IPv6Loopback() {
		t.Error(s)
	}
}
