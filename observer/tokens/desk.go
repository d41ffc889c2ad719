// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"sync"
	"sync/atomic"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	// maxWaiting bounds the texts of one Tray that wait to be counted.
	maxWaiting = 256
	maxSpare   = 64
)

// AnyModel is the name under which a Desk finds the tokenizer of every model
// that has none of its own, and Unnamed that of answers that name no model.
const (
	AnyModel = "*"
	Unnamed  = "unknown"
)

// Tokenizer returns the number of tokens of a whole text, false when it cannot
// tell. It must not keep text, and may be called by several goroutines.
type Tokenizer = func(text []byte) (n int64, ok bool)

// Desk counts the tokens of whole texts with real vocabularies, away from the
// path of the packets: one text after another, on a goroutine that exists
// while there is something to count. A nil Desk has no tokenizer.
type Desk struct {
	models map[string]Tokenizer
	inline bool
	hurry  atomic.Bool
	held   atomic.Int64 // bytes of memory of all texts

	mu    sync.Mutex
	queue []*Job
	busy  bool
	spare []*Text
}

// NewDesk returns a Desk with a tokenizer for each name of a model. Inline, it
// counts where it is asked to, for captures that are read faster than time.
func NewDesk(models map[string]Tokenizer, inline bool) *Desk {
	if len(models) == 0 {
		return nil
	}
	return &Desk{models: models, inline: inline}
}

// Hurry makes the Desk hand back uncounted what waits, for a quick end. Inline,
// nothing waits.
func (d *Desk) Hurry() {
	if d != nil && !d.inline {
		d.hurry.Store(true)
	}
}

// Held returns the bytes of memory that hold texts.
func (d *Desk) Held() int64 {
	if d == nil {
		return 0
	}
	return d.held.Load()
}

func (d *Desk) reserve(n int) bool {
	if d.held.Add(int64(n)) <= MaxTexts || n <= 0 {
		return true
	}
	d.held.Add(int64(-n))
	return false
}

func (d *Desk) tokenizer(model []byte) Tokenizer {
	t, ok := d.models[string(model)]
	if !ok && len(model) == 0 {
		t, ok = d.models[Unnamed]
	}
	if !ok {
		t = d.models[AnyModel]
	}
	return t
}

func (d *Desk) take() *Text {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.spare); n > 0 {
		t := d.spare[n-1]
		d.spare = d.spare[:n-1]
		return t
	}
	return &Text{desk: d}
}

func (d *Desk) release(t *Text) {
	t.drop(spareText)
	*t = Text{desk: d, main: t.main, aside: t.aside}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.spare) < maxSpare {
		d.spare = append(d.spare, t)
		return
	}
	d.reserve(-cap(t.main) - cap(t.aside))
}

// Job is a text that was handed in and what came of it.
type Job struct {
	For   any // as given to Submit
	N     int64
	OK    bool
	text  *Text
	size  int64
	count Tokenizer
	tray  *Tray
}

// run counts the text and forgets it. A tokenizer that panics has not counted.
func (j *Job) run() {
	d := j.tray.desk
	defer func() {
		if recover() != nil {
			j.N, j.OK = 0, false
		}
		d.release(j.text)
		j.text = nil
		j.tray.done <- j
	}()
	if !d.hurry.Load() {
		j.N, j.OK = j.count(j.text.main[:j.size])
	}
}

func (d *Desk) submit(j *Job) {
	if d.inline {
		j.run()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, j)
	if !d.busy {
		d.busy = true
		go d.work()
	}
}

func (d *Desk) work() {
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.queue, d.busy = nil, false
			d.mu.Unlock()
			return
		}
		j := d.queue[0]
		d.queue[0] = nil
		d.queue = d.queue[1:]
		d.mu.Unlock()
		j.run()
	}
}

// Tray is one shard's place at a Desk. It is not safe for concurrent use; a nil
// Tray has no tokenizer.
type Tray struct {
	desk    *Desk
	done    chan *Job
	waiting int
}

// Tray returns a new Tray.
func (d *Desk) Tray() *Tray {
	if d == nil {
		return nil
	}
	return &Tray{desk: d, done: make(chan *Job, maxWaiting)}
}

// Open returns an empty Text if there is a tokenizer for the model, whose name
// is empty when none is known; else nil. It ends with Submit or Release.
func (t *Tray) Open(model []byte) *Text {
	if t == nil || t.desk.tokenizer(model) == nil {
		return nil
	}
	return t.desk.take()
}

// Release forgets a text.
func (t *Tray) Release(text *Text) { t.desk.release(text) }

// Submit hands in the text that m has kept, to be counted for the model and to
// come back from Done with v. Where that cannot be, it forgets the text and
// returns false and the reason.
func (t *Tray) Submit(text *Text, m *Meter, model []byte, v any) (why event.Untokenized, ok bool) {
	count := t.desk.tokenizer(model)
	switch {
	case text.short:
		why = text.why
	case count == nil, m.text != text, m.aside, m.bytes > int64(len(text.main)):
		why = event.UntokenizedFailed
	case t.waiting == maxWaiting:
		why = event.UntokenizedQueueFull
	default:
		t.waiting++
		t.desk.submit(&Job{For: v, text: text, size: m.bytes, count: count, tray: t})
		return 0, true
	}
	t.desk.release(text)
	return why, false
}

// Done returns a job that is done, nil when none is. With wait set it waits
// for one as long as any is under way.
func (t *Tray) Done(wait bool) *Job {
	if t == nil || t.waiting == 0 {
		return nil
	}
	if wait {
		t.waiting--
		return <-t.done
	}
	select {
	case j := <-t.done:
		t.waiting--
		return j
	default:
		return nil
	}
}
