// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestRealWithoutBTF hides the kernel's type information from the daemon, in a
// mount namespace of its own: capture has no need of it and measures as usual,
// socket wait says that it is off.
func TestRealWithoutBTF(t *testing.T) {
	p := need(t)
	hidden := filepath.Join(t.TempDir(), "modeltap")
	script := "#!/bin/sh\nset -e\n" +
		"exec unshare --mount --propagation private -- sh -c '" +
		"mount -t tmpfs -o ro none /sys/kernel/btf && ! test -e /sys/kernel/btf/vmlinux && exec \"$0\" \"$@\"' " + p.modeltap + " \"$@\"\n"
	if err := os.WriteFile(hidden, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}

	out, err := exec.Command(hidden, "check").CombinedOutput()
	if err != nil {
		t.Errorf("check without BTF: %v, want exit code 0: capture needs none\n%s", err, out)
	}
	for _, feature := range []string{"btf", "socket_wait"} {
		if !saysNo(string(out), feature) {
			t.Errorf("check does not say that %s is missing and what to do:\n%s", feature, out)
		}
	}

	s := p.serve(t, "uvicorn-asyncio-h11", "chat:app")
	m, err := rig.StartModeltap(hidden, s.Target("llm"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	const n, tokens = 4, 10
	answers := kept(t, s, n, chat(tokens, true, true, "prefill=0.02&gap=0.005"))
	compare(t, m, "llm", answers)
	got := scrape(t, m)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total", "outcome", "ok"), n)
	want(t, "output tokens", got.Value("model_tokens_total", "type", "output"), n*tokens)
	want(t, "socket wait", got.Value("modeltap_feature_supported", "feature", "socket_wait"), 0)
	waits, _ := got.Histogram("model_request_socket_wait_seconds")
	want(t, "socket waits", waits, 0)
}

// saysNo says whether check's line of a feature is a no that names BTF's place.
func saysNo(out, feature string) bool {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) > 1 && (f[0] == feature || f[1] == feature) {
			return (f[0] == "no" || f[1] == "no") && strings.Contains(line, "BTF")
		}
	}
	return false
}
