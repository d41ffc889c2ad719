// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// follow returns a queued exchange and the stream that tells of it, as event
// "e1"; all else is unknown.
func (l *lab) follow(named bool) (*Exchange, *Feed) {
	e := l.ask(0, gradioJoin, `{"data":["x"],"session_hash":"s"}`)
	e.ResponseHead(1, 200, []byte("application/json"), nil, false)
	e.say(1, `{"event_id":"e1"}`)
	e.EndBody()
	e.Queue()
	f := new(Feed)
	open := true
	f.Find = func(id []byte) *Exchange {
		if string(id) == "e1" && open {
			return e
		}
		return nil
	}
	f.Finish = func(e *Exchange, t int64) {
		f.Forget(e)
		open = false
		e.ResponseEnd(t, false)
	}
	f.Broken = func(t int64) {
		if open {
			f.Finish(e, t)
		}
	}
	var only *Exchange
	if named {
		only = e
	}
	f.Open(&l.Shard, only, named)
	return e, f
}

func (f *Feed) tell(t int64, msg, output string) {
	f.Write(event.Mark{Time: t}, fmt.Appendf(nil, `data: {"msg":%q,"event_id":"e1","output":{"data":%s},"success":true}`+"\n\n", msg, output))
}

// The text of an output is what the model has added: neither the user's, nor
// what was there before, nor what is no text.
func TestOutputText(t *testing.T) {
	for name, c := range map[string]struct {
		outputs []string
		want    int64 // bytes of text
		events  int
	}{
		"text, edits":                  {[]string{`["Hello"]`, `[[["append",[]," you"]]]`}, 9, 2},
		"text so far":                  {[]string{`["Hello"]`, `["Hello you"]`, `["Hello you"]`}, 9, 2},
		"nothing new":                  {[]string{`["Hello"]`, `[[]]`, `[[]]`}, 5, 1},
		"no text":                      {[]string{`[null]`, `[3]`, `[{"path":"/tmp/x.png","url":"http://x"}]`}, 0, 0},
		"messages":                     {[]string{`[[{"role":"user","content":"my question"},{"role":"assistant","content":"Hello"}]]`}, 5, 1},
		"the user has the last word":   {[]string{`[[{"role":"assistant","content":"Hello"},{"role":"user","content":"my question"}]]`}, 0, 0},
		"two answers in a row":         {[]string{`[[{"role":"user","content":"q"},{"role":"assistant","content":"Hm."},{"role":"assistant","content":"Hello"}]]`}, 8, 1},
		"pairs":                        {[]string{`[[["q","an old answer"],["q2","Hello"]]]`}, 5, 1},
		"a pair without an answer":     {[]string{`[[["q","an old answer"],["q2",null]]]`}, 0, 0},
		"a greeting":                   {[]string{`[[[null,"I am a bot"]]]`}, 0, 0},
		"a message that is added":      {[]string{`["Hello"]`, `[[["add",[1],{"role":"assistant","content":[{"type":"text","text":" you"}]}]]]`}, 9, 2},
		"the user's message is added":  {[]string{`["Hello"]`, `[[["add",[1],{"role":"user","content":"not mine"}]]]`}, 5, 1},
		"a title is appended to":       {[]string{`["Hello"]`, `[[["append",[1,"metadata","title"]," you"]]]`}, 5, 1},
		"an edit in two components":    {[]string{`["Hello","x"]`, `[[["append",[]," you"]],[["append",[],"yz"]]]`}, 12, 2},
		"text is replaced":             {[]string{`["..."]`, `[[["replace",[],"Hello"]]]`}, 8, 2},
		"a message is deleted":         {[]string{`["Hello"]`, `[[["delete",[1],null]]]`}, 5, 1},
		"an edit below a list":         {[]string{`["Hello"]`, `[[["append",[0,1]," you"]]]`}, 9, 2},
		"another component is updated": {[]string{`["Hello",{"value":"x","__type__":"update"}]`, `["Hello you",{"value":"x","__type__":"update"}]`}, 10, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e, f := l.follow(false)
			for i, o := range c.outputs {
				f.tell(int64(i+1)*10*ms, "process_generating", o)
			}
			if e.account.Bytes() != c.want || e.pieces != c.events {
				t.Errorf("%d bytes of text in %d events, want %d in %d", e.account.Bytes(), e.pieces, c.want, c.events)
			}
			f.tell(second, "process_completed", c.outputs[0])
			if got := l.last(t); got.Outcome != event.OK || got.End != second {
				t.Errorf("%+v", got)
			}
		})
	}
}

// The order of a message's members does not matter to its times.
func TestOutputBeforeItsID(t *testing.T) {
	l := newLab()
	e, f := l.follow(false)
	f.tell(10*ms, "process_generating", `["Hello"]`)
	f.Write(event.Mark{Time: 20 * ms}, []byte(`data: {"output":{"data":[[["append",[]," you"]]]},"event_id":"e1","success":false,"msg":"process_completed"}`+"\n\n"))
	if got := l.last(t); got.Outcome != event.StreamError || got.End != 20*ms {
		t.Errorf("%+v", got)
	}
	_ = e
}

// A message that is broken, or lost in part, leaves nothing behind.
func TestBrokenMessages(t *testing.T) {
	l := newLab()
	e, f := l.follow(false)
	f.tell(10*ms, "process_generating", `["Hello"]`)
	f.Write(event.Mark{Time: 20 * ms}, []byte(`data: {"msg":"process_generating","event_id":"e1","output":{"data":[[["append",[]," lost"]]`+"\n\n"))
	if e.account.Bytes() != 5 || l.tally.ParseErrors[event.ProtoJSON][event.ReasonMalformed] != 1 {
		t.Errorf("%d bytes, errors %v", e.account.Bytes(), l.tally.ParseErrors)
	}
	f.Write(event.Mark{Time: 30 * ms}, []byte(`data: {"msg":"process_generating","event_id":"e1","output":{"data":[[["append",[]," gone`))
	f.Gap(event.Mark{Time: 31 * ms})
	e.Missed()
	f.Write(event.Mark{Time: 32 * ms}, []byte("\n\n"))
	f.tell(40*ms, "process_generating", `[[["append",[]," you"]]]`)
	if e.account.Bytes() != 9 {
		t.Errorf("%d bytes of text, want 9", e.account.Bytes())
	}
	f.tell(50*ms, "process_completed", `["Hello you"]`)
	f.tell(60*ms, "process_completed", `["Hello you"]`)
	if got := l.last(t); got.Outcome != event.Incomplete || len(l.exchanges) != 1 || l.tally.Unpaired[event.UnpairedEvent] != 1 {
		t.Errorf("%+v %v", l.exchanges, l.tally.Unpaired)
	}
	f.Close(true)
}

func TestFeedAllocatesNothing(t *testing.T) {
	l := newLab()
	_, f := l.follow(false)
	f.tell(ms, "process_generating", `["Hello",null]`)
	doc := []byte(`data: {"msg":"process_generating","event_id":"e1","output":{"data":[[["append",[1,"content"]," there"]],[]],"is_generating":true},"success":true}` + "\n\n")
	now := int64(second)
	turn := func() { now += ms; f.Write(event.Mark{Time: now}, doc) }
	turn()
	if n := testing.AllocsPerRun(200, turn); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// BenchmarkGradio is the cost of one generating message.
func BenchmarkGradio(b *testing.B) {
	l := newLab()
	_, f := l.follow(false)
	f.tell(ms, "process_generating", `["Hello",null]`)
	doc := []byte(`data: {"msg":"process_generating","event_id":"e1","output":{"data":[[["append",[]," there"]],[]],"is_generating":true,"duration":0.0505,"average_duration":0.0505,"render_config":null,"changed_state_ids":[],"used_cache":null},"success":true,"time_limit":null}` + "\n\n")
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	now := int64(second)
	for b.Loop() {
		now += ms
		f.Write(event.Mark{Time: now}, doc)
	}
}

// FuzzFeed: cuts make no difference, whatever the bytes.
func FuzzFeed(f *testing.F) {
	for _, s := range []string{
		`data: {"msg":"process_generating","event_id":"e1","output":{"data":["Hello",null]},"success":true}` + "\n\n" +
			`data: {"msg":"process_generating","event_id":"e1","output":{"data":[[["append",[1,"content"]," you"]],[]]},"success":true}` + "\n\n" +
			`data: {"msg":"process_completed","event_id":"e1","output":{"data":["Hello you",null]},"success":true}` + "\n\n",
		`data: {"msg":"process_completed","event_id":"e1","output":{"data":[[["q","a"],[null,"b"]]]},"success":false}` + "\n\n",
		`data: {"msg":"unexpected_error","event_id":null}` + "\n\n" + `data: {"msg":"process_completed","event_id":"e1"}` + "\n\n",
		"event: generating\ndata: [\"Hello\"]\n\nevent: heartbeat\ndata: null\n\nevent: complete\ndata: [\"Hello you\"]\n\n",
		"event: error\ndata: null\n\n", "data: {\n\ndata: [[[\"append\",[\"content\"],3]]]\n\n",
	} {
		f.Add([]byte(s), uint16(5), uint16(70), false)
		f.Add([]byte(s), uint16(40), uint16(90), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, a, b uint16, named bool) {
		run := func(cuts ...int) string {
			l := newLab()
			e, feed := l.follow(named)
			at := 0
			for _, c := range append(cuts, len(body)) {
				if c = min(c, len(body)); c > at {
					feed.Write(event.Mark{Time: ms}, bytes.Clone(body[at:c]))
					at = c
				}
			}
			feed.Close(true)
			if l.InFlight() > 0 {
				e.Abort(2*ms, event.ServerAbort)
			}
			if l.InFlight() != 0 || len(l.exchanges) != 1 {
				t.Fatalf("%d in flight, %d reported", l.InFlight(), len(l.exchanges))
			}
			return fmt.Sprintf("%+v %+v", l.exchanges, l.tally)
		}
		whole := run()
		if cut := run(int(min(a, b)), int(max(a, b))); cut != whole {
			t.Fatalf("cut: %s\nwhole: %s", cut, whole)
		}
	})
}
