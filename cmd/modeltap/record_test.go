// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/cmd/modeltap/demo"
)

// What record writes holds no text, and replay measures it.
func TestRecordReplays(t *testing.T) {
	needRoot(t)
	s := httptest.NewServer(demo.Handler(demo.Pace{}))
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	file := filepath.Join(t.TempDir(), "out.pcapng")

	// The load goes on for as long as the recording does, which is bounded by
	// the size of the file.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const secret = "SecretPromptText"
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			body := `{"stream":true,"max_tokens":3,"messages":[{"role":"user","content":"` + secret + `"}]}`
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/chat/completions", strings.NewReader(body))
			if resp, err := s.Client().Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
	}()
	code, out, stderr := call(t, "record", "--target", address, "--duration=30s", "--max-bytes=64KiB", file)
	cancel()
	<-done
	if code != exitOK || !strings.Contains(out, "packets recorded") {
		t.Fatalf("record: exit code %d, %q, stderr %q", code, out, stderr)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 64<<10 || len(raw) < 16<<10 {
		t.Errorf("the file has %d bytes, want up to 64 KiB and most of it", len(raw))
	}
	if strings.Contains(string(raw), secret) {
		t.Error("the recording holds the prompt")
	}

	code, out, stderr = call(t, "replay", "--format=json", file)
	if code != exitOK {
		t.Fatalf("replay: exit code %d, stderr %q", code, stderr)
	}
	var d document
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Models) == 0 || d.Capture.Lost != 0 {
		t.Fatalf("replay: %s", out)
	}
	for _, m := range d.Models {
		if m.Model != demo.Model {
			continue
		}
		// The file may end between the usage of a request and its end.
		ok, usage := int64(m.Outcomes["ok"]), m.Tokens["output"]["usage"]
		if ok == 0 || usage != 3*ok && usage != 3*(ok+1) {
			t.Errorf("%d requests are ok with %d tokens stated, want 3 each:\n%s", ok, usage, out)
		}
		return
	}
	t.Errorf("replay found no model %s:\n%s", demo.Model, out)
}

func TestRecordRefusesAnExistingFile(t *testing.T) {
	file := writeFile(t, "kept")
	code, _, stderr := call(t, "record", file)
	if text, err := os.ReadFile(file); code != exitFailure || err != nil || string(text) != "kept" || !strings.Contains(stderr, "name a new file") {
		t.Errorf("exit code %d, stderr %q, file %q", code, stderr, text)
	}
}
