// SPDX-License-Identifier: Apache-2.0

package tcp

import "hash/maphash"

const (
	memorySets = 1 << 13
	memoryWays = 8
)

// memory remembers 65,536 connections that were given up or refused, by a hash,
// so that one that goes on is neither refused nor counted as joined again with
// each of its segments. Its 512 KiB are there from the first of them on.
type memory struct {
	seed maphash.Seed
	sets [][memoryWays]uint64 // the youngest of a set first; 0 is none
}

// past is what became of a connection before.
type past uint64

const (
	unseen  past = iota
	counted      // it was followed, and what was open on it has been counted
	refused      // there was no room for it
	pasts   = 4
)

func (m *memory) find(k key) (set *[memoryWays]uint64, tag uint64) {
	h := maphash.Comparable(m.seed, k)
	return &m.sets[h%memorySets], h / memorySets * pasts
}

func (m *memory) look(k key) past {
	if m.sets == nil {
		return unseen
	}
	set, tag := m.find(k)
	for _, e := range set {
		if e&^(pasts-1) == tag {
			return past(e % pasts)
		}
	}
	return unseen
}

func (m *memory) note(k key, p past) {
	if m.sets == nil {
		m.seed, m.sets = maphash.MakeSeed(), make([][memoryWays]uint64, memorySets)
	}
	set, tag := m.find(k)
	at := memoryWays - 1
	for i, e := range set {
		if e&^(pasts-1) == tag {
			at = i
			break
		}
	}
	copy(set[1:at+1], set[:at])
	set[0] = tag | uint64(p)
}
