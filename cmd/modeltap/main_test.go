// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// asProgram in the environment makes the test binary the program, so that
// tests run it, and it itself, as a process.
const asProgram = "MT_TEST_AS_PROGRAM=1"

func TestMain(m *testing.M) {
	if name, value, _ := strings.Cut(withoutBPF, "="); os.Getenv(name) == value {
		panic(forbidBPF())
	}
	if name, value, _ := strings.Cut(asProgram, "="); os.Getenv(name) == value {
		main()
	}
	os.Exit(sandbox.Main(m, sandbox.Plan{Apart: "^Test(Demo|Failures|LivePage|Presets|Record|Run|Top)", Prepare: prepare}))
}

// prepare fetches what the tests build from where the network is.
func prepare() error {
	if out, err := exec.Command("go", "build", module+"...").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// limited adds to an environment what limits a daemon to this sandbox.
func limited(environ ...string) []string {
	return append(environ, sandbox.Limit+"="+sandbox.Cgroup())
}

// log is what several processes write to at once.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// call runs the program in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs log
	code = mainWithExitCode(process{
		args: args, environ: limited(asProgram), stdin: strings.NewReader(""), stdout: &out, stderr: &errs,
	})
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	webConfig := writeFile(t, "tls_server_config: {cert_file: missing.crt, key_file: missing.key}\n")
	for _, c := range []struct {
		args []string
		code int
		want string // on stderr
	}{
		{[]string{"version"}, exitOK, ""},
		{[]string{"--help"}, exitOK, ""},
		{[]string{"--no-such-flag"}, exitUsage, "unknown flag"},
		{[]string{"--config.file=/does/not/exist"}, exitUsage, "correct --config.file"},
		{[]string{"--web.config.file=" + webConfig}, exitUsage, "web configuration"},
		{[]string{"--web.listen-address=:99999"}, exitUsage, "web.listen-address"},
		{[]string{"--web.telemetry-path=metrics"}, exitUsage, "web.telemetry-path"},
		{[]string{"top", "--once", "--url=http://u:secret@127.0.0.1:1"}, exitFailure, "http://127.0.0.1:1/metrics: nothing listens there: start modeltap, or give its address with --url"},
		{[]string{"top", "--url=ftp://u:secret@host"}, exitUsage, "--url: \"ftp\" is no scheme of a modeltap: write http://HOST:9478"},
		{[]string{"top", "--url=http://u:secret@host:port"}, exitUsage, "write http://HOST:9478"},
		{[]string{"top", "--interval=1ms"}, exitUsage, "interval is 1ms: it must be from 200ms to 1h"},
		{[]string{"replay", "/does/not/exist.pcap"}, exitFailure, "no such file"},
	} {
		code, _, stderr := call(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "secret") {
			t.Errorf("%q: exit code %d, stderr %q; want %d with %q", c.args, code, stderr, c.code, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	_, out, _ := call(t, "version")
	for _, want := range []string{"modeltap ", "commit ", "go1."} {
		if !strings.Contains(out, want) {
			t.Errorf("version prints %q, which lacks %q", out, want)
		}
	}
}
