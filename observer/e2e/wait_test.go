// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// until scrapes until ok, for at most 20 s.
func until(t *testing.T, what string, m *rig.Modeltap, ok func(rig.Metrics) bool) rig.Metrics {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); ; {
		got := scrape(t, m)
		if ok(got) {
			return got
		}
		select {
		case <-end:
			t.Fatalf("waited 20 s: %s", what)
		case <-tick.C:
		}
	}
}

// TestRealSocketWait blocks a server's event loop for 200 ms while requests
// arrive: the time they wait in the socket, which nothing inside the server
// can see, is part of their duration and shown as socket wait.
func TestRealSocketWait(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-asyncio-h11", "chat:app")
	m := p.observe(t, s.Target("llm"))
	if scrape(t, m).Value("modeltap_feature_supported", "feature", "socket_wait") == 0 {
		t.Skip("this kernel offers no socket wait (BTF and CAP_PERFMON)")
	}
	predict := rig.Call{Target: "/predict", Body: []byte(`{"text":"x"}`)}
	warm := dial(t, s)
	defer warm.Close()
	do(t, warm, predict)

	const rounds = 5
	var waiting []*rig.Answer
	for range rounds {
		blocker := dial(t, s)
		blocked := make(chan error, 1)
		go func() {
			_, err := blocker.Do(rig.Call{Target: "/block?seconds=0.2", Body: []byte(`{}`)})
			blocked <- err
		}()
		time.Sleep(20 * time.Millisecond) // the scenario: the others arrive while the loop is blocked
		fresh := dial(t, s)
		newcomer := make(chan *rig.Answer, 1)
		go func() {
			a, err := fresh.Do(predict)
			if err != nil {
				t.Error(err)
			}
			newcomer <- a
		}()
		waiting = append(waiting, do(t, warm, predict), <-newcomer)
		if err := <-blocked; err != nil {
			t.Fatal(err)
		}
		blocker.Close()
		fresh.Close()
	}
	compare(t, m, "llm", waiting)

	seen, err := m.Requests("llm")
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range waiting {
		x := seen[a.TraceID]
		if x.SocketWait == nil || x.Duration == nil {
			t.Errorf("request %d: no socket wait or duration: %+v", i, x)
			continue
		}
		truth := time.Duration(a.End.Kernel - a.Sending)
		if truth < 100*time.Millisecond {
			continue // the machine let it arrive after the block
		}
		// All but the millisecond or two of its own work was waiting.
		wait := time.Duration(*x.SocketWait * 1e9)
		t.Logf("request %d: the client waited %v, of that %v in the socket", i, truth, wait)
		if wait > truth || wait < truth*8/10 {
			t.Errorf("request %d: socket wait %v of %v", i, wait, truth)
		}
	}
	got := scrape(t, m)
	noLoss(t, got)
	count, sum := got.Histogram("model_request_socket_wait_seconds")
	want(t, "socket waits", count, 1+3*rounds)
	if sum < rounds*2*0.1 {
		t.Errorf("socket waits add up to %v s, want at least %v", sum, rounds*2*0.1)
	}
}
