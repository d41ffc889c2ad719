// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var t0 = time.Unix(1_700_000_000, 0)

func mustRead(t *testing.T, text string, after time.Duration) *Scrape {
	t.Helper()
	s, err := Read(strings.NewReader(text), t0.Add(after))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadKeepsWhatIsWanted(t *testing.T) {
	s := mustRead(t, `# HELP model_requests_total Ended.
# TYPE model_requests_total counter
model_requests_total{server="a"} 3
# TYPE something_else gauge
something_else 1
# TYPE model_request_size_bytes histogram
model_request_size_bytes_bucket{le="64"} 1
model_request_size_bytes_bucket{le="+Inf"} 1
model_request_size_bytes_sum 1
model_request_size_bytes_count 1
# TYPE model_time_to_first_token_seconds histogram
model_time_to_first_token_seconds_bucket{server="a",le="2.5"} 3
model_time_to_first_token_seconds_bucket{server="a",le="0.5"} 2
model_time_to_first_token_seconds_bucket{server="a",le="+Inf"} 4
model_time_to_first_token_seconds_sum{server="a"} 5
model_time_to_first_token_seconds_count{server="a"} 4
modeltap_build_info{version="1"} 1`, 0) // and no end of line
	for name, want := range map[string]int{"model_requests_total": 1, "something_else": 0, "model_request_size_bytes": 0, "model_time_to_first_token_seconds": 1, "modeltap_build_info": 1} {
		if n := len(s.families[name]); n != want {
			t.Errorf("%s: %d series, want %d", name, n, want)
		}
	}
	for _, x := range s.families["model_time_to_first_token_seconds"] {
		if fmt.Sprint(x.hist) != "{[0.5 2.5] [2 3 4] 5}" {
			t.Errorf("the histogram is %v", x.hist)
		}
	}
}

// A federation takes histograms apart and says that it knows no type.
func TestReadFederation(t *testing.T) {
	s := mustRead(t, `# TYPE model_requests_total untyped
model_requests_total{instance="i",server="a"} 3 1700000000000
# TYPE model_time_to_first_token_seconds_bucket untyped
model_time_to_first_token_seconds_bucket{instance="i",server="a",le="0.5"} 2 1700000000000
model_time_to_first_token_seconds_bucket{instance="i",server="b",le="0.5"} 1 1700000000000
model_time_to_first_token_seconds_bucket{instance="i",server="a",le="+Inf"} 4 1700000000000
model_time_to_first_token_seconds_bucket{instance="i",server="b",le="+Inf"} 1 1700000000000
# TYPE model_time_to_first_token_seconds_count untyped
model_time_to_first_token_seconds_count{instance="i",server="a"} 4 1700000000000
model_time_to_first_token_seconds_count{instance="i",server="b"} 1 1700000000000
# TYPE model_time_to_first_token_seconds_sum untyped
model_time_to_first_token_seconds_sum{instance="i",server="a"} 5 1700000000000
model_time_to_first_token_seconds_sum{instance="i",server="b"} 6 1700000000000
`, 0)
	got := map[string]string{}
	for _, x := range s.families["model_time_to_first_token_seconds"] {
		got[x.labels["server"]] = fmt.Sprint(x.hist)
	}
	if len(got) != 2 || got["a"] != "{[0.5] [2 4] 5}" || got["b"] != "{[0.5] [1 1] 6}" {
		t.Errorf("the histograms are %v", got)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{"a page": "<html>\n<body>hello</body></html>\n", "nothing": "", "another exporter": "# TYPE node_load1 gauge\nnode_load1 1\n"} {
		if _, err := Read(strings.NewReader(text), t0); !errors.Is(err, ErrNotModeltap) {
			t.Errorf("%s: %v, want %v", name, err, ErrNotModeltap)
		}
	}
	if _, err := Read(strings.NewReader("modeltap_panics_total{ 1\n"), t0); err == nil {
		t.Error("a broken line was taken")
	}
	if _, err := Read(io.MultiReader(strings.NewReader("modeltap_panics_total 1\n"), broken{}), t0); err == nil {
		t.Error("an answer that broke off was taken")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken off") }

// A line without end, and one that is long, cost no memory and hide no other.
func TestLongLines(t *testing.T) {
	endless := io.LimitReader(repeat("modeltap_x"), 8<<20)
	s, err := Read(io.MultiReader(strings.NewReader("modeltap_panics_total 1\n"), endless,
		strings.NewReader("\nmodeltap_buffer_bytes 2\n")), t0)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.families) != 2 {
		t.Errorf("%d families, want the two around the long line", len(s.families))
	}
}

type repeat string

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r[i%len(r)]
	}
	return len(p), nil
}

// An answer with a million series is read within bounds, and said to be cut.
func TestManySeries(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		for i := range 1_000_000 {
			fmt.Fprintf(w, "model_tokens_per_second{server=\"s%d\"} 1\n", i)
		}
		w.Close()
	}()
	s, err := Read(r, t0)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.families["model_tokens_per_second"]); n != maxSeries || !s.Cut {
		t.Errorf("%d series are kept, cut %v; want %d, true", n, s.Cut, maxSeries)
	}
	f := Between(nil, s)
	if len(f.Rows) != MaxRows || !f.Cut {
		t.Errorf("%d rows, cut %v; want %d, true", len(f.Rows), f.Cut, MaxRows)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("%d MiB are held by one scrape", m.HeapAlloc>>20)
	}
	runtime.KeepAlive(s)
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"llama-3.1":                    "llama-3.1",
		"Qwen/模型":                      "Qwen/模型",
		"\x1b[2Jgone":                  "?[2Jgone",
		"a\u009b31mred":                "a?31mred",
		"bell\a tab\t nl\n":            "bell? tab? nl?",
		"\u202egpj.exe":                "?gpj.exe",
		"zero\u200bwidth":              "zero?width",
		"\xff\xfe":                     "??",
		"\u2066iso\u2069":              "?iso?",
		strings.Repeat("x", 300):       strings.Repeat("x", MaxLabel),
		strings.Repeat("x", 127) + "é": strings.Repeat("x", 127),
		strings.Repeat("x", 126) + "é": strings.Repeat("x", 126) + "é",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b]0;title\a")
	f.Add(strings.Repeat("é", 90))
	f.Fuzz(func(t *testing.T, s string) {
		c := Clean(s)
		if !utf8.ValidString(c) || len(c) > MaxLabel {
			t.Fatalf("%q: %d bytes, valid %v", c, len(c), utf8.ValidString(c))
		}
		for _, r := range c {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q holds %U", c, r)
			}
		}
	})
}

// Whatever is read is refused or makes figures, without a panic.
func FuzzRead(f *testing.F) {
	f.Add("# TYPE model_requests_total counter\nmodel_requests_total{server=\"a\",outcome=\"ok\"} 3\n", "model_requests_total{server=\"a\"} 4\n")
	f.Add("# TYPE model_time_to_first_token_seconds histogram\nmodel_time_to_first_token_seconds_bucket{le=\"NaN\"} 1\n", "gpu_up{gpu=\"x\"} NaN\n")
	f.Fuzz(func(_ *testing.T, a, b string) {
		from, err := Read(strings.NewReader(a), t0)
		if err != nil {
			return
		}
		to, err := Read(strings.NewReader(b), t0.Add(time.Second))
		if err != nil {
			return
		}
		fig := Between(from, to)
		for i := range fig.Rows {
			fig.Rows[i].TTFT.Quantile(.95)
			fig.Rows[i].TTFT.Beyond(.95)
		}
	})
}
