//go:build ignore
// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)

// Discovery: sockets that are given a port, and, for servers that were there
// before, local ports that answer in HTTP/1.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "bpf_helpers.h"
#include "bpf_endian.h"

#include "record.h"
#include "packet.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u8 have_netns_cookie = 0; /* in cgroup_skb, 6.16 */

enum {
	KIND_BOUND = KIND_DISCOVERY,
	KIND_ANSWERS = KIND_DISCOVERY + 1,
};

struct found {
	__u8 kind;
	__u8 unused;
	__u16 port;   /* host order */
	__u32 pid;    /* tgid, KIND_BOUND */
	__u64 time;
	__u64 cookie; /* of the listener when bound, of a connection when it answers */
	__u64 group;  /* KIND_BOUND: of the process */
	__u64 netns;  /* cookie */
	__u8 addr[16];
	__u64 reserved;
};

/* Binds in the present second. A proxy may bind each of its outgoing
 * connections; what exceeds the limit is left to the next dump. */
#define BINDS_PER_SECOND 200
#define SECOND 1000000000ull

struct quota {
	__u64 since;
	__u64 used;
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct quota);
} quota SEC(".maps");

struct answerer {
	__u64 group;
	__u32 port; /* host order */
	__u32 unused;
};

/* Who was reported already. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct answerer);
	__type(value, __u8);
} answerers SEC(".maps");

/* The count races between CPUs, which a limit of this kind bears. */
static __always_inline int exhausted(__u64 now)
{
	__u32 zero = 0;
	struct quota *q = bpf_map_lookup_elem(&quota, &zero);

	if (!q)
		return 1;
	if (now - q->since > SECOND) {
		q->since = now;
		q->used = 0;
	}
	if (q->used >= BINDS_PER_SECOND) {
		q->dropped++;
		return 1;
	}
	q->used++;
	return 0;
}

/* A bind that met a full ring is as little known as one beyond the limit. */
static __always_inline void miss(void)
{
	__u32 zero = 0;
	struct quota *q = bpf_map_lookup_elem(&quota, &zero);

	if (q)
		q->dropped++;
}

/* title fills in the first word of a record, as a whole, see STORE. */
static __always_inline void title(struct found *f, __u64 kind, __u64 port, __u64 pid)
{
	*(volatile __u64 *)f = kind | port << 16 | pid << 32;
}

/* A function of its own also for its type, which names struct found to the
 * generator of the Go side. */
static __noinline int bound(struct bpf_sock *sk, struct found *f, __u16 port)
{
	__u8 one = 1;

	f->cookie = bpf_get_socket_cookie(sk);
	f->group = bpf_get_current_cgroup_id();
	f->netns = bpf_get_netns_cookie(sk);
	title(f, KIND_BOUND, port, bpf_get_current_pid_tgid() >> 32);
	bpf_sk_storage_get(&binds, sk, &one, BPF_SK_STORAGE_GET_F_CREATE);
	if (bpf_ringbuf_output(&records, f, sizeof(*f), reader_wake()))
		miss();
	return 1;
}

SEC("cgroup/post_bind4")
int discover_bind4(struct bpf_sock *sk)
{
	struct found f = {};

	if (sk->type != 1 /* SOCK_STREAM */ || sk->protocol != IPPROTO_TCP)
		return 1;
	f.time = bpf_ktime_get_ns();
	if (exhausted(f.time))
		return 1;
	mapped(f.addr, sk->src_ip4);
	return bound(sk, &f, sk->src_port);
}

SEC("cgroup/post_bind6")
int discover_bind6(struct bpf_sock *sk)
{
	struct found f = {};
	__u64 *addr = (__u64 *)f.addr; /* whole words of the stack, see STORE */

	if (sk->type != 1 || sk->protocol != IPPROTO_TCP)
		return 1;
	f.time = bpf_ktime_get_ns();
	if (exhausted(f.time))
		return 1;
	addr[0] = (__u64)sk->src_ip6[1] << 32 | sk->src_ip6[0];
	addr[1] = (__u64)sk->src_ip6[3] << 32 | sk->src_ip6[2];
	return bound(sk, &f, sk->src_port);
}

/* The scout. Clients never begin a segment with a status line, so that a local
 * port which does is a server's. */
SEC("cgroup_skb/egress")
int discover_answer(struct __sk_buff *skb)
{
	struct answerer key = {};
	struct found f = {};
	struct packet p;
	char start[7];
	__u8 one = 1;

	if (!skb->sk || skb->len < 20 + 20 + sizeof(start))
		return 1;
	if (parse(skb, &p) || p.len < sizeof(start))
		return 1;
	if (bpf_skb_load_bytes(skb, p.payload, start, sizeof(start)))
		return 1;
	if (start[0] != 'H' || start[1] != 'T' || start[2] != 'T' || start[3] != 'P' ||
	    start[4] != '/' || start[5] != '1' || start[6] != '.')
		return 1;
	key.group = bpf_skb_cgroup_id(skb);
	key.port = p.source_port;
	/* -EEXIST: reported before. */
	if (bpf_map_update_elem(&answerers, &key, &one, BPF_NOEXIST))
		return 1;
	f.time = bpf_ktime_get_ns();
	title(&f, KIND_ANSWERS, p.source_port, 0);
	f.cookie = bpf_get_socket_cookie(skb);
	f.group = key.group;
	if (have_netns_cookie)
		f.netns = bpf_get_netns_cookie(skb);
	__builtin_memcpy(f.addr, p.source, 16);
	if (bpf_ringbuf_output(&records, &f, sizeof(f), reader_wake()))
		bpf_map_delete_elem(&answerers, &key); /* its next answer tells */
	return 1;
}
