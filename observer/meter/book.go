// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// Book holds the series of one shard. It is not safe for concurrent use.
type Book struct {
	labels *Labels
	native bool
	ttl    int64
	series map[Key]*Series
	calib  map[[2]string]*tokens.Calibration
}

// NewBook returns an empty book. Series without traffic for ttl ns are
// dropped; native adds native histogram buckets to each.
func NewBook(labels *Labels, ttl int64, native bool) *Book {
	return &Book{
		labels: labels, native: native, ttl: ttl,
		series: make(map[Key]*Series),
		calib:  make(map[[2]string]*tokens.Calibration),
	}
}

// Series returns the series of a server (a bounded label value), an api and a
// model as named on the wire; it is made when there is none.
func (b *Book) Series(server, api string, model []byte, now int64) *Series {
	return b.get(Key{server, api, b.labels.Model(model)}, now)
}

// Known returns the series of a model only if it exists, else the series of
// the unknown model: for names that no answer has confirmed.
func (b *Book) Known(server, api string, model []byte, now int64) *Series {
	if s := b.series[Key{server, api, event.Label(string(model))}]; s != nil {
		s.Touch(now)
		return s
	}
	return b.get(Key{server, api, UnknownModel}, now)
}

func (b *Book) get(k Key, now int64) *Series {
	s := b.series[k]
	if s == nil {
		if !b.labels.hold(k.Model) {
			k.Model = OtherModel
			return b.get(k, now)
		}
		s = &Series{Key: k, Calibration: b.calibration(k)}
		if b.native {
			s.InterToken.native = new([nativeCount]uint64)
			s.InterChunk.native = new([nativeCount]uint64)
		}
		b.series[k] = s
	}
	s.Touch(now)
	return s
}

func (b *Book) calibration(k Key) *tokens.Calibration {
	at := [2]string{k.Server, k.Model}
	c := b.calib[at]
	if c == nil {
		c = new(tokens.Calibration)
		b.calib[at] = c
	}
	return c
}

// Expire drops the series that saw nothing for the book's ttl. The caller has
// touched those of open exchanges.
func (b *Book) Expire(now int64) {
	for k, s := range b.series {
		if now-s.lastSeen <= b.ttl {
			continue
		}
		delete(b.series, k)
		b.labels.release(k.Model)
	}
	for at := range b.calib {
		if !b.used(at) {
			delete(b.calib, at)
		}
	}
}

func (b *Book) used(at [2]string) bool {
	for k := range b.series {
		if k.Server == at[0] && k.Model == at[1] {
			return true
		}
	}
	return false
}

// Snapshot appends the present state of each series to dst.
func (b *Book) Snapshot(dst []event.Series, now int64) []event.Series {
	for _, s := range b.series {
		dst = append(dst, s.snapshot(now))
	}
	return dst
}
