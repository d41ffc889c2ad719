/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#ifndef MODELTAP_COUNTERS_H
#define MODELTAP_COUNTERS_H

/* Of one direction. Packets are those that user space is to know of: with
 * payload, and the FIN or RST of a connection that had some. */
struct counters {
	__u64 packets;
	__u64 bytes;
	__u64 ring_full;       /* records */
	__u64 ring_full_bytes;
	__u64 copy_failed;     /* records */
	__u64 skipped_bytes;
	__u64 stateless;       /* packets whose socket got no storage */
	__u64 events_lost;     /* releases and reads that met a full ring */
	__u64 closes_lost;     /* of listeners, neither told nor kept in untold */
};

/* By direction; what has none is in that of requests. An entry each, because
 * without CAP_PERFMON a pointer may not go to a place that is known in one call
 * of a function and not in another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

static __always_inline struct counters *tally(__u64 dir)
{
	dir &= 1; /* a whole word of the stack, see STORE */
	return bpf_map_lookup_elem(&counters, &dir);
}

/* A softirq may interrupt egress on the same CPU, so even a per-CPU counter
 * needs an atomic addition. */
#define COUNT(dir, field, n)                                                   \
	do {                                                                   \
		struct counters *c_ = tally(dir);                              \
		if (c_)                                                        \
			__sync_fetch_and_add(&c_->field, n);                   \
	} while (0)

#endif
