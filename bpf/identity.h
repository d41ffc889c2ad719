/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Whose packet it is: the identity of a connected socket comes from the socket,
 * since NAT on the way to it rewrites packets on both sides of the hooks. */
#ifndef MODELTAP_IDENTITY_H
#define MODELTAP_IDENTITY_H

const volatile __u8 have_netns_cookie = 0; /* in cgroup_skb, 6.16 */

#define FAMILY_INET 2 /* AF_INET */

static __always_inline __u64 pair(__u32 low, __u32 high)
{
	return (__u64)high << 32 | low;
}

static __always_inline void addresses(struct bpf_sock *sk, __u64 *server, __u64 *client)
{
	if (sk->family == FAMILY_INET) {
		mapped((__u8 *)server, sk->src_ip4);
		mapped((__u8 *)client, sk->dst_ip4);
		return;
	}
	/* A socket of IPv6 that speaks IPv4 has mapped addresses by itself. */
	server[0] = pair(sk->src_ip6[0], sk->src_ip6[1]);
	server[1] = pair(sk->src_ip6[2], sk->src_ip6[3]);
	client[0] = pair(sk->dst_ip6[0], sk->dst_ip6[1]);
	client[1] = pair(sk->dst_ip6[2], sk->dst_ip6[3]);
}

/* IDENTIFY fills in, in a struct socket or record on the stack, what stays the
 * same for all packets of a connection. The peer's port was a word before 5.18,
 * and is a half that may be read as one since. */
#define IDENTIFY(to, skb, sk)                                                  \
	do {                                                                   \
		(to)->cookie = bpf_get_socket_cookie(skb);                     \
		(to)->group = bpf_skb_cgroup_id(skb);                          \
		if (have_netns_cookie)                                         \
			(to)->netns = bpf_get_netns_cookie(skb);               \
		STORE((to)->server_port, sk->src_port, (to)->cookie);          \
		(to)->client_port = bpf_ntohs(*(volatile __u32 *)&sk->dst_port); \
		addresses(sk, (__u64 *)(to)->server, (__u64 *)(to)->client);   \
	} while (0)

/* tuple fills in t and returns its size; addresses may be IPv4-mapped. A
 * client of port 0 has no address: what is looked for is a listener. */
static __always_inline __u32 tuple(struct bpf_sock_tuple *t, const __u8 *server, __u16 server_port,
				   const __u8 *client, __u16 client_port)
{
	const __u32 *s = (const __u32 *)server, *c = (const __u32 *)client;

	if (!s[0] && !s[1] && s[2] == bpf_htonl(0xffff)) {
		t->ipv4.daddr = s[3];
		t->ipv4.dport = bpf_htons(server_port);
		if (client_port) {
			t->ipv4.saddr = c[3];
			t->ipv4.sport = bpf_htons(client_port);
		}
		return sizeof(t->ipv4);
	}
	__builtin_memcpy(t->ipv6.daddr, s, 16);
	t->ipv6.dport = bpf_htons(server_port);
	if (client_port) {
		__builtin_memcpy(t->ipv6.saddr, c, 16);
		t->ipv6.sport = bpf_htons(client_port);
	}
	return sizeof(t->ipv6);
}

/* listens says whether a socket listens at the address and port, in the network
 * namespace of skb. */
static __noinline int listens(struct __sk_buff *skb, const __u8 *addr, __u16 port)
{
	struct bpf_sock_tuple t = {};
	__u32 size = tuple(&t, addr, port, addr, 0);
	struct bpf_sock *found;
	int yes;

	if (size == sizeof(t.ipv4))
		found = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		found = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return 0;
	yes = found->state == BPF_TCP_LISTEN;
	bpf_sk_release(found);
	return yes;
}

/* expected says whether a handshake is open that p may end. There is none
 * while the kernel uses SYN cookies. */
static __noinline int expected(struct __sk_buff *skb, struct packet *p)
{
	struct bpf_sock_tuple t = {};
	__u32 size = tuple(&t, p->dest, p->dest_port, p->source, p->source_port);
	struct bpf_sock *found;
	int yes;

	if (size == sizeof(t.ipv4))
		found = bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		found = bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return 0;
	yes = found->state == BPF_TCP_NEW_SYN_RECV;
	bpf_sk_release(found);
	return yes;
}

/* fast_open says whether a SYN has the option of TCP Fast Open (RFC 7413) among
 * its first twelve. Data of other SYNs is ignored. No loop, and no branch in the
 * step from option to option: verifiers follow mispredicted branches where
 * CAP_PERFMON is missing, out of every turn. */
static __noinline int fast_open(struct __sk_buff *skb, struct packet *p)
{
	__u64 at = p->options;

#pragma unroll
	for (int i = 0; i < 12; i++) {
		__u8 option[2];
		__u64 more;

		if (at + 2 > p->payload || bpf_skb_load_bytes(skb, at, option, 2))
			return 0;
		if (option[0] == 34)
			return 1;
		more = 1 - (__u64)option[0]; /* negative but for 0 and 1, a byte alone */
		OPAQUE(more);
		at += 1 + ((option[1] - 1) & 0xff & ((__s64)more >> 63));
	}
	return 0;
}

#endif
