// SPDX-License-Identifier: Apache-2.0

package record

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

const secretLine = "the secret is correcthorsebatterystaple"

// leaks reports whether 8 bytes of secret follow one another in s.
func leaks(s, secret string) bool {
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(s, secret[i:i+8]) {
			return true
		}
	}
	return false
}

func TestWhatIsNotUnderstoodIsOverwritten(t *testing.T) {
	request := withLength(askHead, `{"prompt":"`+secretLine+`"}`)
	for name, f := range map[string]func(c *talk){
		"retransmission": func(c *talk) {
			c.data(event.Request, request)
			again := c.segs[len(c.segs)-1]
			c.segs = append(c.segs, again)
		},
		"overlap": func(c *talk) {
			c.data(event.Request, request[:100])
			over := c.segs[len(c.segs)-1]
			over.Payload = []byte(request)
			over.Len = uint32(len(request))
			c.segs = append(c.segs, over)
		},
		"out of order": func(c *talk) {
			c.data(event.Request, request[:100], request[100:200], request[200:])
			n := len(c.segs)
			c.segs[n-1], c.segs[n-2] = c.segs[n-2], c.segs[n-1]
		},
		"lost": func(c *talk) {
			c.data(event.Request, request[:200], "x", request[201:])
			c.segs = append(c.segs[:3], c.segs[4])
		},
		"cut off": func(c *talk) {
			c.data(event.Request, request[:200]+"xxxx", request[204:])
			c.segs[2].Payload = c.segs[2].Payload[:200]
		},
		"joined": func(c *talk) {
			c.data(event.Request, secretLine, "\r\n"+secretLine, request[50:])
			c.segs = c.segs[2:]
		},
		"another protocol": func(c *talk) {
			c.data(event.Request, "AUTH "+secretLine+"\r\n", "GET "+secretLine, secretLine+"\r\n\r\n")
			c.data(event.Response, "+OK "+secretLine+"\r\n", "HTTP/1.1 200 OK\r\n"+secretLine+"\r\n\r\n")
		},
		"head in pieces that is none": func(c *talk) {
			c.data(event.Request, bytewise("GET /"+secretLine[:3]+" HTTP/1.1\r\n"+secretLine+": "+secretLine+"\r\n"+secretLine+"\r\n\r\n")...)
		},
		"upgrade": func(c *talk) {
			c.data(event.Request, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", secretLine)
			c.data(event.Response, "HTTP/1.1 101 OK\r\n\r\n", secretLine)
		},
		"extension and trailer": func(c *talk) {
			c.data(event.Response, strings.Replace(streamHead, "Content-Type", "X-Type", 1)+"1;"+secretLine+"\r\na\r\n0\r\n"+secretLine+": "+secretLine+"\r\n\r\n")
		},
		"after the close": func(c *talk) {
			c.add(event.Request, event.FIN|event.ACK, nil)
			c.data(event.Request, secretLine)
			c.add(event.Response, event.FIN|event.ACK, nil)
			c.data(event.Response, secretLine)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTalk()
			f(c)
			all := packets(t, file(t, Options{}, c.segs))
			for i, p := range all {
				s := c.segs[i]
				if leaks(string(p.Payload), secretLine) {
					t.Errorf("packet %d holds %q", i, p.Payload)
				}
				if len(p.Payload) != len(s.Payload) || p.Len != s.Len || p.Seq != s.Seq {
					t.Errorf("packet %d: %d of %d bytes at %d, want %d of %d at %d", i, len(p.Payload), p.Len, p.Seq, len(s.Payload), s.Len, s.Seq)
				}
			}
			if len(all) != len(c.segs) {
				t.Errorf("%d packets, want %d", len(all), len(c.segs))
			}
		})
	}
}

// TestAfterALossTheNextMessageIsKept proves that masking finds its way back.
func TestAfterALossTheNextMessageIsKept(t *testing.T) {
	const next = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
	c := newTalk()
	c.data(event.Request, "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nabcde\r\n0\r\n\r\n", next)
	c.segs = append(c.segs[:3], c.segs[4])
	if got := streams(packets(t, file(t, Options{}, c.segs)))[0]; !strings.HasSuffix(got, next) {
		t.Errorf("got %q", got)
	}
}

// TestSkippedUpload has a request whose body the kernel left out.
func TestSkippedUpload(t *testing.T) {
	for name, head := range map[string]string{
		"length":  "POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n",
		"chunked": "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			const next = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
			c := newTalk()
			c.data(event.Request, head)
			size := uint32(100_000)
			if name == "chunked" {
				size += 7 // and the last chunk
			}
			c.add(event.Request, event.ACK|event.Skipped, nil)
			c.segs[len(c.segs)-1].Len = size
			c.seq[event.Request] += size
			c.data(event.Response, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			c.data(event.Request, next)
			all := packets(t, file(t, Options{}, c.segs))
			got := streams(all)[0]
			if len(got) != len(head)+int(size)+len(next) || !strings.HasPrefix(got, head) || !strings.HasSuffix(got, next) {
				t.Errorf("%d bytes: %.80q … %q", len(got), got, got[len(got)-len(next):])
			}
		})
	}
}

// TestGapWithinEvents loses a piece of an event stream at every place of it:
// what stands behind the hole is of an unknown field, and masked until the
// line ends.
func TestGapWithinEvents(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
	const body = "event: delta\ndata: {\"type\":\"a1\",\"delta\":\"x\"}\n\n"
	const hidden = "correcthorsebatterystaple\ndata: " + "correcthorsebatterystaple\n\n"
	for i := range len(body) + 1 {
		c := newTalk()
		c.data(event.Request, "POST /v1/responses HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
		c.data(event.Response, head+body[:i], "lost", hidden+body)
		c.segs = append(c.segs[:4], c.segs[5])
		all := packets(t, file(t, Options{}, c.segs))
		got := string(all[len(all)-1].Payload)
		if leaks(got, hidden[:25]) {
			t.Errorf("lost behind %q: %q", body[:i], got)
		}
		if want := "event: delta\ndata: {\"type\":\"a1\",\"delta\":\"x\"}\n\n"; !strings.HasSuffix(got, want) {
			t.Errorf("lost behind %q: %q does not find back", body[:i], got)
		}
	}
}

// TestReusedPorts opens a connection anew, with no close between, while a long
// body and an answer are awaited: nothing of the old one is left.
func TestReusedPorts(t *testing.T) {
	const ask = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
	const answer = "HTTP/1.1 200 XX\r\nContent-Length: 2\r\n\r\n{}"
	c := newTalk()
	c.data(event.Request, "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
	c.data(event.Response, "HTTP/1.1 100 Continue\r\n\r\n")
	first := len(c.segs)
	c.seq = [2]uint32{7, 0x7fffffff}
	c.add(event.Request, event.SYN, nil)
	c.add(event.Response, event.SYN|event.ACK, nil)
	c.data(event.Request, ask)
	c.data(event.Response, answer)
	if got := streams(packets(t, file(t, Options{}, c.segs))[first:]); got != [2]string{ask, answer} {
		t.Errorf("got %q", got)
	}
}
