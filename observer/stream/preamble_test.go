// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

// version2 makes a header of version 2 of the PROXY protocol.
func version2(command, family byte, rest string) string {
	return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{0x20 | command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

// preambles are what may stand before the first request of a connection.
func preambles() map[string]string {
	addresses := "\x7f\x00\x00\x01\x7f\x00\x00\x01\xab\xcd\x1f\x90"
	return map[string]string{
		"nothing":             "",
		"empty line":          "\r\n",
		"empty lines":         "\r\n\r\n\r\n\n\n\r\n",
		"bare LF":             "\n",
		"like a signature":    "\r\n\r\n",
		"PROXY TCP4":          "PROXY TCP4 192.0.2.1 198.51.100.255 65535 8000\r\n",
		"PROXY TCP6":          "PROXY TCP6 2001:db8::1 2001:db8::2 65535 65535\r\n",
		"PROXY UNKNOWN":       "PROXY UNKNOWN\r\n",
		"PROXY UNKNOWN, more": "PROXY UNKNOWN " + strings.Repeat("f", 107-16) + "\r\n",
		"PROXY, empty line":   "PROXY TCP4 192.0.2.1 198.51.100.255 65535 8000\r\n\r\n",
		"v2 LOCAL":            version2(0, 0, ""),
		"v2 UNSPEC, TLVs":     version2(1, 0, "\x04\x00\x03abc"),
		"v2 TCP4":             version2(1, 0x11, addresses),
		"v2 TCP4, TLVs":       version2(1, 0x11, addresses+"\x20\x00\x05\x01\x00\x00\x00\x00\xea\x00\x04POST"),
		"v2 TCP6":             version2(1, 0x21, strings.Repeat("\x20", 36)),
		"v2 UNIX":             version2(1, 0x31, strings.Repeat("/", 216)),
		"v2 that quotes":      version2(1, 0, "\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"v2, empty line":      version2(1, 0x11, addresses) + "\r\n",
		"v2 of full length":   version2(1, 0x11, strings.Repeat("x", 65535)),
	}
}

// TestPreambles: whatever stands before a request has no effect on what is
// measured of it, but for the positions that the application reads up to.
func TestPreambles(t *testing.T) {
	request := post("/v1/chat/completions", `{"model":"m","messages":[{"content":"a"}]}`)
	reply := jsonAnswer(200, `{"model":"m","choices":[{"message":{"content":"b"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`)
	for name, preamble := range preambles() {
		between := "" // empty lines may stand between requests, too
		if preamble != "" && strings.Trim(preamble, "\r\n") == "" {
			between = preamble
		}
		all := preamble + request
		cuts := []int{0, 1, len(preamble), len(preamble) + 1, len(all)}
		if len(all) < 2000 {
			cuts = cuts[:0]
			for i := range len(all) + 1 {
				cuts = append(cuts, i)
			}
		}
		for _, cut := range cuts {
			k := newTalk()
			h := k.shard.Handler(&tcp.Conn{Whole: true}, explicit(t))
			at := func(i int) int64 { // the time of byte i
				if i < cut {
					return 100 * ms
				}
				return 110 * ms
			}
			if cut > 0 {
				h.Data(event.Request, event.Mark{Time: at(0)}, []byte(all[:cut]))
			}
			if cut < len(all) {
				h.Data(event.Request, event.Mark{Time: at(cut)}, []byte(all[cut:]))
			}
			h.Read(111*ms, uint64(len(all)-1))
			h.Read(115*ms, uint64(len(all)))
			h.Data(event.Response, event.Mark{Time: 150 * ms}, []byte(reply))
			h.Data(event.Request, event.Mark{Time: 200 * ms}, []byte(between+request))
			h.Read(211*ms, uint64(len(all)+len(between+request)-1))
			h.Read(215*ms, uint64(len(all)+len(between+request)))
			h.Data(event.Response, event.Mark{Time: 250 * ms}, []byte(reply))
			h.Close(300*ms, tcp.Finished)
			if k.tally != (event.Tally{}) || len(k.exchanges) != 2 {
				t.Fatalf("%s, cut at %d: %+v, exchanges %s", name, cut, k.tally, describe(k.exchanges))
			}
			for i, e := range k.exchanges {
				start, complete := int64(i+1)*100*ms, int64(i+1)*100*ms
				if i == 0 {
					start, complete = at(len(preamble)), at(len(all)-1)
				}
				wait := int64(i)*100*ms + 115*ms - complete
				got := fmt.Sprint(e.Outcome, e.API, (e.Start)/ms, e.Complete/ms, e.SocketWait/ms, e.RequestBytes)
				want := fmt.Sprint(event.OK, "openai_chat", start/ms, complete/ms, wait/ms, len(request)-strings.Index(request, "{"))
				if got != want {
					t.Fatalf("%s, cut at %d, request %d: %s, want %s", name, cut, i, got, want)
				}
			}
		}
	}
}

// TestPreamblesOfOthers: what is not followed is counted as what it is behind a
// preamble, too, and a preamble alone is nothing.
func TestPreamblesOfOthers(t *testing.T) {
	for name, preamble := range preambles() {
		for said, want := range map[string]event.Tally{
			"": {},
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00": alone(event.UnobservedHTTP2),
			"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03":                         alone(event.UnobservedTLS),
			"\x16\x04\x01\x02\x00\x01\x00\x01\xfc\x03\x03":                         alone(event.UnobservedUnknown),
			"\x01\x8f\x00\xffMySQL":                                                alone(event.UnobservedUnknown),
		} {
			if len(preamble) > 2000 {
				continue
			}
			for cut := range len(preamble + said) {
				k := newTalk()
				k.hear(t, true, 0, []piece{{bytes: []byte((preamble + said)[:cut])}, {bytes: []byte((preamble + said)[cut:])}})
				if k.tally != want || len(k.exchanges)+len(k.others) != 0 {
					t.Fatalf("%s, then %q, cut at %d: %+v", name, said, cut, k.tally)
				}
			}
		}
	}
}
