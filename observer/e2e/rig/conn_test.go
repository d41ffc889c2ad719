// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
)

// TestStamps asks a server that notes when it wrote: each token's stamp at the
// client's socket lies after the beginning of the write that carried it and
// before the client's read returned.
func TestStamps(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const tokens = 5
	writing := make([]int64, tokens)
	arrived := make(chan int64, 1)
	step := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			defer c.Close()
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return err
			}
			if err := r.Body.Close(); err != nil {
				return err
			}
			arrived <- Now()
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
			for i := range tokens {
				event := `data: {"choices":[{"delta":{"content":"x"}}]}` + "\n\n"
				writing[i] = Now()
				fmt.Fprintf(c, "%x\r\n%s\r\n", len(event), event)
				<-step // the client has it: no two events in one read
			}
			_, err = fmt.Fprint(c, "7\r\n: ping\n\r\n0\r\n\r\n")
			return err
		}()
	}()

	c, err := Dial(l.Addr().(*net.TCPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make(chan struct{})
	go func() { // lets the server on, one token at a time
		for range tokens {
			<-got
			step <- struct{}{}
		}
	}()
	a, err := c.Do(Call{Target: "/", Body: []byte("{}"), OnToken: func() { got <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if at := <-arrived; a.Sending > a.Sent || a.Sending > at || a.Sent > a.Complete {
		t.Errorf("sending %d, sent %d, complete %d, arrived %d: out of order", a.Sending, a.Sent, a.Complete, at)
	}
	if len(a.Tokens) != tokens {
		t.Fatalf("%d tokens, want %d", len(a.Tokens), tokens)
	}
	for i, s := range a.Tokens {
		// The two clocks are tied together to some µs.
		if s.Kernel < writing[i]-50_000 || s.Kernel > s.User+50_000 {
			t.Errorf("token %d: written at %d, at the socket %d, read %d", i, writing[i], s.Kernel, s.User)
		}
	}
	if a.End.Kernel < a.Tokens[tokens-1].Kernel || a.ResponseBytes != tokens*len(`data: {"choices":[{"delta":{"content":"x"}}]}`+"\n\n")+7 {
		t.Errorf("end %v, %d bytes", a.End, a.ResponseBytes)
	}
}
