// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"sync"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	// UnknownModel stands for a model that was not named on the wire.
	UnknownModel = "unknown"
	// OtherModel stands for the models beyond the limit.
	OtherModel = "other"
)

// Labels bounds the number of model names over all shards. It is safe for
// concurrent use; shards ask it once per exchange, never per token.
type Labels struct {
	max  int
	mu   sync.Mutex
	held map[string]int // model -> series that use it
}

// NewLabels returns a limiter that admits max distinct models at a time.
func NewLabels(max int) *Labels {
	return &Labels{max: max, held: make(map[string]int)}
}

// Model returns the label value for a model named on the wire: the sanitised
// name, UnknownModel for none, OtherModel beyond the limit. It takes no place:
// only hold does.
func (l *Labels) Model(name []byte) string {
	if len(name) == 0 {
		return UnknownModel
	}
	label := event.Label(string(name))
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.admits(label) {
		return OtherModel
	}
	return label
}

func (l *Labels) admits(label string) bool {
	_, ok := l.held[label]
	return ok || len(l.held) < l.max || label == UnknownModel || label == OtherModel
}

// hold takes a place for a series of label and reports whether there is one:
// another shard may have come first since Model was asked.
func (l *Labels) hold(label string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.admits(label) {
		return false
	}
	if label != UnknownModel && label != OtherModel {
		l.held[label]++
	}
	return true
}

func (l *Labels) release(label string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[label]--; l.held[label] <= 0 {
		delete(l.held, label)
	}
}
