// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// Modeltap is a running daemon.
type Modeltap struct {
	*Process
	URL string
}

// Target names a server for --target.
func (s *Server) Target(name string) string { return fmt.Sprintf("--target=%s=%d", name, s.Port) }

// StartModeltap runs the daemon with args and returns once it is ready and
// knows every server named by a --target among them.
func StartModeltap(bin string, args ...string) (*Modeltap, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	var o Options
	if slices.Contains(args, "--capture=packet") { // sees its network namespace alone, and cgroups not at all
		o.Env = []string{sandbox.Limit + "="}
	}
	p, err := Start(o, append([]string{bin, "run", "--web.listen-address=" + address}, args...)...)
	if err != nil {
		return nil, err
	}
	m := &Modeltap{Process: p, URL: "http://" + address}
	return m, p.poll(20*time.Second, func() bool { return answers(m.URL+"/-/ready") && m.knows(args) })
}

func (m *Modeltap) knows(args []string) bool {
	scrape, err := m.Scrape()
	if err != nil {
		return false
	}
	for _, a := range args {
		if t, ok := strings.CutPrefix(a, "--target="); ok {
			name, _, _ := strings.Cut(t, "=")
			if scrape.Value("model_server_info", "server", name) == 0 {
				return false
			}
		}
	}
	return true
}

// Scrape reads /metrics, which drains all that was captured before it.
func (m *Modeltap) Scrape() (Metrics, error) {
	b, err := m.get("/metrics")
	if err != nil {
		return nil, err
	}
	return ParseMetrics(strings.NewReader(string(b)))
}

// Exchange is one entry of /api/v1/requests; nil where unknown.
type Exchange struct {
	Server          string   `json:"server"`
	API             string   `json:"api"`
	Model           string   `json:"model"`
	Code            any      `json:"code"`
	Stream          bool     `json:"stream"`
	Outcome         string   `json:"outcome"`
	SocketWait      *float64 `json:"socket_wait_seconds"`
	TTFT            *float64 `json:"ttft_seconds"`
	Duration        *float64 `json:"duration_seconds"`
	InputTokens     *float64 `json:"input_tokens"`
	OutputTokens    *float64 `json:"output_tokens"`
	TokenSource     *string  `json:"token_source"`
	RequestBytes    *float64 `json:"request_bytes"`
	ResponseBytes   *float64 `json:"response_bytes"`
	FinishReason    *string  `json:"finish_reason"`
	TraceID         *string  `json:"trace_id"`
	Backpressure    bool     `json:"backpressure"`
	RoundTripSecond *float64 `json:"rtt_seconds"`
}

// Requests returns the last exchanges of a server, by trace id. Requests
// without one are left out.
func (m *Modeltap) Requests(server string) (map[string]Exchange, error) {
	if _, err := m.Scrape(); err != nil { // drains
		return nil, err
	}
	b, err := m.get("/api/v1/requests?limit=1000&server=" + url.QueryEscape(server))
	if err != nil {
		return nil, err
	}
	var list []Exchange
	if err := json.Unmarshal(b, &list); err != nil {
		var wrapped struct{ Requests []Exchange }
		if json.Unmarshal(b, &wrapped) != nil {
			return nil, fmt.Errorf("/api/v1/requests: %w: %.200s", err, b)
		}
		list = wrapped.Requests
	}
	byTrace := map[string]Exchange{}
	for _, x := range list {
		if x.TraceID != nil {
			byTrace[*x.TraceID] = x
		}
	}
	return byTrace, nil
}

func (m *Modeltap) get(path string) ([]byte, error) {
	client := http.Client{Timeout: 30 * time.Second}
	r, err := client.Get(m.URL + path)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, m.Output())
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.500s", path, r.Status, b)
	}
	return b, err
}
