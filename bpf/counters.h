/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
#ifndef MODELTAP_COUNTERS_H
#define MODELTAP_COUNTERS_H

/* By direction. Packets are those that user space is to know of: with payload,
 * SYN, FIN or RST. */
struct counters {
	__u64 packets[2];
	__u64 bytes[2];
	__u64 ring_full[2];       /* records */
	__u64 ring_full_bytes[2];
	__u64 copy_failed[2];     /* records */
	__u64 skipped_bytes[2];
	__u64 stateless[2];       /* packets whose socket got no storage */
	__u64 events_lost;        /* releases and reads that met a full ring */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

static __always_inline struct counters *tally(void)
{
	__u64 zero = 0; /* a whole word of the stack, see STORE */

	return bpf_map_lookup_elem(&counters, &zero);
}

/* A softirq may interrupt egress on the same CPU, so even a per-CPU counter
 * needs an atomic addition. */
#define COUNT(field, n)                                                        \
	do {                                                                   \
		struct counters *c_ = tally();                                 \
		if (c_)                                                        \
			__sync_fetch_and_add(&c_->field, n);                   \
	} while (0)

#endif
