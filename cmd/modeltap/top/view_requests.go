// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// The scales of the waterfall, which t goes through.
const (
	scaleShare = iota // each request fills its line
	scaleTime         // the longest fills its line
	scaleFirst        // as scaleTime, up to the first token
	scales
)

var scaleNames = [scales]string{"own", "common", "first token"}

// requestColumn is a column of the requests.
type requestColumn struct {
	paint.Column
	text func(m model, r *client.Request) string
	bad  func(r *client.Request) bool
}

var requestColumns = func() []requestColumn {
	column := func(title string, least, width, drop int, right bool, text func(m model, r *client.Request) string) requestColumn {
		return requestColumn{paint.Column{Title: title, Min: least, Width: width, Right: right, Drop: drop}, text, nil}
	}
	server := column("SERVER", 12, 24, 0, false, func(m model, r *client.Request) string { return m.glyphs.Plain(r.Server) })
	server.KeepEnd = true
	outcome := column("OUTCOME", 15, 18, 0, false, func(m model, r *client.Request) string {
		if r.Code != nil && *r.Code != 200 {
			return m.glyphs.Plain(r.Outcome) + " " + strconv.Itoa(*r.Code)
		}
		return m.glyphs.Plain(r.Outcome)
	})
	outcome.bad = badRequest
	return []requestColumn{
		column("AGE", 4, 5, 0, true, func(m model, r *client.Request) string { return m.age(r) }),
		server,
		column("MODEL", 10, 22, 2, false, func(m model, r *client.Request) string { return m.glyphs.Plain(r.Model) }),
		outcome,
		column("SOCKW", 6, 6, 4, true, func(m model, r *client.Request) string { return m.glyphs.Seconds(known(r.SocketWait)) }),
		column("TTFT", 6, 6, 0, true, func(m model, r *client.Request) string { return m.glyphs.Seconds(known(r.TTFT)) }),
		column("TOTAL", 6, 6, 0, true, func(m model, r *client.Request) string { return m.glyphs.Seconds(known(r.Duration)) }),
		column("IN", 5, 5, 3, true, func(m model, r *client.Request) string { return m.glyphs.Number(counted(r.InputTokens)) }),
		column("OUT", 5, 5, 1, true, func(m model, r *client.Request) string { return m.glyphs.Number(counted(r.OutputTokens)) }),
		column("TOK/s", 5, 5, 5, true, func(m model, r *client.Request) string { return m.glyphs.Number(speed(r)) }),
		{Column: paint.Column{Title: waterfall, Min: 12, Width: 20, Grow: true}},
	}
}()

const waterfall = "TIME"

// badRequest reports whether the server answers for a bad end.
func badRequest(r *client.Request) bool {
	return r.Outcome == "http_error" || r.Outcome == "stream_error" || r.Outcome == "server_abort"
}

func known(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func counted(v *int64) float64 {
	if v == nil {
		return math.NaN()
	}
	return float64(*v)
}

// speed is output tokens a second while decoding, as
// model_request_output_tokens_per_second has it, but to the end of the answer.
func speed(r *client.Request) float64 {
	d, n := known(r.Duration)-known(r.TTFT), counted(r.OutputTokens)
	if !(d > 0) || !(n > 1) {
		return math.NaN()
	}
	return (n - 1) / d
}

// age is how long ago a request ended, or began where its end is unknown.
func (m model) age(r *client.Request) string {
	if r.Started == nil {
		return m.glyphs.None
	}
	at := *r.Started
	if d := known(r.Duration); d > 0 {
		at = at.Add(time.Duration(d * float64(time.Second)))
	}
	return paint.Age(m.now.Sub(at))
}

// listed returns the requests that the filter lets through, the newest first.
func (m model) listed() []client.Request {
	if m.filter == "" {
		return m.requests
	}
	var all []client.Request
	for _, r := range m.requests {
		code := ""
		if r.Code != nil {
			code = strconv.Itoa(*r.Code)
		}
		if m.fits(r.Server, r.Model, r.API, r.Outcome, code) {
			all = append(all, r)
		}
	}
	return all
}

func (m model) requestsView(room int) []string {
	list := m.listed()
	s := m.styles
	legend := fmt.Sprintf("%s in socket  %s until first token  %s decode  %s not streamed  scale: %s", s.wait.Render(m.glyphs.Wait),
		s.prefill.Render(m.glyphs.Prefill), s.decode.Render(m.glyphs.Decode), m.glyphs.Whole, scaleNames[m.scale])
	switch {
	case len(m.requests) == 0:
		return []string{legend, "", "  no request has ended yet, or this daemon does not list them (/api/v1/requests)"}
	case len(list) == 0:
		return []string{legend, "", "  nothing fits the filter: esc drops it"}
	}
	return append([]string{legend}, m.requestLines(list, room-1, m.cursor[viewRequests])...)
}

// requestLines is a table of requests in room lines, its head included, with a
// cursor unless that is negative.
func (m model) requestLines(list []client.Request, room, cursor int) []string {
	if len(list) == 0 {
		return nil
	}
	columns := make([]paint.Column, len(requestColumns))
	for i, c := range requestColumns {
		columns[i] = c.Column
	}
	placed := paint.Layout(columns, m.width-2)
	var head []string
	for _, p := range placed {
		head = append(head, m.glyphs.Cell(columns[p.Index], columns[p.Index].Title, p.Width))
	}
	lines := []string{"  " + m.styles.head.Render(strings.Join(head, " "))}
	from, to := window(max(cursor, 0), len(list), max(room-1, 0))
	scale := m.scaleOf(list[from:to])
	for i := from; i < to; i++ {
		lines = append(lines, m.requestLine(&list[i], placed, scale, i == cursor))
	}
	return lines
}

func (m model) requestLine(r *client.Request, placed []paint.Placed, scale float64, chosen bool) string {
	var cells []string
	for _, p := range placed {
		c := requestColumns[p.Index]
		if c.Title == waterfall {
			cells = append(cells, m.bar(r, scale, p.Width))
			continue
		}
		text, bad := c.text(m, r), c.bad != nil && c.bad(r)
		if bad {
			text = "!" + text
		}
		text = m.glyphs.Cell(c.Column, text, p.Width)
		if bad {
			text = m.styles.bad.Render(text)
		}
		cells = append(cells, text)
	}
	line := strings.Join(cells, " ")
	if chosen {
		return m.glyphs.Cursor + " " + over(m.styles.chosen, line)
	}
	return "  " + line
}

// parts divides the time of a request.
func (m model) parts(r *client.Request) paint.Parts {
	nan := math.NaN()
	wait, first, all := known(r.SocketWait), known(r.TTFT), known(r.Duration)
	p := paint.Parts{Wait: wait, Prefill: nan, Decode: nan, Whole: nan}
	rest := 0.0
	if wait > 0 {
		rest = wait
	}
	switch {
	case !math.IsNaN(first):
		p.Prefill, p.Decode = first-rest, all-first
	default:
		p.Whole = all - rest
	}
	if m.scale == scaleFirst && !math.IsNaN(first) {
		p.Decode = nan
	}
	return p
}

// scaleOf is how many seconds a whole line stands for, 0 where each line has
// its own.
func (m model) scaleOf(list []client.Request) float64 {
	longest := 0.0
	if m.scale == scaleShare {
		return 0
	}
	for i := range list {
		if m.scale == scaleFirst && list[i].TTFT == nil {
			continue
		}
		longest = max(longest, m.parts(&list[i]).Total())
	}
	return longest
}

func (m model) bar(r *client.Request, scale float64, width int) string {
	p := m.parts(r)
	if scale == 0 {
		scale = p.Total()
	}
	var b strings.Builder
	used := 0
	for _, s := range m.glyphs.Waterfall(p, scale, width) {
		text := strings.Repeat(s.Mark, s.N)
		switch s.Mark {
		case m.glyphs.Wait:
			text = m.styles.wait.Render(text)
		case m.glyphs.Prefill:
			text = m.styles.prefill.Render(text)
		case m.glyphs.Decode:
			text = m.styles.decode.Render(text)
		}
		b.WriteString(text)
		used += s.N
	}
	return b.String() + strings.Repeat(" ", max(width-used, 0))
}

func (m model) requestDetail() []string {
	r, g := m.detailRequest, m.glyphs
	text := func(s *string) string {
		if s == nil {
			return g.None
		}
		return g.Plain(*s)
	}
	code := g.None
	if r.Code != nil {
		code = strconv.Itoa(*r.Code)
	}
	started := g.None
	if r.Started != nil {
		started = r.Started.Local().Format(time.RFC3339) + ", " + paint.Age(m.now.Sub(*r.Started)) + " ago"
	}
	streamed := "no"
	if r.Stream {
		streamed = "yes"
	}
	held := "no"
	if r.Backpressure {
		held = "yes: its gaps are not in the histograms"
	}
	lines := []string{m.styles.head.Render("REQUEST")}
	for _, kv := range [][2]string{
		{"server", g.Plain(r.Server)}, {"model", g.Plain(r.Model)}, {"api", g.Plain(r.API)}, {"started", started},
		{"outcome", g.Plain(r.Outcome)}, {"code", code}, {"streamed", streamed}, {"finish reason", text(r.Finish)},
		{"socket wait", g.Seconds(known(r.SocketWait))}, {"first token", g.Seconds(known(r.TTFT))}, {"duration", g.Seconds(known(r.Duration))},
		{"tokens", g.Number(counted(r.InputTokens)) + " in, " + g.Number(counted(r.OutputTokens)) + " out, by " + text(r.TokenSource)},
		{"tokens/s", g.Number(speed(&r))},
		{"bytes", g.Bytes(float64(r.RequestSize)) + " in, " + g.Bytes(float64(r.ResponseSize)) + " out"},
		{"slow client", held}, {"round trip", g.Seconds(known(r.RTT))}, {"trace id", text(r.TraceID)},
	} {
		lines = append(lines, fmt.Sprintf("  %-14s %s", kv[0], kv[1]))
	}
	return append(lines, "", "  "+m.bar(&r, 0, max(m.width-4, 0)))
}
