/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Was a segment of the answer held up by a slow client or path? */
#ifndef MODELTAP_PRESSURE_H
#define MODELTAP_PRESSURE_H

#define MS 1000000ull
#define STALLED (200 * MS) /* no acknowledgment for this long is a stall */
#define BURST (2 * MS)     /* what was held up together leaves together */

/* limited is asked as a segment with payload leaves, before tcp counts it as
 * sent. True for a segment
 *   that follows one which filled the congestion window, or
 *   that follows a window of zero from the peer, or
 *   that leaves while the oldest byte in flight has not been acknowledged for
 *   200 ms and two round trips,
 * and for 2 ms after such a one. */
static __always_inline int limited(struct socket *s, const struct bpf_tcp_sock *tcp,
				   __u32 segments, __u64 now)
{
	__u64 patience = (__u64)(tcp->srtt_us >> 2) * 1000;
	__u64 held = s->full || s->closed; /* a spill of 32 bits over that of a pointer is refused without CAP_PERFMON */

	if (tcp->snd_una == tcp->snd_nxt || tcp->snd_una != s->una) {
		s->una = tcp->snd_una;
		s->una_since = now;
	} else if (now - s->una_since > (patience > STALLED ? patience : STALLED)) {
		held = 1;
	}
	s->closed = 0;
	s->full = tcp->packets_out + (segments ? segments : 1) >= tcp->snd_cwnd;
	if (held)
		s->limited = now;
	return held || (s->limited && now - s->limited < BURST);
}

#endif
