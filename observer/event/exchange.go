// SPDX-License-Identifier: Apache-2.0

package event

// Outcome says how an exchange ended.
type Outcome uint8

const (
	// OK is a complete answer below status 400.
	OK Outcome = iota
	// HTTPError is a complete answer with status 400 or above.
	HTTPError
	// StreamError is an error document inside a stream that began well.
	StreamError
	// ClientAbort is an exchange whose client went away before its end.
	ClientAbort
	// ServerAbort is an exchange whose server went away before its end.
	ServerAbort
	// Incomplete is an exchange that was not seen whole.
	Incomplete
	// Outcomes is the number of outcomes.
	Outcomes
)

// String returns the value of the "outcome" label.
func (o Outcome) String() string {
	return [...]string{"ok", "http_error", "stream_error", "client_abort", "server_abort", "incomplete"}[o]
}

// TokenSource names the evidence behind a token count, best first.
type TokenSource uint8

const (
	// Usage is a count that the server stated.
	Usage TokenSource = iota
	// Exact is per-event evidence: token ids, log probabilities, a protocol
	// that documents one event per token, a tokenizer.
	Exact
	// Chunks is a count of content events that agrees with their text.
	Chunks
	// Estimated is computed from the text by script class.
	Estimated
	// TokenSources is the number of sources.
	TokenSources
)

// String returns the value of the "source" label.
func (s TokenSource) String() string {
	return [...]string{"usage", "exact", "chunks", "estimated"}[s]
}

// TokenType is a kind of token; Reasoning is a part of Output and Cached a
// part of Input.
type TokenType uint8

const (
	Input TokenType = iota
	Output
	Reasoning
	Cached
	// TokenTypes is the number of types.
	TokenTypes
)

// String returns the value of the "type" label.
func (t TokenType) String() string {
	return [...]string{"input", "output", "reasoning", "cached"}[t]
}

// Count is a number of tokens and the evidence for it. Known is false when
// nothing was seen that could be counted.
type Count struct {
	N      int64
	Source TokenSource
	Known  bool
}

// Finish is a normalised finish reason.
type Finish uint8

const (
	FinishStop Finish = iota
	FinishLength
	FinishToolCalls
	FinishContentFilter
	FinishOther
	// Finishes is the number of reasons.
	Finishes
)

// String returns the value of the "reason" label.
func (f Finish) String() string {
	return [...]string{"stop", "length", "tool_calls", "content_filter", "other"}[f]
}

// Exchange is one ended model request and what was seen of its answer. Times
// are in ns of the source's clock; 0 means not seen. It holds no text.
type Exchange struct {
	Server string // bounded label value
	API    string
	Model  string // bounded label value, "unknown" when not named

	Start      int64 // first byte of the request head
	Complete   int64 // last byte of the request body
	Headers    int64 // first byte of the final response head
	FirstChunk int64 // first event of any content
	FirstToken int64 // first event with visible, reasoning or tool-call text
	LastToken  int64
	End        int64 // last byte of the response as framed

	Status  int // HTTP status, 0 when no response head was seen
	Stream  bool
	Outcome Outcome
	// Backpressure says that a slow client or path held up part of the answer.
	Backpressure bool

	Choices       int // that had tokens, which ran side by side
	Tokens        [TokenTypes]Count
	Finish        [Finishes]uint8 // choices that stated each reason
	RequestBytes  int64           // body after de-chunking
	ResponseBytes int64
	SocketWait    int64  // ns from Complete until the application had read it; -1 unknown
	RTT           uint32 // µs, smoothed, at the end; 0 unknown
	TraceID       [16]byte
	HasTraceID    bool
	Parent        [8]byte // id of the client's span; with TraceID
	Sampled       bool    // the client records its trace
}

// Steps returns how many output tokens of one choice followed its first, by
// which the time from FirstToken to LastToken is divided; 0 for none that are
// known. Several choices of an answer run side by side.
func (x *Exchange) Steps() float64 {
	n := x.Tokens[Output]
	if !n.Known {
		return 0
	}
	return max(float64(n.N)/float64(max(x.Choices, 1))-1, 0)
}

// Parent is a traceparent header (W3C Trace Context section 3.2.2).
type Parent struct {
	Trace   [16]byte
	Span    [8]byte
	Sampled bool
}

// Sink receives what the observer finds. Methods are called by one goroutine
// per server; the pointers are valid during the call only.
type Sink interface {
	// Exchange reports an ended model request, exactly once.
	Exchange(*Exchange)
	// OtherRequest reports an ended HTTP request that is no model request.
	// Status is 0 when no response head was seen.
	OtherRequest(server string, status int)
}
