// SPDX-License-Identifier: Apache-2.0

package tokens

const (
	// calibrated is the number of requests that make a Calibration valid.
	calibrated = 8
	// decay is what a request leaves of the weight of those before it: half of
	// the weight lies on the last 22.
	decay = 1 - 1.0/32
)

// Calibration is what the requests with stated output say about the others of
// the same server and model. The zero Calibration knows nothing. A nil one may
// be asked, not taught.
type Calibration struct {
	text   ratio // stated tokens by estimated tokens
	events ratio // stated tokens by content events
}

// ratio is a quotient of sums, so that a long answer weighs more than a short
// one, in which older terms fade.
type ratio struct {
	above, below float64
	n            int
}

func (r *ratio) add(above, below float64) {
	r.above = r.above*decay + above
	r.below = r.below*decay + below
	r.n = min(r.n+1, calibrated)
}

func (r *ratio) value() (float64, bool) {
	if r.n < calibrated || r.above <= 0 {
		return 1, false
	}
	return r.above / r.below, true
}

// Observe adds a complete answer of which the server stated its output tokens.
// Its text was estimated at that many tokens and came in that many content
// events, 0 if it was no stream.
func (c *Calibration) Observe(stated int64, estimated float64, events int64) {
	if estimated <= 0 || stated < 0 {
		return
	}
	c.text.add(float64(stated), estimated)
	if events > 0 {
		c.events.add(float64(stated), float64(events))
	}
}

// Ratio returns stated by estimated tokens, once there were 8 such answers.
func (c *Calibration) Ratio() (ratio float64, ok bool) {
	if c == nil {
		return 1, false
	}
	return c.text.value()
}

// TokensPerEvent returns the tokens in one content event, at least 1, and 1
// until there were 8 streams of which the server stated the tokens.
func (c *Calibration) TokensPerEvent() float64 {
	if c == nil {
		return 1
	}
	v, _ := c.events.value()
	return max(v, 1)
}

func (c *Calibration) correct(estimate float64) float64 {
	v, _ := c.Ratio()
	return estimate * v
}
