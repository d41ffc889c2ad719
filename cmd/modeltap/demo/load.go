// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Load sends requests to the server at url from several clients at once until
// ctx ends: mostly streams, a plain answer and a mistake now and then, and
// some that are given up half way. Each client pauses for about pause between
// two requests. It returns the number of requests sent.
func Load(ctx context.Context, url string, clients int, pause time.Duration) int {
	sent := make([]int, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				one(ctx, url, n)
				sent[i]++
				select {
				case <-ctx.Done():
				case <-time.After(pause/2 + rand.N(pause)):
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range sent {
		total += n
	}
	return total
}

// one sends the n-th request of a client.
func one(ctx context.Context, url string, n int) {
	body := fmt.Sprintf(`{"model":%q,"stream":true,"max_tokens":%d,"messages":[{"role":"user","content":"tell me about packets"}]}`,
		Model, 10+rand.IntN(60))
	switch {
	case n%7 == 3:
		body = strings.Replace(body, `"stream":true`, `"stream":false`, 1)
	case n%11 == 5:
		body = `{"messages":[]}`
	case n%13 == 8:
		short, cancel := context.WithTimeout(ctx, 400*time.Millisecond)
		defer cancel()
		ctx = short
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return // the next one tries again
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}
