// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/jsonscan"
	"github.com/modeltap/modeltap/observer/llm"
)

// tree holds the places of a kind of document that something may be kept of.
// Node 0 is any place that is not among them, node 1 the document itself.
type tree []node

const (
	nowhere = 0
	root    = 1
)

type node struct {
	keys  words    // of the object here
	below []uint16 // the place of each
	elem  uint16   // of the array here
	keep  llm.Keep
	words words // those that keep lets pass, if only some

	// Sets of the fields that a request has which has a value here: a text
	// that is not empty, a string, a number, an object.
	text, str, num, object uint64
}

// plant makes a tree of places.
func plant(places []llm.Place) tree {
	t := tree{{}, {}}
	for _, p := range places {
		if p.Keep == llm.KeepNothing {
			continue
		}
		at := t.place(p.Path)
		t[at].add(p)
	}
	return t
}

// place returns the node of a path, as jsonscan.Path has it.
func (t *tree) place(path string) int {
	at := root
	for rest := path; rest != ""; {
		if after, ok := strings.CutPrefix(rest, "[]"); ok {
			if (*t)[at].elem == nowhere {
				(*t)[at].elem = t.grow()
			}
			at, rest = int((*t)[at].elem), strings.TrimPrefix(after, ".")
			continue
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		key := rest[:end]
		if key == "" || strings.Contains(key, "*") {
			panic(fmt.Sprintf("no place in a recording: %q", path))
		}
		rest = strings.TrimPrefix(rest[end:], ".")
		n := &(*t)[at]
		i, ok := slices.BinarySearch(n.keys, key)
		if !ok {
			below := t.grow()
			n = &(*t)[at]
			n.keys, n.below = slices.Insert(n.keys, i, key), slices.Insert(n.below, i, below)
		}
		at = int(n.below[i])
	}
	return at
}

// keys returns the known keys of an object at a place.
func (t tree) keys(at uint16) words {
	if at == nowhere {
		return nil
	}
	return t[at].keys
}

// below returns the place of a key of an object at a place.
func (t tree) below(at uint16, key string) uint16 {
	if at == nowhere || key == "" {
		return nowhere
	}
	i, ok := slices.BinarySearch(t[at].keys, key)
	if !ok {
		return nowhere
	}
	return t[at].below[i]
}

// elem returns the place of the elements of an array at a place.
func (t tree) elem(at uint16) uint16 {
	if at == nowhere {
		return nowhere
	}
	return t[at].elem
}

func (t *tree) grow() uint16 {
	*t = append(*t, node{})
	return uint16(len(*t) - 1)
}

func (n *node) add(p llm.Place) {
	bit := uint64(1) << p.Field
	switch p.Kind {
	case jsonscan.Object:
		n.object |= bit
		return
	case jsonscan.Count:
		return
	case jsonscan.Text, jsonscan.TextDeep:
		n.text |= bit
	case jsonscan.String:
		n.str |= bit
	case jsonscan.Number:
		n.num |= bit
	case jsonscan.Any:
		n.str |= bit
		n.num |= bit
	}
	switch {
	case n.keep == llm.KeepNothing:
		n.keep = p.Keep
	case n.keep != p.Keep:
		n.keep = llm.KeepKey // two meanings: in doubt, text
	}
	n.words = nil
	if w := n.keep.Words(); w != nil {
		n.words = list(w...)
	}
}

// trees are those of the APIs that were seen.
type trees struct {
	asked, answered map[*llm.Dialect]tree
	feed            tree
}

func newTrees() *trees {
	return &trees{asked: map[*llm.Dialect]tree{}, answered: map[*llm.Dialect]tree{}, feed: plant(llm.FeedPlaces())}
}

func (t *trees) of(d *llm.Dialect, in map[*llm.Dialect]tree, places func(*llm.Dialect) []llm.Place) tree {
	have, ok := in[d]
	if !ok {
		have = plant(places(d))
		in[d] = have
	}
	return have
}

// request returns the tree of requests to d.
func (t *trees) request(d *llm.Dialect) tree { return t.of(d, t.asked, (*llm.Dialect).Asked) }

// answer returns the tree of answers of d.
func (t *trees) answer(d *llm.Dialect) tree { return t.of(d, t.answered, (*llm.Dialect).Answered) }
