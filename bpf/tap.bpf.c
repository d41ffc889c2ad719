//go:build ignore
// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)

// The tap: the server's side of each TCP conversation on a watched port, once
// for each packet, and the close of its socket.
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
#include "emit.h"
#include "read.h"
#include "pressure.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 max_request_bytes = 256 << 10;
const volatile __u8 have_netns_cookie = 0;

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* identify fills in what stays the same for all packets of a connection. */
static __always_inline void identify(struct __sk_buff *skb, const struct packet *p,
				     int dir, struct socket *s)
{
	s->cookie = bpf_get_socket_cookie(skb);
	s->group = bpf_skb_cgroup_id(skb);
	if (have_netns_cookie)
		s->netns = bpf_get_netns_cookie(skb);
	s->server_port = dir == DIR_REQUEST ? p->dest_port : p->source_port;
	s->client_port = dir == DIR_REQUEST ? p->source_port : p->dest_port;
	__builtin_memcpy(s->server, dir == DIR_REQUEST ? p->dest : p->source, 16);
	__builtin_memcpy(s->client, dir == DIR_REQUEST ? p->source : p->dest, 16);
}

/* received takes note of request bytes and says whether they are to be left
 * out: a request that is this large before it is answered is an upload. */
static __always_inline int received(struct socket *s, const struct packet *p)
{
	__u32 end = p->seq + p->len;
	/* Retransmissions advance nothing. */
	__s32 advance = s->received ? (__s32)(end - s->end) : (__s32)p->len;

	if (advance > 0) {
		s->end = end;
		s->received += advance;
	}
	return s->received - s->answered > max_request_bytes;
}

/* tell_read tells of the last read with the packet that follows it, which
 * saves a record for each request. */
static __always_inline void tell_read(struct record *head, struct socket *s)
{
	__u64 ago = head->time - s->read_at;

	if (ago >> 32 || s->copied != head->ack || !(head->flags & TCP_ACK)) {
		emit_read(s);
		return;
	}
	s->told = s->read;
	head->flags |= FLAG_READ;
	head->read_ago = ago;
}

/* carry makes the records of a packet whose socket is described by s. Its own
 * function, so that s is a pointer of one kind at each call: verifiers follow
 * mispredicted branches where CAP_PERFMON is missing, and there a pointer that
 * is known to be null on one of them is no pointer. */
static __noinline int carry(struct __sk_buff *skb, struct packet *p, int dir,
			    struct bpf_sock *sk, struct socket *s)
{
	struct record head = {};

	head.time = bpf_ktime_get_ns();
	head.dir = dir;
	head.flags = p->flags;
	STORE(head.seq, p->seq, head.time);
	head.ack = p->ack;
	describe(&head, s);
	COUNT(packets[dir & 1], 1);
	COUNT(bytes[dir & 1], p->len);

	if (dir == DIR_RESPONSE) {
		struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

		head.flags |= FLAG_ORDERED;
		if (s->read != s->told)
			tell_read(&head, s);
		if (p->len)
			s->answered = s->received;
		if (tcp) {
			STORE(head.rtt, tcp->srtt_us >> 3, head.time);
			if (p->len && limited(s, tcp, skb->gso_segs, head.time))
				head.flags |= FLAG_LIMITED;
		}
	} else if (p->len && received(s, p)) {
		head.flags |= FLAG_SKIPPED;
		head.len = p->len;
		COUNT(skipped_bytes[dir & 1], p->len);
		emit_head(&head);
		return 1;
	}
	if (!p->len)
		emit_head(&head);
	else if (p->len <= PIECE)
		emit_piece(skb, &head, p->payload, p->len);
	else
		emit_large(skb, &head, p->payload, p->len);
	return 1;
}

static __always_inline int tap(struct __sk_buff *skb, int dir)
{
	struct bpf_sock *sk = skb->sk;
	struct packet p;
	struct socket fresh = {};
	struct socket *s;
	int empty, shut;

	/* The socket's own port rejects nearly everything at the cost of two
	 * loads; the packet's decides. */
	if (!sk || !watched(sk->src_port))
		return 1;
	if (parse(skb, &p) || !watched(dir == DIR_REQUEST ? p.dest_port : p.source_port))
		return 1;
	empty = !p.len && !(p.flags & (TCP_FIN | TCP_SYN | TCP_RST));
	shut = dir == DIR_REQUEST && !p.window &&
	       (p.flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK;
	if (empty && !shut)
		return 1;

	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	s = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	if (s) {
		if (shut)
			s->closed = 1;
		if (empty)
			return 1;
		return carry(skb, &p, dir, sk, s);
	}
	if (empty)
		return 1;
	identify(skb, &p, dir, &fresh);
	/* A listener's packets are those of many connections. */
	if (p.len && sk->state != BPF_TCP_LISTEN) {
		s = bpf_sk_storage_get(&sockets, sk, &fresh,
				       BPF_SK_STORAGE_GET_F_CREATE);
		if (s)
			return carry(skb, &p, dir, sk, s);
		COUNT(stateless[dir], 1);
	}
	return carry(skb, &p, dir, sk, &fresh);
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

/* emit_event sends a record that stands for no packet. */
static __noinline int emit_event(struct record *head)
{
	struct record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);

	if (!r) {
		COUNT(events_lost, 1);
		return 0;
	}
	__builtin_memcpy(r, head, sizeof(*r));
	bpf_ringbuf_submit(r, reader_wake());
	return 0;
}

/* Reports each close once, however many ancestors of the socket's cgroup the
 * program is attached to. The socket's port is not readable here. */
SEC("cgroup/sock_release")
int tap_release(struct bpf_sock *sk)
{
	struct socket *s = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct record head = {};

	head.time = bpf_ktime_get_ns();
	head.pid = bpf_get_current_pid_tgid() >> 32;
	if (s) {
		if (s->released)
			return 1;
		s->released = 1;
		if (s->read != s->told)
			emit_read(s);
		head.kind = KIND_RELEASE;
		describe(&head, s);
	} else {
		__u64 cookie = bpf_get_socket_cookie(sk);

		if (bpf_map_delete_elem(&listeners, &cookie))
			return 1;
		head.kind = KIND_LISTENER_CLOSED;
		head.cookie = cookie;
	}
	emit_event(&head);
	return 1;
}
