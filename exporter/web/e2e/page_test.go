// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/exporter/web/e2e/browser"
)

// colours counts the colours of each canvas that is shown.
const colours = `return [...document.querySelectorAll('figure:not([hidden]) canvas')].map((c) => {
	const copy = Object.assign(document.createElement('canvas'), { width: c.width, height: c.height });
	const k = copy.getContext('2d', { willReadFrequently: true });
	k.drawImage(c, 0, 0);
	const d = k.getImageData(0, 0, c.width, c.height).data;
	const seen = new Set();
	for (let i = 0; i < d.length; i += 4) seen.add(d[i] << 24 | d[i+1] << 16 | d[i+2] << 8 | d[i+3]);
	return c.width > 100 && c.height > 60 ? seen.size : 0;
})`

func TestThePageLives(t *testing.T) {
	needRoot(t)
	d, b := demo(t, "127.0.0.1:0"), window(t)
	must(t, b.Theme("dark"))
	must(t, b.Open(d.url+"/"))
	wait(t, b, "live", `document.getElementById('status').textContent === 'live'`)
	wait(t, b, "the demo's model with a TTFT", `[...document.querySelectorAll('#server-table tbody tr')].some((r) => r.cells[1].textContent === 'demo-1b' && / ms$/.test(r.cells[4].textContent))`)
	wait(t, b, "ended requests", `document.querySelectorAll('#request-table .bar span.prefill').length > 3`)
	wait(t, b, "tokens per second", `/^[1-9]/.test([...document.querySelectorAll('.tile')].find((e) => e.textContent.startsWith('Tokens/s'))?.children[1].textContent)`)
	text := eval[string](t, b, "return document.body.innerText")
	for _, want := range []string{"cgroup capture, nothing lost", "openai_chat", "Demo", "GPU utilisation", "Requests in flight", "of 160 GiB"} {
		if want != "Demo" && !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := eval[int](t, b, "return document.querySelectorAll('figure:not([hidden])').length"); n != 13 {
		t.Errorf("%d charts are shown, want 13", n)
	}

	// Figures move by themselves, and one can stop them.
	const figures = `return [...document.querySelectorAll('.tile, .values, #request-table tbody tr')].map((e) => e.textContent).join()`
	before := eval[string](t, b, figures)
	wait(t, b, "new figures", fmt.Sprintf(`(() => { %s })() !== %q`, figures, before))
	must(t, b.Script("document.getElementById('pause').click()", nil))
	wait(t, b, "paused", `document.getElementById('status').textContent.startsWith('paused at')`)
	wait(t, b, "a frame", `document.getElementById('pause').textContent === 'Resume'`)
	before = eval[string](t, b, "return new Promise((done) => setTimeout(done, 300)).then(() => { "+figures+" })")
	after := eval[string](t, b, "return new Promise((done) => setTimeout(done, 2500)).then(() => { "+figures+" })")
	if before != after {
		t.Error("figures move while paused")
	}
	must(t, b.Script("document.getElementById('pause').click()", nil))

	// All is drawn, in both themes, and they differ.
	var light [2]float64
	for i, theme := range []string{"dark", "light"} {
		must(t, b.Theme(theme))
		wait(t, b, "a frame", `new Promise((done) => setTimeout(() => done(true), 1500))`)
		for k, n := range eval[[]int](t, b, colours) {
			if n < 8 {
				t.Errorf("%s: canvas %d has %d colours: is it blank?", theme, k, n)
			}
		}
		shot, err := b.Screenshot()
		must(t, err)
		light[i] = brightness(t, shot)
		if dir := os.Getenv("MODELTAP_SCREENSHOTS"); dir != "" {
			must(t, os.WriteFile(dir+"/"+theme+".png", shot, 0o600))
		}
	}
	if light[0] > 0.3 || light[1] < 0.7 {
		t.Errorf("brightness dark %.2f, light %.2f", light[0], light[1])
	}

	// A narrow window scrolls down only.
	must(t, b.Size(390, 844))
	wait(t, b, "a frame", `new Promise((done) => setTimeout(() => done(true), 500))`)
	if w := eval[int](t, b, "return document.documentElement.scrollWidth"); w > 390 {
		t.Errorf("the page is %d wide in a window of 390", w)
	}

	quiet(t, b)
	urls, err := b.Requests()
	must(t, err)
	if len(urls) < 10 {
		t.Errorf("the log has %d requests only", len(urls))
	}
	for _, u := range urls {
		if strings.HasPrefix(u, "chrome:") {
			continue // the browser's own first tab, which no page can ask for
		}
		if !strings.HasPrefix(u, d.url+"/") && !strings.HasPrefix(u, "data:") {
			t.Errorf("the page asked for %s", u)
		}
	}
}

// quiet fails the test when the console says anything of the page; of the browser's
// own first tab a slow machine makes it speak.
func quiet(t *testing.T, b *browser.Browser) {
	t.Helper()
	log, err := b.Log("browser")
	must(t, err)
	for _, e := range log {
		if !strings.HasPrefix(e.Message, "chrome:") {
			t.Errorf("console: %s %s", e.Level, e.Message)
		}
	}
}

func brightness(t *testing.T, shot []byte) float64 {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	must(t, err)
	sum, n := 0.0, 0.0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 7 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 7 {
			r, g, bl, _ := img.At(x, y).RGBA()
			sum, n = sum+float64(r+g+bl)/3/0xffff, n+1
		}
	}
	return sum / n
}

func TestKeyboardAndScreenReader(t *testing.T) {
	needRoot(t)
	d, b := demo(t, "127.0.0.1:0"), window(t)
	must(t, b.Open(d.url+"/"))
	wait(t, b, "live", `document.getElementById('status').textContent === 'live'`)
	wait(t, b, "figures", `/now p50 \d/.test(document.querySelector('canvas').getAttribute('aria-label'))`)

	reached := map[string]bool{}
	for range 90 {
		must(t, b.Press(browser.Tab))
		reached[eval[string](t, b, "const e = document.activeElement; return e.id || e.className || e.tagName.toLowerCase()")] = true
	}
	for _, want := range []string{"skip", "server", "window", "pause", "canvas", "summary", "scroll", "scroll tall", "a"} {
		if !reached[want] {
			t.Errorf("the tab key does not reach %q: %v", want, reached)
		}
	}
	// Arrows move through a chart's time; Enter opens its table.
	must(t, b.Script("document.querySelector('canvas').focus()", nil))
	must(t, b.Press(browser.Left, browser.Left))
	wait(t, b, "the figures of an earlier time", `/first token, \d\d:\d\d:\d\d/.test(document.querySelector('canvas').getAttribute('aria-label'))`)
	must(t, b.Press(browser.Tab, browser.Enter))
	wait(t, b, "the table", `document.querySelector('figure details[open] tbody tr td')`)
	must(t, b.Script("document.getElementById('pause').focus()", nil))
	must(t, b.Press(browser.Space))
	wait(t, b, "paused", `document.getElementById('pause').getAttribute('aria-pressed') === 'true'`)

	// What can be operated, or is a picture, has a name.
	nameless := eval[[]string](t, b, `return [...document.querySelectorAll('button, select, input, a, summary, [role=img], [role=region], section')]
		.filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length)).map((e) => e.outerHTML.slice(0, 200))`)
	if len(nameless) > 0 {
		t.Errorf("without a name: %q", nameless)
	}
	if live := eval[int](t, b, `return document.querySelectorAll('[aria-live], [role=status], [role=alert]').length`); live != 1 {
		t.Errorf("%d live regions: only the status is one, or a screen reader never falls silent", live)
	}
	quiet(t, b)
}

func TestARestartIsSaidAndSurvived(t *testing.T) {
	needRoot(t)
	d, b := demo(t, "127.0.0.1:0"), window(t)
	must(t, b.Open(d.url+"/"))
	wait(t, b, "live", `document.getElementById('status').textContent === 'live'`)
	wait(t, b, "requests", `document.querySelectorAll('#request-table .bar').length > 0`)
	address := d.address()
	d.kill()
	wait(t, b, "the loss", `/^no connection to modeltap since \d\d:\d\d:\d\d; trying again$/.test(document.getElementById('status').textContent)`)
	demo(t, address)
	wait(t, b, "recovery", `document.getElementById('status').textContent === 'live'`)
	wait(t, b, "the requests of the new one", `document.querySelector('#request-table tbody tr .bar')`)
}

func TestHostileNames(t *testing.T) {
	needRoot(t)
	const evil = `<img src=x onerror=document.title='owned'><b>&amp;`
	port := hostile(t, evil)
	d := start(t, "127.0.0.1:0", "run", fmt.Sprintf("--target=%d", port), "--no-gpu")
	ask(t, port)
	b := window(t)
	must(t, b.Open(d.url+"/"))
	wait(t, b, "the name as text, by the script", `[...document.querySelectorAll('#request-table .bar')].length > 0 && document.querySelector('#server-table td').textContent === `+fmt.Sprintf("%q", evil))
	wait(t, b, "the name of each request", `document.querySelector('#request-table td:nth-child(3)').textContent === `+fmt.Sprintf("%q", evil))
	if n := eval[int](t, b, `return document.querySelectorAll('td img, td b').length`); n != 0 {
		t.Errorf("%d elements came from a name", n)
	}
	if title := eval[string](t, b, "return document.title"); strings.Contains(title, "owned") {
		t.Error("a name was executed")
	}
	if text := eval[string](t, b, "return document.documentElement.outerHTML"); strings.Contains(text, "secret-") {
		t.Error("text of a prompt or answer is on the page")
	}
	if n := eval[int](t, b, `return [...document.querySelectorAll('figure:not([hidden]) h3')].filter((e) => e.textContent.startsWith('GPU')).length`); n != 0 {
		t.Errorf("%d charts of GPUs that nobody looks at", n)
	}
	quiet(t, b)
}

func TestWithoutScripts(t *testing.T) {
	needRoot(t)
	d, b := demo(t, "127.0.0.1:0"), window(t)
	must(t, b.DevTools("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}))
	text := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // until a request has ended
		must(t, b.Open(d.url+"/"))
		must(t, b.DevTools("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}))
		if text = eval[string](t, b, "return document.body.innerText"); strings.Contains(text, "demo-1b") && strings.Contains(text, "openai_chat") {
			break
		}
	}
	for _, want := range []string{"demo-1b", "TTFT p95", "The charts need JavaScript", "Refresh", "openai_chat", "nothing lost", "metrics"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	for _, not := range []string{"Pause", "Machine", "whole time"} {
		if strings.Contains(text, not) {
			t.Errorf("the page offers %q, which needs a script", not)
		}
	}
}
