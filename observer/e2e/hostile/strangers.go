// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// liked are ports on which model servers, and their users' other services, listen.
var liked = []int{8000, 8001, 8080, 5000, 7860, 11434, 30000}

// stranger is the model of the model server.
const stranger = "stranger"

// strangers are services, and clients that ask each of them all the time.
type strangers struct {
	ports             int // on which garbage is answered
	garbled, answered atomic.Int64

	listeners []net.Listener
	clients   sync.WaitGroup
	stop      chan struct{}
}

func (s *strangers) open() error {
	s.stop = make(chan struct{})
	for _, port := range liked {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue // somebody else's
		}
		s.ports++
		s.serve(l, s.garble)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.serve(l, s.answer)
	return nil
}

func (s *strangers) close() {
	if s.stop == nil {
		return
	}
	close(s.stop)
	for _, l := range s.listeners {
		l.Close()
	}
	s.clients.Wait()
}

// serve has each connection answered once, and asks ten times a second.
func (s *strangers) serve(l net.Listener, answer func(net.Conn)) {
	s.listeners = append(s.listeners, l)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					answer(c)
				}
			}()
		}
	}()
	s.clients.Go(func() {
		client := http.Client{Timeout: time.Second}
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
			}
			a, err := client.Post("http://"+l.Addr().String()+"/v1/chat/completions", "application/json",
				strings.NewReader(`{"model":"stranger","messages":[]}`))
			if err == nil {
				_, _ = io.Copy(io.Discard, a.Body)
				a.Body.Close()
			}
		}
	})
}

// garble answers what no parser takes to its end.
func (s *strangers) garble(c net.Conn) {
	answers := []string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\ndata: {\"choices\":[\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: many\r\n\r\n{",
		"HTTP/1.1 abc\r\n\r\n",
		"\x00\x01\x02 no HTTP at all\r\n",
	}
	_, _ = io.WriteString(c, answers[s.garbled.Add(1)%int64(len(answers))])
}

func (s *strangers) answer(c net.Conn) {
	const body = `{"object":"chat.completion","model":"stranger","choices":[{"index":0,"finish_reason":"stop","message":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`
	if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body); err == nil {
		s.answered.Add(1)
	}
}
