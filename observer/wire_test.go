// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"fmt"
	"net/netip"
	"sort"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

const (
	unknown = "unknown"
	sseHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	done    = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)

func chat(model string) string {
	body := fmt.Sprintf(`{"model":%q,"stream":true}`, model)
	return fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// event1 is one content event.
func event1(model string) string {
	body := fmt.Sprintf("data: {\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n", model)
	return fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
}

// whole is an answer in one document.
func whole(model string) string {
	body := fmt.Sprintf(`{"model":%q,"choices":[]}`, model)
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// ledger is a sink that keeps all.
type ledger struct {
	mu        sync.Mutex
	exchanges []event.Exchange
	others    int
}

func (l *ledger) Exchange(e *event.Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exchanges = append(l.exchanges, *e)
}

func (l *ledger) OtherRequest(string, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others++
}

func (l *ledger) outcomes() map[string]int {
	n := map[string]int{}
	for _, e := range l.exchanges {
		n[e.Outcome.String()]++
	}
	return n
}

// sorted describes each exchange, in an order that shards do not change.
func (l *ledger) sorted() []string {
	var s []string
	for _, e := range l.exchanges {
		s = append(s, fmt.Sprintf("%+v", e))
	}
	sort.Strings(s)
	return s
}

// wire feeds a pipeline with the segments of connections.
type wire struct {
	pipe  *pipeline
	step  int64 // time between segments, ns
	batch []event.Segment
	now   int64
	peers []*peer
	// resolve may be replaced before a connection appears.
	resolve resolver
}

func newWire(t *testing.T, sink event.Sink, ports ...uint16) *wire {
	t.Helper()
	return newWireOf(t, Config{}, sink, ports...)
}

func newWireOf(t *testing.T, cfg Config, sink event.Sink, ports ...uint16) *wire {
	t.Helper()
	for _, p := range ports {
		spec, err := servers.ParseSpec(fmt.Sprintf("s%d=%d", p, p))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Targets = append(cfg.Targets, spec)
	}
	if err := cfg.defaults(); err != nil {
		t.Fatal(err)
	}
	table := servers.NewTable(servers.Options{Specs: cfg.Targets})
	w := &wire{now: 1e9, step: 1e6, resolve: resolveIn(table)}
	w.pipe = newPipeline(&cfg, nil, sink, func(c *tcp.Conn, first *event.Segment) *servers.Server { return w.resolve(c, first) })
	return w
}

// flush runs what was sent since the last one through the pipeline.
func (w *wire) flush() {
	w.pipe.emit(w.batch, w.now)
	w.batch = nil
}

// peer is one connection: the next sequence number of each direction.
type peer struct {
	w    *wire
	flow event.Flow
	id   uint64
	seq  [2]uint32
}

// counting is a sink that counts outcomes.
type counting struct {
	mu       sync.Mutex
	outcomes map[event.Outcome]int
}

func (c *counting) Exchange(e *event.Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outcomes == nil {
		c.outcomes = map[event.Outcome]int{}
	}
	c.outcomes[e.Outcome]++
}

func (c *counting) OtherRequest(string, int) {}

func (c *counting) total() (n int) {
	for _, k := range c.outcomes {
		n += k
	}
	return n
}

// firsts makes connections that were there before and of which nothing is seen
// until they send, as in cgroup mode.
func (w *wire) firsts(n int, port uint16) []*peer {
	all := make([]*peer, n)
	for i := range all {
		all[i] = w.peer(port)
	}
	return all
}

// dial opens a connection with a handshake.
func (w *wire) dial(port uint16) *peer {
	p := w.peer(port)
	p.send(event.Request, event.SYN, "")
	p.seq[event.Request]++
	p.send(event.Response, event.SYN|event.ACK, "")
	p.seq[event.Response]++
	return p
}

func (w *wire) peer(port uint16) *peer {
	n := len(w.peers) + 1
	p := &peer{w: w, id: uint64(n), seq: [2]uint32{1000, 5000}, flow: event.Flow{
		Server: event.EndpointOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)),
		Client: event.EndpointOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 40000)),
	}}
	w.peers = append(w.peers, p)
	return p
}

func (p *peer) ask(s string)    { p.send(event.Request, event.ACK|event.PSH, s) }
func (p *peer) answer(s string) { p.send(event.Response, event.ACK|event.PSH, s) }

func (p *peer) reset(d event.Direction) { p.send(d, event.RST|event.ACK, "") }

// send puts a segment on the wire, a step after the last.
func (p *peer) send(d event.Direction, f event.Flags, s string) {
	p.w.now += p.w.step
	p.w.batch = append(p.w.batch, event.Segment{
		Time: p.w.now, Cookie: p.id, Group: 7, Flow: p.flow, Dir: d, Flags: f,
		Seq: p.seq[d], Ack: p.seq[1-d], Len: uint32(len(s)), Payload: []byte(s),
	})
	p.seq[d] += uint32(len(s))
}
