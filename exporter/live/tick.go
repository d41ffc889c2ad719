// SPDX-License-Identifier: Apache-2.0

package live

// Tick is what happened until a second, since the tick before. It is kept and
// sent as JSON.
type Tick struct {
	Second int64   `json:"t"`    // Unix time of its end
	Span   float64 `json:"span"` // s since the tick before; 0 for the first
	// State says that the observer's state was read. Without, nothing is known
	// of requests in flight and tokens per second.
	State   bool     `json:"state"`
	Groups  []Group  `json:"groups,omitempty"`
	GPUs    []GPU    `json:"gpus,omitempty"`
	Host    *Host    `json:"host,omitempty"`
	Capture *Capture `json:"capture,omitempty"`
}

// Group is the part of a Tick that is of one server and model. One of which
// there is nothing to tell is left out.
type Group struct {
	Server string `json:"server"`
	Model  string `json:"model"`

	Receiving int     `json:"receiving,omitempty"`
	Waiting   int     `json:"waiting,omitempty"`
	Streaming int     `json:"streaming,omitempty"`
	Stalled   int     `json:"stalled,omitempty"`
	Rate      float64 `json:"tokens_per_second,omitempty"` // output, of the last 10 s

	// Outcomes counts ended requests, in the order of event.Outcome.
	Outcomes []uint32 `json:"outcomes,omitempty"`
	Input    int64    `json:"input_tokens,omitempty"` // of ended requests
	Output   int64    `json:"output_tokens,omitempty"`

	TTFT       sparse `json:"ttft,omitempty"`
	SocketWait sparse `json:"socket_wait,omitempty"`
	Duration   sparse `json:"duration,omitempty"`
	InterToken sparse `json:"itl,omitempty"`
}

// GPU is a reading of one GPU. What the driver does not say is null.
type GPU struct {
	Index       int      `json:"gpu"`
	Name        string   `json:"name"`
	Utilization *float64 `json:"util"` // 0 to 1
	MemoryUsed  *uint64  `json:"memory_used_bytes"`
	MemoryTotal *uint64  `json:"memory_total_bytes"`
	Power       *float64 `json:"power_watts"`
	PowerLimit  *float64 `json:"power_limit_watts"`
	Temperature *float64 `json:"temperature_celsius"`
}

// Host is a reading of the machine.
type Host struct {
	CPU         *float64 `json:"cpu"` // 0 to 1
	MemoryUsed  *uint64  `json:"memory_used_bytes"`
	MemoryTotal *uint64  `json:"memory_total_bytes"`
}

// Capture is what the capture did since the tick before.
type Capture struct {
	Source      string `json:"source"`
	Packets     uint64 `json:"packets"`
	Lost        uint64 `json:"lost"` // records that did not arrive
	Gaps        uint64 `json:"gaps"` // holes in streams that followed from it
	Connections int    `json:"connections"`
}
