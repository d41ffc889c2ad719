// SPDX-License-Identifier: Apache-2.0

package live

import (
	"compress/gzip"
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

func TestPage(t *testing.T) {
	r := newRig(t)
	r.set(func(s *event.Snapshot) {
		s.Series = []event.Series{{Server: "vllm:8000", Model: "llama", API: "openai_chat", Waiting: 2, TokensPerSecond: 1234}}
		s.Servers = []event.Server{{Name: "vllm:8000", Listening: true}, {Name: "idle:1"}, {Name: "away:2", Target: true}}
		s.Sources = []event.SourceStats{{Source: "cgroup"}}
	})
	r.next()
	for range 4 {
		x := streamed()
		r.Exchange(&x)
	}
	r.next()
	w := r.get("/")
	page := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	for _, want := range []string{
		`<th scope="row">vllm:8000</th><td>llama</td><td>4</td><td>0</td><td>`, "<td>1.23 k</td>", "<td>250 ms</td>", "<td>800 ms</td>", "<td>3 ms</td>",
		`idle:1</th><td colspan="11">no request`, `away:2</th><td colspan="11">does not listen yet`, "cgroup capture, nothing lost", "node-1", "1.2.3",
		`href="metrics"`, `href="-/healthy"`, `href="api/v1/live"`, "<noscript>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"style=", "<script>", "onclick", "http://", "https://", `"/`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q, which its policy forbids or which breaks behind a prefix", bad)
		}
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestPageOfNothing(t *testing.T) {
	page := newRig(t).get("/").Body.String()
	for _, want := range []string{"No model server has been seen yet", "No model request has ended yet", "capture is not attached yet"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// Names come from the wire.
func TestHostileNames(t *testing.T) {
	const evil = `</script><img src=x onerror="alert(1)">&`
	r := newRig(t)
	x := streamed()
	x.Model = evil + "\x00\xff" + strings.Repeat("x", 1000)
	r.Exchange(&x)
	r.next()
	page := r.get("/").Body.String()
	if strings.Contains(page, "<img src=x") || !strings.Contains(page, "&lt;img src=x onerror=") {
		t.Error("a name is markup")
	}
	body := r.get("/api/v1/live").Body.String()
	if strings.Contains(body, "</script>") || strings.Contains(body, strings.Repeat("x", event.MaxLabel)) {
		t.Error("a name is not made fit")
	}
	v, _ := r.join(0)
	r.Exchange(&x)
	r.next()
	if text := string(<-v.events); strings.Count(text, "\n") != 4 {
		t.Errorf("a name breaks the event: %q", text)
	}
}

func TestSnapshot(t *testing.T) {
	r := newRig(t)
	r.set(func(s *event.Snapshot) {
		s.Servers = []event.Server{{Name: "b", Port: 2}, {Name: "a", Port: 1, Comm: "python3"}}
	})
	for range 3 {
		x := streamed()
		r.Exchange(&x)
		r.next()
	}
	for _, encoding := range []string{"", "gzip", "br, gzip;q=0"} {
		w := r.get("/api/v1/live", "Accept-Encoding", encoding)
		var s snapshot
		dec := json.NewDecoder(w.Body)
		if packed := w.Header().Get("Content-Encoding") == "gzip"; packed != (encoding == "gzip") {
			t.Fatalf("%q: packed %v", encoding, packed)
		} else if packed {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			dec = json.NewDecoder(z)
		}
		if err := dec.Decode(&s); err != nil {
			t.Fatal(err)
		}
		if len(s.Ticks) != 3 || len(s.Requests) != 3 || s.Requests[0].Number != 3 || s.Window != 900 || s.Boot == 0 ||
			len(s.Bounds.Time) != timeBuckets-1 || len(s.Bounds.Gap) != gapBuckets-1 || s.Servers[0].Name != "a" || s.Outcomes[event.ClientAbort] != "client_abort" {
			t.Errorf("%q: %+v", encoding, s)
		}
	}
	if w := newRig(t).get("/api/v1/live"); !strings.Contains(w.Body.String(), `"ticks":[]`) || !strings.Contains(w.Body.String(), `"servers":[]`) {
		t.Errorf("an empty snapshot has nulls: %s", w.Body)
	}
}

// Nothing that identifies a client or holds text has a place in what is sent.
func TestWhatIsSentHasNoPlaceForText(t *testing.T) {
	allowed := map[string]bool{ // every field of type string
		"Server": true, "Model": true, "API": true, "Outcome": true, "Source": true, "Finish": true, "Name": true,
		"Comm": true, "Pod": true, "Namespace": true, "Container": true, "Unit": true, "Version": true, "Host": true,
	}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(k reflect.Type) {
		for k.Kind() == reflect.Pointer || k.Kind() == reflect.Slice {
			k = k.Elem()
		}
		if k.Kind() != reflect.Struct || seen[k] {
			return
		}
		seen[k] = true
		for i := range k.NumField() {
			f := k.Field(i)
			if f.Type.Kind() == reflect.String && !allowed[f.Name] {
				t.Errorf("%v.%s is a string: is it text, a path or an address?", k, f.Name)
			}
			walk(f.Type)
		}
	}
	for _, v := range []any{Tick{}, snapshot{}, Request{}} {
		walk(reflect.TypeOf(v))
	}
	if len(seen) < 8 {
		t.Errorf("%d types were looked at", len(seen))
	}
}

func TestFiles(t *testing.T) {
	r := newRig(t)
	for name, kind := range map[string]string{"live.js": "text/javascript", "plot.js": "text/javascript", "live.css": "text/css", "favicon.svg": "image/svg+xml"} {
		w := r.get("/web/" + name)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if again := r.get("/web/"+name, "If-None-Match", w.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("%s again: %d, want 304", name, again.Code)
		}
	}
	for _, name := range []string{"index.html", "web.go", "nothing.js", "..%2flive.go"} {
		if w := r.get("/web/" + name); w.Code != 404 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// The server and the scripts write figures alike.
func TestFiguresAreWrittenAlike(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: run exporter/web/e2e/setup.sh")
	}
	values := []float64{-1, 0, 1e-7, 12.34e-6, 999.4e-6, 999.6e-6, .0012345, .0254, .25, .9994, .9996, 1, 1.005, 9.994, 9.996, 42.42, 99.94, 99.96, 599, 600, 5000, 123456, 7.5e6, 3e9}
	list, _ := json.Marshal(values)
	script := `import('../web/format.js').then((f) => console.log(JSON.stringify(` + string(list) + `.map((v) => [f.seconds(v), f.number(Math.abs(v))]))))`
	out, err := exec.Command(node, "-e", script).CombinedOutput()
	var got [][2]string
	if err != nil || json.Unmarshal(out, &got) != nil || len(got) != len(values) {
		t.Fatalf("%v: %s", err, out)
	}
	for i, v := range values {
		if want := [2]string{seconds(v), number(max(v, -v))}; got[i] != want {
			t.Errorf("%v: scripts %q, server %q", v, got[i], want)
		}
	}
	for o := range event.Outcomes {
		name := o.String()
		out, err := exec.Command(node, "-e", `import('../web/format.js').then((f) => process.stdout.write(f.outcome("`+name+`")))`).Output()
		if err != nil || string(out) != outcomeText(name) {
			t.Errorf("%s: scripts %q, server %q", name, out, outcomeText(name))
		}
	}
}

func TestManySnapshotsAtOnce(t *testing.T) {
	r := newRig(t)
	for range maxSnapshots {
		r.snapshots <- struct{}{}
	}
	if w := r.get("/api/v1/live"); w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
	<-r.snapshots
	if w := r.get("/api/v1/live"); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

// A page that is asked for makes its own tick, so that it is of now.
func TestThePageIsOfNow(t *testing.T) {
	r := newRig(t)
	server, _ := serving(t, r)
	_ = server
	time.Sleep(1100 * time.Millisecond) // the first tick is over, the next is seconds away
	x := streamed()
	r.Exchange(&x)
	w := httptest.NewRecorder()
	r.mux.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(w.Body.String(), "<td>llama</td>") {
		t.Error("the request is not on the page")
	}
}

// When a request began is said once and for all, whatever the clock does
// afterwards: it steps at each look.
func TestARequestBeganOnce(t *testing.T) {
	step := time.Duration(0)
	r := newRig(t, func(o *Options) {
		o.Wall = func(ns int64) time.Time { step -= time.Hour; return time.Unix(1_600_000_000, ns).Add(step) }
	})
	for range 3 {
		r.Exchange(&event.Exchange{Start: 1, End: 2})
	}
	first := r.recent.after(0)
	for range 3 {
		for i, x := range r.recent.after(0) {
			if x.Started == 0 || x.Started != first[i].Started {
				t.Fatalf("request %d began at %v and at %v", i, first[i].Started, x.Started)
			}
		}
	}
	if first[0].Started == first[1].Started {
		t.Error("the clock did not step: the test shows nothing")
	}
}
