// SPDX-License-Identifier: Apache-2.0

package budget

// Grain is how many bytes of each claim a Share keeps at most: some requests
// begin and end without a word to the other shards.
const Grain = 16 << 10

// Share is the Budget as one shard sees it. What is given back it keeps for the
// next that takes, up to Grain. It is not safe for concurrent use; of bytes, a
// nil one is without a limit.
type Share struct {
	*Budget
	kept [claims]int
}

// Share returns a new share of b.
func (b *Budget) Share() *Share { return &Share{Budget: b} }

// Kept returns the bytes that are charged to b and in use by nobody.
func (s *Share) Kept() (n int64) {
	for _, k := range s.kept {
		n += int64(k)
	}
	return n
}

// Take charges n bytes; false when they are not to be had.
func (s *Share) Take(n int, c Claim) bool {
	switch {
	case s == nil:
		return true
	case s.kept[c] >= n:
		s.kept[c] -= n
		return true
	}
	return s.Budget.Take(n, c)
}

// Force charges n bytes whatever is left: for what is given back at once, or is
// so small a part of something charged that to refuse it would cost more.
func (s *Share) Force(n int, c Claim) {
	switch {
	case s == nil:
	case s.kept[c] >= n:
		s.kept[c] -= n
	default:
		s.Budget.Force(n, c)
	}
}

// Give takes back n bytes that were charged for c.
func (s *Share) Give(n int, c Claim) {
	switch {
	case s == nil:
	case s.kept[c]+n <= Grain:
		s.kept[c] += n
	default:
		s.Budget.Give(n, c)
	}
}
