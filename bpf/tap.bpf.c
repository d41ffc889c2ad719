//go:build ignore
// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)

// The tap: the server's side of each TCP conversation on a watched port, once
// for each packet, from its first payload to the close of its socket.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "bpf_helpers.h"
#include "bpf_endian.h"

#include "record.h"
#include "socket.h"
#include "counters.h"
#include "packet.h"
#include "identity.h"
#include "emit.h"
#include "read.h"
#include "pressure.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 max_request_bytes = 256 << 10;

/* title fills in the first word of a record that stands for no packet, as a
 * whole, see STORE. */
static __always_inline void title(struct record *head, __u64 kind, __u64 flags)
{
	*(volatile __u64 *)head = kind | flags << 16;
}

/* emit_event sends a record that stands for no packet, and says whether there
 * was room for it. */
static __noinline int emit_event(struct record *head)
{
	struct record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);

	if (!r)
		return 0;
	__builtin_memcpy(r, head, sizeof(*r));
	bpf_ringbuf_submit(r, reader_wake());
	return 1;
}

/* tell_read tells of the last read with the packet that follows it, which
 * saves a record for each request. */
static __always_inline void tell_read(struct record *head, struct socket *s)
{
	__u64 ago = head->time - s->read_at;

	if (ago >> 32 || s->copied != head->ack || !(head->flags & TH_ACK)) {
		emit_read(s);
		return;
	}
	s->told = s->read;
	head->flags |= FLAG_READ;
	head->read_ago = ago;
}


/* received takes note of request bytes and says whether they are to be left
 * out: a request that is this large before it is answered is an upload. What
 * tcp has received and was not seen passed while the tap was not attached, or
 * met the listener: it is no part of what is counted. */
static __always_inline int received(struct socket *s, const struct packet *p,
				    const struct bpf_tcp_sock *tcp)
{
	__u64 had = tcp->bytes_received;
	__u64 end = had + (__s64)(__s32)(p->seq + p->len - tcp->rcv_nxt);
	__u64 since;

	if (had > s->received)
		s->unseen = had;
	if ((__s64)(end - s->received) > 0) { /* retransmissions advance nothing */
		s->end = p->seq + p->len;
		s->received = end;
	}
	since = s->answered > s->unseen ? s->answered : s->unseen;
	return (__s64)(s->received - since) > (__s64)max_request_bytes;
}

/* first says that a segment begins with the first byte of its direction: the
 * sequence number that tcp had when it had moved nothing. A segment that comes
 * again is the first again. */
static __always_inline int first(__u32 seq, __u32 now, __u64 moved)
{
	return !(moved >> 31) && seq == now - (__u32)moved;
}

/* carry makes the records of a packet whose socket is described by s. Its own
 * function, so that s is a pointer of one kind at each call: verifiers follow
 * mispredicted branches where CAP_PERFMON is missing, and there a pointer that
 * is known to be null on one of them is no pointer. */
static __noinline int carry(struct __sk_buff *skb, struct packet *p, int dir,
			    struct bpf_sock *sk, struct socket *s)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	struct record head = {};

	if (!tcp)
		return 1;
	head.time = bpf_ktime_get_ns();
	head.dir = dir;
	head.flags = p->flags & ~TH_SYN;
	STORE(head.seq, p->seq, head.time);
	head.ack = p->ack;
	describe(&head, s);
	COUNT(dir, packets, 1);
	COUNT(dir, bytes, p->len);

	if (dir == DIR_RESPONSE) {
		head.flags |= FLAG_ORDERED;
		if (s->read != s->told)
			tell_read(&head, s);
		STORE(head.rtt, tcp->srtt_us >> 3, head.time);
		if (p->len) {
			s->answered = tcp->bytes_received;
			if (first(p->seq, tcp->snd_una, tcp->bytes_acked))
				head.flags |= FLAG_FIRST;
			if (limited(s, tcp, skb->gso_segs, head.time))
				head.flags |= FLAG_LIMITED;
		}
	} else if (p->len) {
		if (first(p->seq, tcp->rcv_nxt, tcp->bytes_received))
			head.flags |= FLAG_FIRST;
		if (received(s, p, tcp)) {
			head.flags |= FLAG_SKIPPED;
			head.len = p->len;
			COUNT(dir, skipped_bytes, p->len);
			emit_head(&head);
			return 1;
		}
	}
	emit_packet(skb, p, &head);
	return 1;
}

/* tell_reset tells of the reset that tcp sends for data that arrives after the
 * process has closed the socket (tcp_rcv_state_process, RFC 1122 section
 * 4.2.2.13): it leaves by a socket of the kernel's own, and bears the name of
 * this one in later kernels alone. */
static __noinline int tell_reset(struct packet *p, struct bpf_sock *sk, struct socket *s)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	struct record head = {};

	if (!tcp || s->reset ||
	    (sk->state != BPF_TCP_FIN_WAIT1 && sk->state != BPF_TCP_FIN_WAIT2) ||
	    (__s32)(p->seq + p->len - tcp->rcv_nxt) <= 0)
		return 1;
	s->reset = 1;
	head.time = bpf_ktime_get_ns();
	title(&head, KIND_RELEASE, TH_RST);
	describe(&head, s);
	if (!emit_event(&head))
		COUNT(DIR_REQUEST, events_lost, 1);
	return 1;
}

/* begin says where the stream of requests begins, of which p lies ahead. */
static __noinline int begin(struct socket *s, __u32 seq)
{
	struct record head = {};

	head.time = bpf_ktime_get_ns();
	head.flags = FLAG_FIRST;
	STORE(head.seq, seq, head.time);
	describe(&head, s);
	emit_head(&head);
	return 1;
}

/* meet decides on a connected socket that nothing is remembered of, and says
 * whether its packet counts. */
static __noinline int meet(struct __sk_buff *skb, struct packet *p, int dir, struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	struct socket fresh = {};
	__u32 sent = 0;

	if (!tcp || sk->state == BPF_TCP_SYN_SENT)
		return 0;
	/* A connection begins with its first payload. */
	if (!p->len && !tcp->data_segs_in && !tcp->data_segs_out)
		return 0;
	if (dir == DIR_RESPONSE && p->len) /* tcp has counted it */
		sent = skb->gso_segs ? skb->gso_segs : 1;
	IDENTIFY(&fresh, skb, sk);
	if (!tcp->bytes_received && tcp->data_segs_out == sent) {
		/* Nothing has been acknowledged to either end but, to the one
		 * that opened the connection, its SYN. */
		fresh.opener = tcp->bytes_acked != 0;
	} else if (!listens(skb, fresh.server, fresh.server_port)) {
		/* Joined in the middle, and no server's, as far as can be told. */
		return 0;
	}
	bpf_sk_storage_get(&sockets, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
	if (fresh.opener)
		return 0;
	if (dir == DIR_REQUEST && p->len && !tcp->bytes_received && p->seq != tcp->rcv_nxt)
		begin(&fresh, tcp->rcv_nxt);
	return 1;
}

/* forgetful makes the record of a packet whose socket got no storage. */
static __noinline int forgetful(struct __sk_buff *skb, struct packet *p, int dir, struct bpf_sock *sk)
{
	struct record head = {};

	head.time = bpf_ktime_get_ns();
	head.dir = dir;
	head.flags = p->flags & ~TH_SYN;
	if (dir == DIR_RESPONSE)
		head.flags |= FLAG_ORDERED;
	STORE(head.seq, p->seq, head.time);
	head.ack = p->ack;
	IDENTIFY(&head, skb, sk);
	COUNT(dir, packets, 1);
	COUNT(dir, bytes, p->len);
	COUNT(dir, stateless, 1);
	emit_packet(skb, p, &head);
	return 1;
}

/* early takes data that meets the listener, before its connection has a socket
 * of its own: with the SYN (TCP Fast Open, RFC 7413), or with the end of a
 * handshake that is open (TCP_DEFER_ACCEPT, or the acknowledgment was lost).
 * What answers no handshake is not for anybody. No cookie is the connection's
 * yet. */
static __noinline int early(struct __sk_buff *skb, struct packet *p, __u64 syn)
{
	struct record head = {};

	if (syn ? !fast_open(skb, p) : !expected(skb, p))
		return 1;
	head.time = bpf_ktime_get_ns();
	head.flags = (p->flags & ~TH_SYN) | FLAG_FIRST;
	STORE(head.seq, p->seq, head.time);
	head.ack = p->ack;
	head.group = bpf_skb_cgroup_id(skb);
	if (have_netns_cookie)
		head.netns = bpf_get_netns_cookie(skb);
	STORE(head.server_port, p->dest_port, head.time);
	head.client_port = p->source_port;
	__builtin_memcpy(head.server, p->dest, 16);
	__builtin_memcpy(head.client, p->source, 16);
	COUNT(DIR_REQUEST, packets, 1);
	COUNT(DIR_REQUEST, bytes, p->len);
	emit_packet(skb, p, &head);
	return 1;
}

static __always_inline int tap(struct __sk_buff *skb, int dir)
{
	struct bpf_sock *sk = skb->sk;
	struct packet p;
	struct socket *s;
	/* Whole words, because a spill of 32 bits over one of them is refused
	 * without CAP_PERFMON. */
	__u64 syn, told, shut;

	/* The socket's own port rejects nearly everything at the cost of two
	 * loads. A socket that resets has given its port back already
	 * (tcp_set_state before tcp_send_active_reset). */
	if (!sk || (!watched(sk->src_port) && (dir == DIR_REQUEST || sk->src_port)))
		return 1;
	if (parse(skb, &p))
		return 1;
	/* Handshakes never cross, but for what a server gets with its SYN. */
	syn = p.flags & TH_SYN;
	if (syn && (!p.len || dir == DIR_RESPONSE))
		return 1;
	told = (__u64)p.len | (p.flags & (TH_FIN | TH_RST));
	OPAQUE(told);
	shut = dir == DIR_REQUEST && !p.window && (p.flags & (TH_ACK | TH_RST)) == TH_ACK;
	if (dir == DIR_REQUEST && !told && !shut)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	if (sk->state == BPF_TCP_LISTEN)
		return p.len && dir == DIR_REQUEST ? early(skb, &p, syn) : 1;
	s = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	if (!s) {
		if (!sk->src_port || !meet(skb, &p, dir, sk))
			return 1;
		s = bpf_sk_storage_get(&sockets, sk, NULL, 0);
		if (!s)
			return told ? forgetful(skb, &p, dir, sk) : 1;
	}
	if (s->opener)
		return 1;
	if (shut)
		s->closed = 1;
	if (!told)
		return 1;
	if (dir == DIR_RESPONSE && p.flags & TH_RST) {
		if (s->reset)
			return 1;
		s->reset = 1;
	}
	carry(skb, &p, dir, sk, s);
	if (s->released && dir == DIR_REQUEST && p.len)
		tell_reset(&p, sk, s);
	return 1;
}

SEC("cgroup_skb/ingress")
int tap_ingress(struct __sk_buff *skb)
{
	return tap(skb, DIR_REQUEST);
}

SEC("cgroup_skb/egress")
int tap_egress(struct __sk_buff *skb)
{
	return tap(skb, DIR_RESPONSE);
}

/* Reports each close once, however many ancestors of the socket's cgroup the
 * program is attached to. The socket's port is not readable here. */
SEC("cgroup/sock_release")
int tap_release(struct bpf_sock *sk)
{
	struct socket *s = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	__u8 *bind = bpf_sk_storage_get(&binds, sk, NULL, 0);
	struct record head = {};
	__u8 one = 1;
	int known;

	head.time = bpf_ktime_get_ns();
	if (s && !s->released && !s->opener) {
		s->released = 1;
		if (s->read != s->told)
			emit_read(s);
		title(&head, KIND_RELEASE, 0);
		describe(&head, s);
		if (!emit_event(&head))
			COUNT(DIR_REQUEST, events_lost, 1);
	}
	head.cookie = bpf_get_socket_cookie(sk);
	known = !bpf_map_delete_elem(&listeners, &head.cookie);
	if (bind && *bind == 1) {
		*bind = 2;
		known = 1;
	}
	if (!known)
		return 1;
	title(&head, KIND_LISTENER_CLOSED, 0);
	if (!emit_event(&head) && bpf_map_update_elem(&untold, &head.cookie, &one, BPF_ANY))
		COUNT(DIR_REQUEST, closes_lost, 1);
	return 1;
}
