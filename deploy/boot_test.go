// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// systemd is the path of the service manager.
const systemd = "/lib/systemd/systemd"

// bootScript makes a root directory whose changes stay in memory, and runs
// systemd there as the first process of its namespaces. Nothing of it reaches
// the host: what systemd writes goes to an overlay or a tmpfs, /proc/sys and
// /sys are read-only, and what a system does when it starts is masked: it would
// set the kernel up and clean directories.
const bootScript = `set -eu
base=$1
mount --make-rprivate /
mount -t tmpfs none "$base"
mkdir "$base/up" "$base/work" "$base/root" "$base/files"
cp -r "$2/." "$base/files/"
mount -t overlay -o "lowerdir=/,upperdir=$base/up,workdir=$base/work" none "$base/root"
cd "$base/root"
cp -r "$base/files/." .
mount -t proc none proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro none sys
mount -t cgroup2 none sys/fs/cgroup
for d in tmp run dev root var/tmp; do mount -t tmpfs -o mode=755 none "$d"; done
chmod 1777 tmp var/tmp
for d in null zero full random urandom tty; do touch "dev/$d"; mount --bind "/dev/$d" "dev/$d"; done
mkdir dev/shm run/old
for u in sysinit.target basic.target shutdown.target umount.target systemd-sysctl.service systemd-tmpfiles-setup.service \
	systemd-tmpfiles-setup-dev.service systemd-tmpfiles-clean.service systemd-tmpfiles-clean.timer systemd-udevd.service systemd-modules-load.service; do
	rm -f "etc/systemd/system/$u"
	ln -s /dev/null "etc/systemd/system/$u"
done
ip link set lo up
pivot_root . run/old
umount -l /run/old
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin ` + systemd + ` --system --unit=lab.target --log-target=console --show-status=0
`

// modelServer answers chat requests on port 8000.
const modelServer = `
import http.server, json
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        b = json.dumps({"object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
        self.send_response(200); self.send_header("Content-Type", "application/json"); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), H).serve_forever()
`

// lab is a running systemd.
type lab struct {
	pid int // of systemd, as the host counts
	out *strings.Builder
}

// in makes a command that runs in the namespaces of the lab.
func (l *lab) in(argv ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(l.pid), "-m", "-n", "-p", "-C", "--"}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (l *lab) do(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := l.in(argv...).CombinedOutput()
	if err != nil {
		log, _ := l.in("cat", "/run/modeltap.log").CombinedOutput()
		t.Fatalf("%q: %v\n%s\n%s\n%s", argv, err, out, log, l.out)
	}
	return strings.TrimSpace(string(out))
}

// until asks until the answer is as wanted.
func (l *lab) until(t *testing.T, what string, ok func(string) bool, argv ...string) string {
	t.Helper()
	var out []byte
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out, _ = l.in(argv...).CombinedOutput()
		if ok(strings.TrimSpace(string(out))) {
			return strings.TrimSpace(string(out))
		}
	}
	log, _ := l.in("cat", "/run/modeltap.log").CombinedOutput()
	t.Fatalf("never: %s: %q says %s\n%s\n%s", what, argv, out, log, l.out)
	return ""
}

// boot starts systemd with the units of this repository installed by hand, or,
// with bare, for a package to bring them, and with nothing else.
func boot(t *testing.T, bare bool) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make namespaces")
	}
	for _, needed := range []string{systemd, "/usr/bin/nsenter", "/usr/bin/unshare"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skip("no systemd to start here: ", err)
		}
	}
	if known, _ := os.ReadFile("/proc/filesystems"); !strings.Contains(string(known), "overlay") || !strings.Contains(string(known), "cgroup2") {
		t.Skip("needs overlayfs and cgroup v2, to keep systemd away from the host")
	}
	files := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(files, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const lone = "[Unit]\nDefaultDependencies=no\n"
	write("etc/systemd/system/lab.target", lone)
	write("etc/systemd/system/modeltap.service.d/lab.conf", lone+"[Service]\nStandardOutput=append:/run/modeltap.log\nStandardError=append:/run/modeltap.log\n")
	write("etc/systemd/system/modeltap.socket.d/lab.conf", lone)
	if !bare {
		install(t, write, files)
	}
	if err := os.Chmod(files, 0o755); err != nil { // it becomes /
		t.Fatal(err)
	}
	group := newGroup(t)
	dir, err := os.Open(group)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	l := &lab{out: new(strings.Builder)}
	cmd := exec.Command("unshare", "-m", "-n", "-C", "-p", "-i", "-u", "-f", "--kill-child", "sh", "-c", bootScript, "sh", t.TempDir(), files)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = l.out, l.out, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		l.pid, _ = strconv.Atoi(strings.TrimSpace(string(raw)))
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", l.pid))
		if l.pid > 0 && string(comm) == "systemd\n" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("systemd did not start\n%s", l.out)
		}
	}
	l.until(t, "systemd has started", func(s string) bool { return s == "active" }, "systemctl", "is-active", "lab.target")
	return l
}

// install puts the program and the units where docs/deployment.md puts them.
func install(t *testing.T, write func(name, text string), files string) {
	t.Helper()
	for from, to := range map[string]string{"modeltap.service": "etc/systemd/system/", "modeltap.socket": "etc/systemd/system/", "modeltap.default": "etc/default/modeltap"} {
		text, err := os.ReadFile("systemd/" + from)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(to, "/") {
			to += from
		}
		write(to, string(text))
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(files, "usr/bin/modeltap"), "../cmd/modeltap").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// newGroup makes a cgroup, which has to be empty and goes at the end.
func newGroup(t *testing.T) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs syscall.Statfs_t
		if syscall.Statfs(root, &fs) != nil || fs.Type != 0x63677270 {
			continue
		}
		dir, err := os.MkdirTemp(root, "modeltap-boot-")
		if err != nil || os.Chmod(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			var err error
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				if err = exec.Command("find", dir, "-depth", "-type", "d", "-delete").Run(); err == nil {
					return
				}
			}
			t.Errorf("processes are left in %s: %v", dir, err)
		})
		return dir
	}
	t.Skip("needs to make a cgroup")
	return ""
}

// get and ask are what a scraper and a client do.
func get(path string) []string {
	return []string{"python3", "-c", "import urllib.request, sys; print(urllib.request.urlopen('http://127.0.0.1:9478" + path + "', timeout=5).read().decode())"}
}

var ask = []string{"python3", "-c", `import urllib.request
print(urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8000/v1/chat/completions", b'{"model":"m","messages":[]}', {"Content-Type": "application/json"}), timeout=5).status)`}

// TestServiceUnderSystemd starts the committed units by a real systemd.
func TestServiceUnderSystemd(t *testing.T) {
	t.Parallel()
	l := boot(t, false)
	server := l.in("python3", "-c", modelServer)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })

	main := func() string { return l.do(t, "systemctl", "show", "-P", "MainPID", "modeltap") }
	counted := func(n int) {
		t.Helper()
		l.do(t, ask...)
		want := fmt.Sprintf("} %d\n", n)
		l.until(t, "the request is counted", func(s string) bool {
			for line := range strings.Lines(s) {
				if strings.HasPrefix(line, "model_requests_total{") && strings.Contains(line, `outcome="ok"`) && strings.HasSuffix(line, want) {
					return true
				}
			}
			return false
		}, get("/metrics")...)
	}
	ready := func() {
		t.Helper()
		l.until(t, "ready", func(s string) bool { return !strings.Contains(s, "Error") }, get("/-/ready")...)
	}

	l.do(t, "systemctl", "start", "modeltap")
	ready()
	first := main()
	status := l.do(t, "cat", "/proc/"+first+"/status")
	if strings.Contains(status, "Uid:\t0") || !strings.Contains(status, "NoNewPrivs:\t1") {
		t.Errorf("not as another user, or may gain privileges:\n%s", status)
	}
	time.Sleep(2 * time.Second) // as long as a listener may take to be known
	counted(1)

	l.do(t, "systemctl", "restart", "modeltap")
	ready()
	second := main()
	if second == first || second == "0" {
		t.Errorf("process %s after a restart, %s before", second, first)
	}
	time.Sleep(2 * time.Second)
	counted(1)
	l.do(t, "systemctl", "reload", "modeltap")

	l.do(t, "kill", "-9", second)
	l.until(t, "systemd starts it again", func(s string) bool { return s != "0" && s != second }, "systemctl", "show", "-P", "MainPID", "modeltap")
	ready()
	counted(1)

	l.do(t, "systemctl", "stop", "modeltap")
	if s := l.do(t, "systemctl", "show", "-P", "ActiveState", "-P", "Result", "modeltap"); strings.Join(strings.Fields(s), " ") != "inactive success" && strings.Join(strings.Fields(s), " ") != "success inactive" {
		t.Errorf("stopped: %s", s)
	}
	if s, err := l.in("pgrep", "-x", "modeltap").Output(); err == nil {
		t.Errorf("left: %s", s)
	}

	// By its port.
	l.do(t, "sh", "-c", "echo MODELTAP_WEB_SYSTEMD_SOCKET=true >>/etc/default/modeltap")
	l.do(t, "systemctl", "start", "modeltap.socket")
	if s := main(); s != "0" {
		t.Errorf("process %s before anybody asked", s)
	}
	if s := l.do(t, get("/metrics")...); !strings.Contains(s, "modeltap_build_info") {
		t.Errorf("%.200s", s)
	}
	ready()
	l.do(t, "systemctl", "stop", "modeltap.socket", "modeltap")
}

// testInstalled installs a package as a user does, upgrades and removes it.
func testInstalled(t *testing.T, file string) {
	l := boot(t, true)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bring := l.in("sh", "-c", "cat >/tmp/modeltap.deb")
	bring.Stdin = strings.NewReader(string(text))
	if out, err := bring.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pid := func() string { return l.do(t, "systemctl", "show", "-P", "MainPID", "modeltap") }
	l.do(t, "dpkg", "--no-triggers", "-i", "/tmp/modeltap.deb")
	if s := pid(); s != "0" {
		t.Errorf("installing it started process %s", s)
	}
	l.do(t, "systemctl", "enable", "--now", "modeltap")
	l.until(t, "ready", func(s string) bool { return !strings.Contains(s, "Error") }, get("/-/ready")...)
	first := pid()
	l.do(t, "dpkg", "--no-triggers", "-i", "/tmp/modeltap.deb")
	l.until(t, "ready", func(s string) bool { return !strings.Contains(s, "Error") }, get("/-/ready")...)
	if s := pid(); s == first || s == "0" {
		t.Errorf("process %s after an upgrade, %s before", s, first)
	}
	l.do(t, "dpkg", "--no-triggers", "-r", "modeltap")
	if s, err := l.in("pgrep", "-x", "modeltap").Output(); err == nil {
		t.Errorf("left after its removal: process %s", s)
	}
	for _, path := range []string{"/usr/bin/modeltap", "/usr/lib/systemd/system/modeltap.service", "/etc/systemd/system/multi-user.target.wants/modeltap.service"} {
		if out, err := l.in("ls", path).CombinedOutput(); err == nil {
			t.Errorf("left after its removal: %s", out)
		}
	}
}
