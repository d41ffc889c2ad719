/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* From the packet into the ring. */
#ifndef MODELTAP_EMIT_H
#define MODELTAP_EMIT_H

#define PIECE 16384u /* the largest payload of one record */

/* Reserves a record of a fixed class, the one form that every verifier since
 * 5.10 accepts, and copies straight into it. Verifiers before 6.16 do not
 * learn n >= 1 from n != 0, hence the detour over n - 1. Without CAP_PERFMON
 * they follow mispredicted branches too, so that the bound is a mask and no
 * comparison: classes are powers of two. */
#define COPY_IN_CLASS(class)                                                   \
	do {                                                                   \
		struct {                                                       \
			struct record head;                                    \
			__u8 payload[class];                                   \
		} *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);           \
		__u32 m = n - 1;                                               \
		if (!r)                                                        \
			goto full;                                             \
		OPAQUE(m);                                                     \
		m = (m & ((class) - 1)) + 1;                                   \
		if (bpf_skb_load_bytes(skb, from, r->payload, m)) {            \
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);              \
			goto failed;                                           \
		}                                                              \
		__builtin_memcpy(&r->head, head, sizeof(*head));               \
		bpf_ringbuf_submit(r, reader_wake());                          \
		return 0;                                                      \
	} while (0)

/* emit_piece sends head and the n bytes of payload at offset from of skb;
 * 1 <= n <= PIECE. The second class holds a chunk of 250 bytes in its HTTP
 * framing: 256. */
static __noinline int emit_piece(struct __sk_buff *skb, struct record *head,
				 __u32 from, __u32 n)
{
	head->len = n;
	head->captured = n;
	if (n <= 128)
		COPY_IN_CLASS(128);
	else if (n <= 256)
		COPY_IN_CLASS(256);
	else if (n <= 512)
		COPY_IN_CLASS(512);
	else if (n <= 1024)
		COPY_IN_CLASS(1024);
	else if (n <= 2048)
		COPY_IN_CLASS(2048);
	else if (n <= 4096)
		COPY_IN_CLASS(4096);
	else if (n <= 8192)
		COPY_IN_CLASS(8192);
	else
		COPY_IN_CLASS(16384);
full:
	COUNT(head->dir, ring_full, 1);
	COUNT(head->dir, ring_full_bytes, n);
	return 1;
failed:
	COUNT(head->dir, copy_failed, 1);
	return 1;
}

/* emit_head sends head alone: there is no payload, or it is skipped. */
static __noinline int emit_head(struct record *head)
{
	struct record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);

	if (!r) {
		COUNT(head->dir, ring_full, 1);
		COUNT(head->dir, ring_full_bytes, head->len);
		return 1;
	}
	__builtin_memcpy(r, head, sizeof(*r));
	bpf_ringbuf_submit(r, reader_wake());
	return 0;
}

struct large {
	struct __sk_buff *skb;
	struct record *head;
	__u32 from;
	__u32 len;
	__u32 seq;
	__u16 flags;
	__u16 unused;
};

/* The flags that end a segment belong to its last piece alone. */
#define ENDING (TH_FIN | TH_RST | TH_PSH)

static __noinline int emit_part(__u32 i, struct large *l)
{
	__u32 done = i * PIECE;
	__u32 left;

	if (done >= l->len)
		return 1;
	left = l->len - done;
	STORE(l->head->seq, l->seq + done, l->head->time);
	l->head->flags = l->flags;
	if (left > PIECE) {
		left = PIECE;
		l->head->flags &= ~ENDING;
	}
	l->flags &= ~(FLAG_READ | FLAG_FIRST); /* told by the first piece */
	emit_piece(l->skb, l->head, l->from + done, left);
	return 0;
}

/* emit_large sends a payload that exceeds PIECE as several records. Each piece
 * that does not fit is counted, those after it are tried all the same. */
static __always_inline void emit_large(struct __sk_buff *skb, struct record *head,
				       __u32 from, __u32 len)
{
	struct large l = {
		.skb = skb,
		.head = head,
	};
	STORE(l.from, from, head->time);
	l.len = len;
	STORE(l.seq, head->seq, head->time);
	l.flags = head->flags;
#ifdef UNROLLED
	/* Without BIG TCP (5.19) a packet is below 64 KiB: four pieces. */
	emit_part(0, &l);
	emit_part(1, &l);
	emit_part(2, &l);
	emit_part(3, &l);
#else
	bpf_loop((len + PIECE - 1) / PIECE, emit_part, &l, 0);
#endif
}

/* emit_packet sends head and the payload of p. */
static __always_inline void emit_packet(struct __sk_buff *skb, struct packet *p,
					struct record *head)
{
	if (!p->len)
		emit_head(head);
	else if (p->len <= PIECE)
		emit_piece(skb, head, p->payload, p->len);
	else
		emit_large(skb, head, p->payload, p->len);
}

#endif
