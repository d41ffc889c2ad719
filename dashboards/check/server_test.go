// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What the model servers of the live test do, so that panels can be held
// against it.
const (
	prefill  = 120 * time.Millisecond // until the first token
	gap      = 15 * time.Millisecond  // between two
	blocked  = 65 * time.Millisecond  // in which the second server does not read
	outputs  = 12                     // tokens of a stream
	inputs   = 100                    // tokens of a request, as the server states them
	cached   = 64                     // of these
	plainOut = 7                      // tokens of an answer that is not streamed
)

// scripted is a model server that does what a request's X-Act header says.
func scripted(model string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /v1/embeddings", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"object":"list","model":%q,"data":[{"object":"embedding","index":0,"embedding":[0.1,0.2]}],"usage":{"prompt_tokens":9,"total_tokens":9}}`, model)
	})
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		s := stream{w: w, r: r, model: model}
		act := r.Header.Get("X-Act")
		if code, err := strconv.Atoi(act); err == nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			fmt.Fprint(w, `{"error":{"message":"no","type":"server_error"}}`)
			return
		}
		s.pause(prefill)
		switch act {
		case "plain":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"x","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"one two three four five six seven"},"finish_reason":"length"}],"usage":%s}`,
				model, usage(plainOut, 2))
		case "wait": // whatever comes, not a token
			s.pause(time.Hour)
		case "stall":
			s.tokens(3)
			s.pause(time.Hour)
		case "pause": // text that stops for more than a second
			s.tokens(3)
			s.pause(1200 * time.Millisecond)
			s.tokens(3)
			s.end("stop", "")
		case "error":
			s.tokens(4)
			s.write(`{"error":{"message":"out of memory","type":"server_error","code":500}}`)
		case "abort":
			s.tokens(4)
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				c.Close()
			}
		case "unstated": // no usage, so that events are counted
			s.tokens(outputs)
			s.end("length", "")
		default:
			s.tokens(outputs)
			s.end("stop", usage(outputs, 0))
		}
	})
	return mux
}

// usage states tokens. Reasoning that is stated and not sent makes an answer unfit
// to tell the ratio of stated to estimated tokens.
func usage(output, reasoning int) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d},"completion_tokens_details":{"reasoning_tokens":%d}}`,
		inputs, output, inputs+output, cached, reasoning)
}

// stream writes server-sent events, the role first.
type stream struct {
	w     http.ResponseWriter
	r     *http.Request
	model string
	begun bool
}

func (s *stream) pause(d time.Duration) {
	select {
	case <-s.r.Context().Done():
	case <-time.After(d):
	}
}

func (s *stream) write(data string) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.choice(`"delta":{"role":"assistant"},"finish_reason":null`)
		s.pause(3 * time.Millisecond)
	}
	fmt.Fprintf(s.w, "data: %s\n\n", data)
	_ = http.NewResponseController(s.w).Flush()
}

func (s *stream) choice(rest string) {
	s.write(fmt.Sprintf(`{"id":"x","object":"chat.completion.chunk","model":%q,"choices":[{"index":0,%s}]}`, s.model, rest))
}

func (s *stream) tokens(n int) {
	for range n {
		s.choice(`"delta":{"content":"word "},"finish_reason":null`)
		s.pause(gap)
	}
}

func (s *stream) end(reason, usage string) {
	s.choice(fmt.Sprintf(`"delta":{},"finish_reason":%q`, reason))
	if usage != "" {
		s.write(fmt.Sprintf(`{"id":"x","object":"chat.completion.chunk","model":%q,"choices":[],"usage":%s}`, s.model, usage))
	}
	fmt.Fprint(s.w, "data: [DONE]\n\n")
}

// late is a listener whose connections are not read for a while, as those of an
// event loop that is blocked.
type late struct{ net.Listener }

func (l late) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lateConn{Conn: c}, nil
}

type lateConn struct {
	net.Conn
	once sync.Once
}

func (c *lateConn) Read(b []byte) (int, error) {
	c.once.Do(func() { time.Sleep(blocked) })
	return c.Conn.Read(b)
}

// listen serves h on a free port until stop is called.
func listen(h http.Handler, wrap func(net.Listener) net.Listener) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 20}
	go func() { _ = server.Serve(wrap(l)) }()
	return l.Addr().String(), func() { _ = server.Close() }, nil
}

// oversized is a request whose head is beyond modeltap's limit of 64 KiB.
func oversized(address string) string {
	return "POST /v1/chat/completions HTTP/1.1\r\nHost: " + address + "\r\nX-Act: 400\r\nX-Pad: " + strings.Repeat("x", 80<<10) +
		"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
}
