// SPDX-License-Identifier: Apache-2.0

package event

// Unobserved says why a connection could not be understood.
type Unobserved uint8

const (
	UnobservedTLS Unobserved = iota
	UnobservedHTTP2
	UnobservedWebSocket
	UnobservedUnknown
	UnobservedCompressed
	// UnobservedReasons is the number of reasons.
	UnobservedReasons
)

// String returns the value of the "reason" label.
func (u Unobserved) String() string {
	return [...]string{"tls", "http2", "websocket", "unknown_protocol", "compressed"}[u]
}

// Protocol names the parser that met an error.
type Protocol uint8

const (
	ProtoTCP Protocol = iota
	ProtoHTTP1
	ProtoSSE
	ProtoNDJSON
	ProtoJSON
	// Protocols is the number of protocols.
	Protocols
)

// String returns the value of the "protocol" label.
func (p Protocol) String() string {
	return [...]string{"tcp", "http1", "sse", "ndjson", "json"}[p]
}

// ParseReason says what was wrong with the bytes.
type ParseReason uint8

const (
	ReasonMalformed ParseReason = iota
	ReasonTooLarge
	ReasonTooDeep
	ReasonTruncated
	// ParseReasons is the number of reasons.
	ParseReasons
)

// String returns the value of the "reason" label.
func (r ParseReason) String() string {
	return [...]string{"malformed", "too_large", "too_deep", "truncated"}[r]
}

// Eviction says why state was given up before its natural end.
type Eviction uint8

const (
	EvictIdle        Eviction = iota // no packet for the idle limit: no limit was reached
	EvictConnections                 // --max-connections: an idle connection, or one that is not followed
	EvictHalfOpen                    // --max-connections: a handshake that was not over
	EvictRefused                     // --max-connections: no other could go for this one
	EvictBuffer                      // --max-buffer: data ahead of a hole, a head in pieces, a document
	EvictExchanges                   // a request: --max-buffer, or the oldest of too many on a connection
	// Evictions is the number of reasons.
	Evictions
)

// String returns the value of the "reason" label.
func (e Eviction) String() string {
	return [...]string{"idle", "connections", "half_open", "refused", "buffer", "exchanges"}[e]
}

// Untokenized says why an answer whose model has a tokenizer was counted by
// lesser evidence.
type Untokenized uint8

const (
	UntokenizedTooLong   Untokenized = iota // longer than is kept
	UntokenizedMemory                       // the memory for all such texts is used up
	UntokenizedQueueFull                    // more answers end than can be counted
	UntokenizedChoices                      // several choices are mixed in one answer
	UntokenizedFailed                       // the tokenizer failed, or part of the text is missing
	// UntokenizedReasons is the number of reasons.
	UntokenizedReasons
)

// String returns the value of the "reason" label.
func (u Untokenized) String() string {
	return [...]string{"too_long", "memory", "queue_full", "choices", "failed"}[u]
}

// Unpaired says why a request to a queue, or what a queue told of one, was not
// paired with the other.
type Unpaired uint8

const (
	UnpairedWaited Unpaired = iota // nobody asked for its output in time
	UnpairedMany                   // more wait than are remembered
	UnpairedEvent                  // the output of a request that was not seen
	// UnpairedReasons is the number of reasons.
	UnpairedReasons
)

// String returns the value of the "reason" label.
func (u Unpaired) String() string {
	return [...]string{"no_stream", "too_many", "unknown_event"}[u]
}

// Tally counts what happened in one shard since the start. Every field only
// grows.
type Tally struct {
	Gaps, GapBytes, Resyncs    uint64
	SkippedBytes, Backpressure uint64
	Panics                     uint64
	ParseErrors                [Protocols][ParseReasons]uint64
	Unobserved                 [UnobservedReasons]uint64
	Evictions                  [Evictions]uint64
	Untokenized                [UntokenizedReasons]uint64
	Unpaired                   [UnpairedReasons]uint64
}

// Add adds t to the receiver.
func (s *Tally) Add(t *Tally) {
	s.Gaps += t.Gaps
	s.GapBytes += t.GapBytes
	s.Resyncs += t.Resyncs
	s.SkippedBytes += t.SkippedBytes
	s.Backpressure += t.Backpressure
	s.Panics += t.Panics
	for p := range s.ParseErrors {
		for r := range s.ParseErrors[p] {
			s.ParseErrors[p][r] += t.ParseErrors[p][r]
		}
	}
	for i := range s.Unobserved {
		s.Unobserved[i] += t.Unobserved[i]
	}
	for i := range s.Evictions {
		s.Evictions[i] += t.Evictions[i]
	}
	for i := range s.Untokenized {
		s.Untokenized[i] += t.Untokenized[i]
	}
	for i := range s.Unpaired {
		s.Unpaired[i] += t.Unpaired[i]
	}
}

// GapBuckets are the upper bounds, in seconds, of the inter-token and
// inter-chunk latency histograms.
var GapBuckets = [...]float64{
	.001, .002, .004, .006, .008, .01, .015, .02, .025, .03, .04, .05, .06, .075,
	.1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 10,
}

// NativeSchema is the resolution of the native histograms: 2^3 buckets for
// each power of two, a growth factor of 1.09.
const NativeSchema = 3

// Histogram is a latency histogram at one moment.
type Histogram struct {
	// Counts holds one count for each bucket of GapBuckets and, last, one
	// for everything above; they are not cumulative.
	Counts [len(GapBuckets) + 1]uint64
	Sum    float64 // seconds
	// Native maps a bucket index of NativeSchema to its count; nil unless
	// native histograms are on. Zero holds observations of 0 s.
	Native map[int]int64
	Zero   uint64
}

// Series is what one (server, api, model) has at one moment.
type Series struct {
	Server, API, Model string

	InterToken, InterChunk Histogram
	TokensPerSecond        float64
	Receiving, Waiting     int
	Streaming, Stalled     int
	// Calibration is the ratio of stated to estimated output tokens, 0 until
	// it is known.
	Calibration float64
}

// Server describes a watched listening socket that is a model server.
type Server struct {
	Name      string // value of the "server" label
	PID       int    // 0 when not visible
	Comm      string
	Address   string // address the socket listens on, "" when unknown
	Port      uint16
	Group     uint64 // cgroup id
	Container string
	Pod       string
	Namespace string
	Unit      string
	Target    bool // named by --target, not discovered
	Listening bool // false while an explicit target is waited for
}

// SourceStats are the counters of one capture source, by direction where the
// source tells directions apart.
type SourceStats struct {
	Source   string // "cgroup", "packet", "file"
	Attached string // where, for humans: a cgroup path, an interface, a file
	Packets  [2]uint64
	Bytes    [2]uint64
	RingFull, CopyFailed,
	QueueFull [2]uint64
	Kernel *KernelStats // nil where no program of ours runs in the kernel
}

// KernelStats are what the capture programs count beyond SourceStats.
type KernelStats struct {
	LostBytes    [2]uint64 // of payload, that met a full ring
	SkippedBytes [2]uint64 // of payload, left out on purpose
	Stateless    [2]uint64 // packets whose socket got no storage
	LostEvents   uint64    // releases and reads that met a full ring; RingFull has them too
	LostCloses   uint64    // of listeners
}

// Add adds the counters of o.
func (k *KernelStats) Add(o *KernelStats) {
	for dir := range k.LostBytes {
		k.LostBytes[dir] += o.LostBytes[dir]
		k.SkippedBytes[dir] += o.SkippedBytes[dir]
		k.Stateless[dir] += o.Stateless[dir]
	}
	k.LostEvents += o.LostEvents
	k.LostCloses += o.LostCloses
}

// Program is one BPF program and, while kernel statistics are on, its cost.
type Program struct {
	Name       string
	Runs       uint64
	RunSeconds float64
}

// MaxOpen bounds the open exchanges of a shard in a Snapshot.
const MaxOpen = 32

// Snapshot is the state of the observer at one moment.
type Snapshot struct {
	Now    int64 // ns of the source's clock
	Tally  Tally
	Series []Series
	// Open holds exchanges that have not ended, the oldest of each shard first:
	// what has been seen of them. End is 0, and Outcome says nothing yet.
	Open        []Exchange
	Servers     []Server
	Sources     []SourceStats
	Programs    []Program // nil while kernel statistics are off
	Features    map[string]bool
	Connections int
	BufferBytes int64
	MissedBinds uint64 // sockets given a port of which discovery was not told
	LateEvents  uint64 // what discovery was told and had no room to keep
}
