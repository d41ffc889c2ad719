// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Call is one request.
type Call struct {
	Method, Target string // Method "" is POST
	Type           string // content type, "" is application/json
	Body           []byte
	AbortAfter     int           // close after so many content events, 0 never
	OnToken        func()        // called at each content event
	OnData         func([]byte)  // called with the data of each SSE event and with an answer that is no stream
	Pause          time.Duration // between the first bytes of the head and the rest
}

// Answer is what the client recorded of one request: the truth of the tests.
type Answer struct {
	TraceID string
	// The first byte of the request reached the server's socket between
	// Sending and Sent, and all of it had by Complete (loopback: the sender's
	// own system call delivers).
	Sending, Sent, Complete int64
	Status                  int
	Headers                 Stamp
	Tokens                  []Stamp // one per content event
	LastAlone               bool    // the last of them was not read together with what follows
	End                     Stamp
	RequestBytes            int
	ResponseBytes           int // body, de-chunked
	Aborted                 bool
}

// errAborted ends the reading of a response on purpose.
var errAborted = errors.New("aborted by the test")

// Do sends call and reads its answer, before whatever else wants the processor:
// a client that comes late reads several tokens at once. The connection may be used again unless
// the answer was aborted or the server closes it.
func (c *Conn) Do(call Call) (*Answer, error) {
	a := &Answer{TraceID: fmt.Sprintf("%016x%016x", rand.Uint64()|1, rand.Uint64()|1), RequestBytes: len(call.Body)}
	if call.Method == "" {
		call.Method = "POST"
	}
	if call.Type == "" {
		call.Type = "application/json"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\ntraceparent: 00-%s-%016x-01\r\n\r\n",
		call.Method, call.Target, call.Type, len(call.Body), a.TraceID, 1)
	first := min(len(call.Body), 1<<14)
	b.Write(call.Body[:first])

	cut := b.Len()
	if call.Pause > 0 {
		cut = 10
	}
	a.Sending = Now()
	if _, err := c.Write(b.Bytes()[:cut]); err != nil {
		return a, err
	}
	a.Sent = Now()
	if call.Pause > 0 {
		time.Sleep(call.Pause)
		if _, err := c.Write(b.Bytes()[cut:]); err != nil {
			return a, err
		}
	}
	if first < len(call.Body) {
		if _, err := c.Write(call.Body[first:]); err != nil {
			return a, err
		}
	}
	a.Complete = Now()
	defer prefer()()
	return a, c.read(a, call)
}

func (c *Conn) read(a *Answer, call Call) error {
	r, err := http.ReadResponse(c.reader, &http.Request{Method: call.Method})
	if err != nil {
		return fmt.Errorf("response head: %w", err)
	}
	a.Status, a.Headers = r.StatusCode, c.last
	body := bufio.NewReader(&counter{r: r.Body, n: &a.ResponseBytes})
	token := func() error {
		a.Tokens = append(a.Tokens, c.last)
		a.LastAlone = body.Buffered() == 0 && c.reader.Buffered() <= len("\r\n")
		if call.OnToken != nil {
			call.OnToken()
		}
		if len(a.Tokens) == call.AbortAfter {
			return errAborted
		}
		return nil
	}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch media {
	case "text/event-stream":
		err = readEvents(body, call.OnData, token)
	case "application/x-ndjson":
		err = readLines(body, token)
	case "text/plain":
		err = readPieces(body, token)
	default:
		if call.OnData == nil {
			_, err = io.Copy(io.Discard, body)
			break
		}
		var whole []byte
		whole, err = io.ReadAll(body)
		call.OnData(whole)
	}
	a.End = c.last
	if errors.Is(err, errAborted) {
		a.Aborted = true
		c.Close()
		a.End.User = Now()
		return nil
	}
	return err
}

func readEvents(r *bufio.Reader, onData func([]byte), token func() error) error {
	var data []byte
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if d, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			data = append(data, bytes.TrimPrefix(d, []byte(" "))...)
		}
		if len(line) == 0 && len(data) > 0 {
			if onData != nil {
				onData(data)
			}
			if hasText(data) {
				if err := token(); err != nil {
					return err
				}
			}
			data = data[:0]
		}
	}
}

// hasText says whether an event carries generated text, by the plain reading
// of its JSON.
func hasText(data []byte) bool {
	var e struct {
		Text    string
		Content string          // of llama.cpp's own API
		Delta   json.RawMessage // of the Responses API, a string; of Anthropic's, an object
		Choices []struct {
			Text  string
			Delta struct{ Content string }
		}
	}
	if json.Unmarshal(data, &e) != nil {
		return false
	}
	for _, c := range e.Choices {
		if c.Text != "" || c.Delta.Content != "" {
			return true
		}
	}
	var block struct{ Text string }
	if len(e.Delta) > 0 && e.Delta[0] == '{' && json.Unmarshal(e.Delta, &block) == nil && block.Text != "" {
		return true
	}
	return e.Text != "" || e.Content != "" || len(e.Delta) > len(`""`) && e.Delta[0] == '"'
}

func readLines(r *bufio.Reader, token func() error) error {
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if err := token(); err != nil {
				return err
			}
		}
	}
}

// readPieces takes each word as a content event: the servers here write a word at
// a time, with the space before it. Several that are read at once have one stamp.
func readPieces(r *bufio.Reader, token func() error) error {
	between := true
	for {
		if _, err := r.Peek(1); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		text, _ := r.Peek(r.Buffered())
		words := 0
		for _, c := range text {
			if between && c != ' ' {
				words++
			}
			between = c == ' '
		}
		if _, err := r.Discard(len(text)); err != nil {
			return err
		}
		for range words {
			if err := token(); err != nil {
				return err
			}
		}
	}
}

type counter struct {
	r io.Reader
	n *int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	*c.n += n
	return n, err
}
