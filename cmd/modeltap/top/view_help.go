// SPDX-License-Identifier: Apache-2.0

package top

import "fmt"

// helpLines fit 80x24.
func (m model) helpLines() []string {
	g := m.glyphs
	lines := []string{m.styles.head.Render("KEYS") + "  ? goes back"}
	for _, l := range [][2]string{
		{"1 2 3 4 5  tab  r", "servers, requests, latency, GPUs, self; next; requests"},
		{g.Moves + "  j k  g G", "move; to the ends; pgup and pgdn by pages"},
		{"enter  esc", "details; back"},
		{"/", "show only what holds a text; esc shows all again"},
		{"s  S", "sort by the next column; the other way round"},
		{"f", "the cursor stays with its server when the order changes"},
		{"t", "scale of the request bars: own, common, to the first token"},
		{"space  + -", "pause what is shown; look less, more often"},
		{"q", "quit"},
	} {
		lines = append(lines, "  "+g.Pad(m.styles.key.Render(l[0]), 21, false)+" "+l[1])
	}
	lines = append(lines, m.styles.head.Render("COLUMNS")+fmt.Sprintf("  rates and percentiles look back over %v", Window))
	for _, l := range [][2]string{
		{"REQ/s  ERR/s", "ended requests; those that failed in the server"},
		{"TTFT50 TTFT95", "from a request's first byte to its first token"},
		{"ITL50  ITL95", "from token to token of a stream"},
		{"SOCKW95", "wait in the socket; above 250ms its event loop blocks"},
		{"WAIT  STRM", "now waiting for a first token; streaming, ! some stalled"},
		{"TOK/s  TREND", "output tokens, running streams included"},
	} {
		lines = append(lines, "  "+g.Pad(l[0], 21, false)+" "+l[1])
	}
	return append(lines,
		"  "+g.Wait+" in the socket  "+g.Prefill+" until the first token  "+g.Decode+" decoding  "+g.Whole+" not streamed",
		"  "+g.None+" unknown   ! look here   < > below, above what the buckets can tell")
}
