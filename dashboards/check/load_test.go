// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load asks two servers for the same in every second, so that rates over whole
// seconds are known.
type load struct {
	chat, code string // addresses
	sent       atomic.Int64
	wg         sync.WaitGroup
	client     *http.Client
	errors     sync.Map // of requests that were to succeed
}

// perSecond is what a second of the load holds, by outcome and in tokens.
var perSecond = struct {
	requests, ok, failed, clientAborts, incomplete, firstTokens float64
	stated, counted                                             float64 // output tokens
}{
	requests: 12, ok: 7, failed: 3, clientAborts: 1, incomplete: 1, firstTokens: 8,
	stated:  3*outputs + plainOut,
	counted: outputs + 6 + 4 + 4, // and of the stream that is given up, what was on its way
}

func (l *load) run(ctx context.Context) {
	l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	l.background(ctx, "wait")
	l.background(ctx, "stall")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		l.second(ctx, n)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	l.wg.Wait()
	l.client.CloseIdleConnections()
}

// background is a request that stays open to the end.
func (l *load) background(ctx context.Context, act string) {
	l.wg.Go(func() { _ = l.ask(ctx, l.chat, act, 0, 0) })
}

// second is one second of the load: 12 model requests and some noise.
func (l *load) second(ctx context.Context, n int) {
	expect := func(act, address string, number int) {
		l.wg.Go(func() {
			if err := l.ask(ctx, address, act, number, 0); err != nil && ctx.Err() == nil {
				l.errors.Store(act, err)
			}
		})
	}
	for i := range 3 {
		expect("stream", l.chat, 10*n+i)
	}
	expect("plain", l.chat, 0)
	expect("500", l.chat, 0)
	expect("unstated", l.code, 0)
	expect("pause", l.code, 0)
	expect("error", l.chat, 0)
	l.wg.Go(func() { _ = l.ask(ctx, l.chat, "abort", 0, 0) })
	l.wg.Go(func() { _ = l.ask(ctx, l.chat, "stream", 0, 3) }) // given up
	l.wg.Go(func() { l.post(ctx, l.chat, "/v1/embeddings", `{"model":"m","input":"some text"}`) })
	l.wg.Go(func() { l.raw(l.chat, oversized(l.chat)) })
	// What is no model request, or cannot be read.
	l.wg.Go(func() { l.post(ctx, l.chat, "/health", "") })
	l.wg.Go(func() { l.raw(l.chat, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("\x00", 60)) })
	l.wg.Go(func() { l.raw(l.chat, "\x00\x01nothing that is known\x00\x00") })
}

// ask sends a chat request and reads the answer, or only the first events of it.
func (l *load) ask(ctx context.Context, address, act string, number, events int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body := fmt.Sprintf(`{"model":"asked","stream":%v,"messages":[{"role":"user","content":"tell me about packets"}]}`, act != "plain" && act != "500")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Act", act)
	if number > 0 {
		req.Header.Set("Traceparent", fmt.Sprintf("00-%032x-00f067aa0ba902b7-01", number))
	}
	req.Close = address == l.code // the server is late once for each connection
	l.sent.Add(1)
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if events == 0 {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	for r := bufio.NewReader(resp.Body); events >= 0; events-- {
		if _, err := r.ReadString('\n'); err != nil {
			return err
		}
		if _, err := r.ReadString('\n'); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) post(ctx context.Context, address, path, body string) {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return
	}
	resp, err := l.client.Do(req)
	if err != nil {
		l.errors.Store(path, err)
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}

// raw sends bytes and waits for the server to close.
func (l *load) raw(address, bytes string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(800 * time.Millisecond))
	if _, err := io.WriteString(c, bytes); err == nil {
		_, _ = io.Copy(io.Discard, c)
	}
}
