// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
)

// chunkText makes the i-th streamed chunk of a plain OpenAI server: 229 bytes
// of JSON, 247 with its framing.
func chunkText(i int) string {
	words := [...]string{" the", " sun", " was", " low", " and", " red", " now", " far"}
	body := fmt.Sprintf(`data: {"id":"chatcmpl-0123456789abcdef01234567%08x","object":"chat.completion.chunk","created":1730000000,"model":"meta-llama/Llama-3.1-8B-Instruct","choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}]}`+"\n\n", i, words[i%len(words)])
	return fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
}

type nullSink struct{ exchanges, others int }

func (n *nullSink) Exchange(*event.Exchange) { n.exchanges++ }
func (n *nullSink) OtherRequest(string, int) { n.others++ }

// streams opens n streaming answers and returns the pipeline, and for each
// stream a segment that is ready to carry its next chunk.
func streams(tb testing.TB, n int) (*pipeline, []event.Segment) {
	tb.Helper()
	spec, err := servers.ParseSpec("bench=8000")
	if err != nil {
		tb.Fatal(err)
	}
	cfg := Config{Targets: []servers.Spec{spec}}
	if err := cfg.defaults(); err != nil {
		tb.Fatal(err)
	}
	table := servers.NewTable(servers.Options{Specs: cfg.Targets})
	p := newPipeline(&cfg, nil, new(nullSink), resolveIn(table))
	request := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n" + `{"model":"m","stream":true }`
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
	segments := make([]event.Segment, n)
	for i := range segments {
		flow := event.Flow{
			Server: event.EndpointOf(netip.MustParseAddrPort("127.0.0.1:8000")),
			Client: event.EndpointOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 40000)),
		}
		s := event.Segment{Time: 1, Cookie: uint64(i + 1), Group: 7, Flow: flow, Seq: 1000, Ack: 5000, Flags: event.ACK | event.PSH}
		s.Payload, s.Len = []byte(request), uint32(len(request))
		p.emit([]event.Segment{s}, 1)
		s.Seq, s.Ack = s.Ack, s.Seq+s.Len
		s.Dir, s.Flags = event.Response, s.Flags|event.Ordered
		s.Payload, s.Len = []byte(head), uint32(len(head))
		p.emit([]event.Segment{s}, 2)
		s.Seq += s.Len
		segments[i] = s
	}
	return p, segments
}

// BenchmarkPipelineOpenAIChunk is the cost of one streamed chunk from Segment
// to histogram, over 10,000 connections visited in turn.
func BenchmarkPipelineOpenAIChunk(b *testing.B) {
	const conns, window = 10000, 1000
	p, segments := streams(b, conns)
	chunks := make([][]byte, 512)
	for i := range chunks {
		chunks[i] = []byte(chunkText(i))
	}
	now := int64(3)
	at := 0
	turn := func(n int) {
		batch := segments[at : at+n]
		for i := range batch {
			s := &batch[i]
			s.Payload = chunks[(at+i)%len(chunks)]
			s.Len = uint32(len(s.Payload))
			now += 100
			s.Time = now
		}
		p.emit(batch, now)
		for i := range batch {
			batch[i].Seq += batch[i].Len
		}
		at = (at + n) % conns
	}
	for range conns / window {
		turn(window)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(chunks[0])))
	b.ResetTimer()
	for n := b.N; n > 0; n -= window {
		turn(min(n, window))
	}
	b.StopTimer()
	snap := p.snapshot(now)
	if n := snap.Series[0].InterToken.Counts; n == [len(n)]uint64{} {
		b.Fatal("no inter-token latency was measured")
	}
	if snap.Tally.Gaps != 0 {
		b.Fatalf("%d gaps in a stream without any", snap.Tally.Gaps)
	}
}

// BenchmarkBaselineEncodingJSON is the yardstick: encoding/json reads the same
// chunk's document into a struct.
func BenchmarkBaselineEncodingJSON(b *testing.B) {
	type chunk struct {
		ID, Object, Model string
		Created           int64
		Choices           []struct {
			Index  int
			Delta  struct{ Role, Content string }
			Finish *string `json:"finish_reason"`
		}
		Usage *struct {
			PromptTokens     int `json:"prompt_tokens"`
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	docs := make([][]byte, 512)
	for i := range docs {
		t := chunkText(i)
		docs[i] = []byte(t[len("f7\r\ndata: ") : len(t)-len("\n\n\r\n")])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var c chunk
		if err := json.Unmarshal(docs[i%len(docs)], &c); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// TestChunkAllocatesNothing holds the promise of the hot path.
func TestChunkAllocatesNothing(t *testing.T) {
	p, segments := streams(t, 64)
	now := int64(3)
	step := func() {
		for i := range segments {
			s := &segments[i]
			s.Payload = fixedChunk
			s.Len = uint32(len(s.Payload))
			now += 1000
			s.Time = now
		}
		p.emit(segments, now)
		for i := range segments {
			segments[i].Seq += segments[i].Len
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations for %d chunks, want none", n, len(segments))
	}
	if got := p.snapshot(now).Series[0].InterToken.Counts[0]; got == 0 {
		t.Error("no inter-token latency was measured")
	}
}

var fixedChunk = []byte(chunkText(1))
