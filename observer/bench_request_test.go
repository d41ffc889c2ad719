// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// BenchmarkPipelineJSONRequest is the cost of one request and its answer in
// one document, from Segment to the Sink, over 64 connections in turn.
func BenchmarkPipelineJSONRequest(b *testing.B) {
	body := `{"text":"what is the weather like on the moon tonight"}`
	request := fmt.Sprintf("POST /predict HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	body = `{"result":"cold and clear"}`
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\ndate: Mon, 23 Nov 2026 21:32:53 GMT\r\nserver: uvicorn\r\ncontent-length: %d\r\ncontent-type: application/json\r\n\r\n%s", len(body), body)
	sink := benchmarkRequests(b, request, answer)
	if sink.exchanges < b.N {
		b.Fatalf("%d exchanges, want at least %d", sink.exchanges, b.N)
	}
}

// BenchmarkPipelineOtherRequest is the cost of a request that turns out to be
// none of a model: a GET whose answer is no stream.
func BenchmarkPipelineOtherRequest(b *testing.B) {
	request := "GET /json HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
	answer := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 800\r\n\r\n" + strings.Repeat("x", 800)
	sink := benchmarkRequests(b, request, answer)
	if sink.others < b.N {
		b.Fatalf("%d other requests, want at least %d", sink.others, b.N)
	}
}

// benchmarkRequests takes requests, what the application read of them, and
// their answers, as the kernel tells of them.
func benchmarkRequests(b *testing.B, request, answer string) *nullSink {
	const conns = 64
	p, segments := streams(b, conns)
	end := []byte("0\r\n\r\n")
	for i := range segments {
		s := &segments[i]
		s.Payload, s.Len = end, uint32(len(end))
	}
	p.emit(segments, 3)
	type side struct{ seq, ack uint32 }
	state := make([]side, conns)
	for i, s := range segments {
		state[i] = side{seq: s.Ack, ack: s.Seq + s.Len}
	}
	asked, answered := []byte(request), []byte(answer)
	batch := make([]event.Segment, 2*conns)
	now := int64(4)
	b.ReportAllocs()
	b.ResetTimer()
	for n := b.N; n > 0; n -= conns {
		for i := range conns {
			now += 1000
			in, out := &batch[2*i], &batch[2*i+1]
			*in = segments[i]
			in.Dir, in.Flags, in.Time = event.Request, event.ACK|event.PSH, now
			in.Seq, in.Ack, in.Payload, in.Len = state[i].seq, state[i].ack, asked, uint32(len(asked))
			state[i].seq += in.Len
			*out = *in
			out.Dir, out.Flags, out.Time, out.ReadAgo = event.Response, event.ACK|event.PSH|event.Ordered|event.Read, now+500, 300
			out.Seq, out.Ack, out.Payload, out.Len = state[i].ack, state[i].seq, answered, uint32(len(answered))
			state[i].ack += out.Len
		}
		p.emit(batch, now)
	}
	b.StopTimer()
	return p.shards[0].llm.Sink.(*nullSink)
}
