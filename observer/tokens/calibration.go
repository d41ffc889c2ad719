// SPDX-License-Identifier: Apache-2.0

package tokens

import "slices"

const (
	// calibrated is the number of answers that make a Calibration valid.
	calibrated = 8
	// remembered is the number of last answers of which it is the median.
	remembered = 32
	// maxRatio bounds what one answer can say, up and down: no vocabulary cuts
	// a text into more, or fewer, than that many times the estimated tokens.
	maxRatio = 4
)

// Calibration is what the answers with stated output say about the totals of
// the others of the same server and model: one bounded number, the median of
// the last ones, which no odd answer can move far. The zero Calibration knows
// nothing. A nil one may be asked, not taught.
type Calibration struct {
	ratios [remembered]float32 // stated by estimated tokens, the oldest at next once full
	n      int
	next   int
	median float64
}

// Observe adds a complete answer of which the server stated its output tokens,
// and whose text was estimated at that many.
func (c *Calibration) Observe(stated int64, estimated float64) {
	if estimated <= 0 || stated < 0 {
		return
	}
	c.ratios[c.next] = float32(max(1.0/maxRatio, min(float64(stated)/estimated, maxRatio)))
	c.next = (c.next + 1) % remembered
	c.n = min(c.n+1, remembered)
	if c.n < calibrated {
		return
	}
	sorted := c.ratios
	slices.Sort(sorted[:c.n])
	c.median = float64(sorted[(c.n-1)/2]+sorted[c.n/2]) / 2
}

// Ratio returns stated by estimated tokens, between 1/4 and 4, once there were
// 8 such answers.
func (c *Calibration) Ratio() (ratio float64, ok bool) {
	if c == nil || c.n < calibrated {
		return 1, false
	}
	return c.median, true
}
