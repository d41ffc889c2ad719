// SPDX-License-Identifier: Apache-2.0

package tokens

import "github.com/modeltap/modeltap/observer/event"

const (
	// MaxText is the longest answer, in bytes, that is kept for a tokenizer.
	MaxText = 1 << 20
	// MaxTexts bounds the memory of all texts kept for one Desk, in bytes.
	MaxTexts = 32 << 20

	firstText = 4 << 10  // the first room of a text
	spareText = 64 << 10 // the most room that is kept for another text
)

// Text is the text of an answer, kept until a tokenizer has counted it. A Desk
// makes it, and a Meter that was told to Keep it writes it.
type Text struct {
	desk  *Desk
	main  []byte
	aside []byte // another reading of its end, from base on
	base  int
	short bool // bytes are missing, for the reason why
	why   event.Untokenized
}

// put writes p at a position of the text, or of what is kept aside of it; what
// was behind it is dropped.
func (t *Text) put(aside bool, at int64, p []byte) {
	dst, from := &t.main, int(at)
	if aside {
		dst, from = &t.aside, from-t.base
	}
	if t.short || from < 0 || from > len(*dst) {
		t.giveUp(event.UntokenizedFailed)
		return
	}
	if cap(*dst) < from+len(p) && !t.grow(dst, from, from+len(p)) {
		return
	}
	*dst = append((*dst)[:from], p...)
}

// grow makes room for n bytes, of which those before keep stay.
func (t *Text) grow(dst *[]byte, keep, n int) bool {
	if n > MaxText {
		t.giveUp(event.UntokenizedTooLong)
		return false
	}
	room := min(max(2*cap(*dst), firstText, n), MaxText)
	if !t.desk.reserve(room - cap(*dst)) {
		t.giveUp(event.UntokenizedMemory)
		return false
	}
	old := *dst
	*dst = append(make([]byte, 0, room), old[:keep]...)
	clear(old[:cap(old)])
	return true
}

// giveUp drops a text that cannot be kept whole. The first reason stands.
func (t *Text) giveUp(why event.Untokenized) {
	if t.short {
		return
	}
	t.drop(0)
	t.short, t.why = true, why
}

// drop forgets the text: what held it is zeroed and given back, but for keep
// bytes.
func (t *Text) drop(keep int) {
	for _, b := range []*[]byte{&t.main, &t.aside} {
		clear((*b)[:cap(*b)])
		if cap(*b) > keep {
			t.desk.reserve(-cap(*b))
			*b = nil
		}
		*b = (*b)[:0]
	}
}

// Keep makes the meter, which must be empty, write its text to t as well; nil
// keeps nothing.
func (m *Meter) Keep(t *Text) { m.text = t }

// Fork returns a meter that goes on from here with another reading of the
// text. One of them is kept in the end: the first by using it further, the
// other by its Join.
func (m *Meter) Fork() Meter {
	f := *m
	if t := m.text; t != nil {
		f.aside = true
		t.base, t.aside = int(m.bytes), t.aside[:0]
	}
	return f
}

// Join returns the meter of a fork that replaces the one it came from.
func (m Meter) Join() Meter {
	if t := m.text; t != nil && m.aside {
		m.aside = false
		if !t.short {
			t.put(false, int64(t.base), t.aside)
		}
	}
	return m
}

// Only returns the meter of a text of which what came before the position from
// turns out to be repeated behind it; alone has measured the rest, without
// keeping it.
func (m Meter) Only(from int64, alone Meter) Meter {
	alone.text = m.text
	if t := m.text; t != nil && !t.short {
		t.main = t.main[:copy(t.main, t.main[min(int(from), len(t.main)):])]
		if int64(len(t.main)) != alone.bytes {
			t.giveUp(event.UntokenizedFailed)
		}
	}
	return alone
}
