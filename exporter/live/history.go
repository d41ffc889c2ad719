// SPDX-License-Identifier: Apache-2.0

package live

import "time"

const (
	// Window is how far back the page looks.
	Window = 15 * time.Minute
	// maxHistory bounds the memory for ticks; where they are large, with many
	// servers and models busy at once, fewer minutes are kept.
	maxHistory = 8 << 20
)

// kept is a tick as it is sent.
type kept struct {
	second int64
	json   []byte
}

// history holds the ticks of the Window, oldest first.
type history struct {
	ticks []kept
	bytes int
}

// put adds a tick. Its second is after all others; after a step back of the
// clock those are of a time that will come again, and go.
func (h *history) put(k kept) {
	if n := len(h.ticks); n > 0 && k.second <= h.ticks[n-1].second {
		h.ticks, h.bytes = nil, 0
	}
	h.ticks = append(h.ticks, k)
	h.bytes += len(k.json)
	old := 0
	for old < len(h.ticks)-1 && (h.bytes > maxHistory || h.ticks[old].second <= k.second-int64(Window/time.Second)) {
		h.bytes -= len(h.ticks[old].json)
		h.ticks[old].json = nil
		old++
	}
	h.ticks = h.ticks[old:]
}

// since returns the ticks after a second. The caller must not change them.
func (h *history) since(second int64) []kept {
	i := len(h.ticks)
	for i > 0 && h.ticks[i-1].second > second {
		i--
	}
	return h.ticks[i:len(h.ticks):len(h.ticks)]
}
