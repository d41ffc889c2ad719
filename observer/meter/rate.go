// SPDX-License-Identifier: Apache-2.0

package meter

// rateSeconds is the window of model_tokens_per_second.
const rateSeconds = 10

// rate is the number of tokens in each of the last seconds.
type rate struct {
	bins   [rateSeconds + 1]float64
	second int64 // the second that bins[second % len] counts
}

// advance makes now the newest second and forgets what left the window.
func (r *rate) advance(now int64) {
	s := now / 1e9
	if s <= r.second {
		return
	}
	if s-r.second >= int64(len(r.bins)) {
		r.bins = [rateSeconds + 1]float64{}
	} else {
		for t := r.second + 1; t <= s; t++ {
			r.bins[t%int64(len(r.bins))] = 0
		}
	}
	r.second = s
}

// add counts n tokens at time now (ns).
func (r *rate) add(now int64, n float64) {
	if now/1e9 != r.second {
		r.advance(now)
	}
	r.bins[r.second%int64(len(r.bins))] += n
}

// spread adds n tokens, or takes -n back, evenly over the seconds from start
// to end that are still in the window; no second falls below zero. What lies
// before the window has left the gauge and is not moved into it.
func (r *rate) spread(start, end int64, n float64) {
	r.advance(end)
	first, last := start/1e9, min(end/1e9, r.second)
	if first > last {
		first = last
	}
	each := n / float64(last-first+1)
	for s := max(first, r.second-rateSeconds); s <= last; s++ {
		b := &r.bins[((s%int64(len(r.bins)))+int64(len(r.bins)))%int64(len(r.bins))]
		*b = max(*b+each, 0)
	}
}

// perSecond returns the tokens of the last ten whole seconds and the present
// one, over the time that they cover.
func (r *rate) perSecond(now int64) float64 {
	r.advance(now)
	sum := 0.0
	for _, b := range r.bins {
		sum += b
	}
	// The oldest bin is only partly inside the window of exactly ten seconds.
	oldest := r.bins[(r.second+1)%int64(len(r.bins))]
	part := float64(now%1e9) / 1e9
	return (sum - oldest*part) / rateSeconds
}
