// SPDX-License-Identifier: Apache-2.0

// Package browser drives a headless Chromium through chromedriver, by the
// commands of W3C WebDriver over plain HTTP. It is for tests and screenshots.
package browser

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Browser is a session with one window.
type Browser struct {
	driver  *exec.Cmd
	base    string // of the driver, then of the session
	profile string
}

var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
}

var started = regexp.MustCompile(`started successfully on port (\d+)`)

// Start starts a driver and a browser with an empty profile. Close ends both.
func Start() (*Browser, error) {
	profile, err := os.MkdirTemp("", "modeltap-browser-")
	if err != nil {
		return nil, err
	}
	b := &Browser{driver: exec.Command("chromedriver", "--port=0"), profile: profile}
	b.driver.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // browsers that stay behind are of this group
	out, err := b.driver.StdoutPipe()
	if err == nil {
		err = b.driver.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: run exporter/web/e2e/setup.sh", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := started.FindStringSubmatch(lines.Text()); m != nil {
			b.base = "http://127.0.0.1:" + m[1]
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var session struct {
		SessionID string `json:"sessionId"`
	}
	err = b.call("POST", "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName":        "chrome",
		"goog:chromeOptions": map[string]any{"args": append(flags, "--user-data-dir="+profile)},
		"goog:loggingPrefs":  map[string]string{"browser": "ALL", "performance": "ALL"},
	}}}, &session)
	if err != nil {
		b.Close()
		return nil, err
	}
	b.base += "/session/" + session.SessionID
	return b, nil
}

// Close ends the browser and its driver.
func (b *Browser) Close() {
	if strings.Contains(b.base, "/session/") {
		_ = b.call("DELETE", "", nil, nil)
	}
	_ = syscall.Kill(-b.driver.Process.Pid, syscall.SIGKILL)
	_ = b.driver.Wait()
	_ = os.RemoveAll(b.profile)
}

var client = http.Client{Timeout: time.Minute}

func (b *Browser) call(method, path string, body, value any) error {
	var text io.Reader
	if method == "POST" {
		if body == nil {
			body = struct{}{}
		}
		j, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(j)
	}
	q, err := http.NewRequest(method, b.base+path, text)
	if err != nil {
		return err
	}
	r, err := client.Do(q)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %.600s", path, answer.Value)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}

// Open loads a page.
func (b *Browser) Open(url string) error {
	return b.call("POST", "/url", map[string]string{"url": url}, nil)
}

// Script runs the body of a function in the page and decodes what it returns.
func (b *Browser) Script(script string, value any, args ...any) error {
	if args == nil {
		args = []any{}
	}
	return b.call("POST", "/execute/sync", map[string]any{"script": script, "args": args}, value)
}

// DevTools sends a command of the Chrome DevTools Protocol.
func (b *Browser) DevTools(command string, parameters map[string]any) error {
	if parameters == nil {
		parameters = map[string]any{}
	}
	return b.call("POST", "/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, nil)
}

// Theme has the page believe that the user prefers dark or light.
func (b *Browser) Theme(name string) error {
	return b.DevTools("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": name}},
	})
}

// Size sets the size of the page.
func (b *Browser) Size(width, height int) error {
	return b.DevTools("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
	})
}

// Screenshot returns what the page looks like, as PNG.
func (b *Browser) Screenshot() ([]byte, error) {
	var text string
	if err := b.call("GET", "/screenshot", nil, &text); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// Keys of Press.
const (
	Tab   = "\ue004"
	Enter = "\ue007"
	Left  = "\ue012"
	Space = " "
)

// Press presses keys one after another.
func (b *Browser) Press(keys ...string) error {
	var actions []map[string]string
	for _, k := range keys {
		actions = append(actions, map[string]string{"type": "keyDown", "value": k}, map[string]string{"type": "keyUp", "value": k})
	}
	return b.call("POST", "/actions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}, nil)
}

// Entry is a line of a log.
type Entry struct {
	Level   string
	Message string
}

// Log returns what was logged since the last call: "browser" is the console,
// "performance" the events of DevTools.
func (b *Browser) Log(kind string) ([]Entry, error) {
	var all []Entry
	return all, b.call("POST", "/se/log", map[string]string{"type": kind}, &all)
}

// Requests returns the addresses that the page has asked for since the last
// call.
func (b *Browser) Requests() ([]string, error) {
	log, err := b.Log("performance")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range log {
		var m struct {
			Message struct {
				Method string
				Params struct{ Request struct{ URL string } }
			}
		}
		if json.Unmarshal([]byte(e.Message), &m) == nil && m.Message.Method == "Network.requestWillBeSent" {
			all = append(all, m.Message.Params.Request.URL)
		}
	}
	return all, nil
}
