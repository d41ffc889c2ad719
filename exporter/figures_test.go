// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	mDuration  = "model_request_duration_seconds"
	mTTFT      = "model_time_to_first_token_seconds"
	mTTFC      = "model_time_to_first_chunk_seconds"
	mTPOT      = "model_time_per_output_token_seconds"
	mWait      = "model_request_socket_wait_seconds"
	mInput     = "model_request_input_tokens"
	mOutput    = "model_request_output_tokens"
	mRate      = "model_request_output_tokens_per_second"
	mReqBytes  = "model_request_size_bytes"
	mRespBytes = "model_response_size_bytes"
)

var perRequest = []string{mDuration, mTTFT, mTTFC, mTPOT, mWait, mInput, mOutput, mRate, mReqBytes, mRespBytes}

// What each outcome feeds: every histogram not listed must stay absent. Sums
// come from the definitions, applied by hand to streamed().
func TestWhatEachOutcomeFeeds(t *testing.T) {
	whole := map[string]float64{
		mDuration: .8, mTTFT: .25, mTTFC: .15, mTPOT: .05, mWait: .003,
		mInput: 70, mOutput: 11, mRate: 20, mReqBytes: 300, mRespBytes: 5000,
	}
	for _, c := range []struct {
		name   string
		change func(*event.Exchange)
		want   map[string]float64
	}{
		{"ok", func(*event.Exchange) {}, whole},
		{"ok held up by a slow client", func(x *event.Exchange) { x.Backpressure = true }, whole},
		{"ok, not streamed", func(x *event.Exchange) { x.Stream = false }, map[string]float64{
			mDuration: .8, mWait: .003, mInput: 70, mOutput: 11, mReqBytes: 300, mRespBytes: 5000,
		}},
		{"http_error", func(x *event.Exchange) { x.Outcome, x.Status, x.Stream = event.HTTPError, 500, false },
			map[string]float64{mDuration: .8, mReqBytes: 300, mRespBytes: 5000}},
		{"stream_error", func(x *event.Exchange) { x.Outcome = event.StreamError },
			map[string]float64{mDuration: .8, mTTFT: .25, mTTFC: .15, mReqBytes: 300, mRespBytes: 5000}},
		{"client_abort", func(x *event.Exchange) { x.Outcome = event.ClientAbort },
			map[string]float64{mTTFT: .25, mTTFC: .15, mWait: .003}},
		{"server_abort before the first token", func(x *event.Exchange) {
			x.Outcome, x.FirstToken, x.LastToken = event.ServerAbort, 0, 0
		}, map[string]float64{mTTFC: .15, mWait: .003}},
		{"incomplete", func(x *event.Exchange) { x.Outcome = event.Incomplete }, nil},
		{"ok, joined before its start was seen", func(x *event.Exchange) { x.Start = 0 }, map[string]float64{
			mTPOT: .05, mWait: .003, mInput: 70, mOutput: 11, mRate: 20, mReqBytes: 300, mRespBytes: 5000,
		}},
		{"ok, one token", func(x *event.Exchange) { x.Tokens[event.Output].N = 1 }, map[string]float64{
			mDuration: .8, mTTFT: .25, mTTFC: .15, mWait: .003, mInput: 70, mOutput: 1, mReqBytes: 300, mRespBytes: 5000,
		}},
		{"ok, several tokens in one event", func(x *event.Exchange) { x.LastToken = x.FirstToken }, map[string]float64{
			mDuration: .8, mTTFT: .25, mTTFC: .15, mTPOT: 0, mWait: .003, mInput: 70, mOutput: 11, mReqBytes: 300, mRespBytes: 5000,
		}},
		{"ok, compressed, nothing known", func(x *event.Exchange) {
			x.FirstToken, x.LastToken, x.FirstChunk, x.SocketWait = 0, 0, 0, -1
			x.Tokens = [event.TokenTypes]event.Count{}
		}, map[string]float64{mDuration: .8, mReqBytes: 300, mRespBytes: 5000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			x := streamed()
			c.change(&x)
			r.Exchange(&x)
			got := r.scrape()
			for _, name := range perRequest {
				want, fed := c.want[name]
				m := got.find(t, name, prometheus.Labels{"server": "vllm:8000", "model": "llama", "api": "openai_chat"})
				switch {
				case !fed && m != nil:
					t.Errorf("%s: fed", name)
				case fed && m == nil:
					t.Errorf("%s: not fed", name)
				case fed && (m.Histogram.GetSampleCount() != 1 || math.Abs(m.Histogram.GetSampleSum()-want) > 1e-9):
					t.Errorf("%s: count %d, sum %v, want 1, %v", name, m.Histogram.GetSampleCount(), m.Histogram.GetSampleSum(), want)
				}
			}
			if n := got.value(t, "model_requests_total", nil); n != 1 {
				t.Errorf("model_requests_total %v", n)
			}
			if c.want != nil && got[mDuration] != nil {
				if s := labelsOf(got[mDuration].Metric[0])["stream"]; (s == "true") != x.Stream {
					t.Errorf("duration has stream=%q", s)
				}
			}
		})
	}
}

func TestTimesThatRunBackwardsAreNotShown(t *testing.T) {
	x := streamed()
	x.FirstToken, x.End = x.Start-1, x.Start-1
	f := figuresOf(&x)
	if f.firstToken >= 0 || f.duration >= 0 {
		t.Errorf("%+v", f)
	}
}
