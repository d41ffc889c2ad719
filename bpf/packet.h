/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Headers, read with bpf_skb_load_bytes alone: packet pointers would need
 * CAP_PERFMON, and the payload may be non-linear. */
#ifndef MODELTAP_PACKET_H
#define MODELTAP_PACKET_H

struct packet {
	__u8 source[16]; /* IPv4 in its IPv4-mapped form */
	__u8 dest[16];
	__u16 source_port; /* host order */
	__u16 dest_port;
	__u32 seq;     /* of the first byte of payload: a SYN's own is one less */
	__u32 ack;
	__u32 payload; /* offset in the skb, which starts at the IP header */
	__u32 len;     /* of the payload */
	__u16 window;
	__u8 flags;    /* the low eight */
	__u8 unused;
	__u32 options; /* offset of TCP's; alone in its word, see STORE */
};

#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_PSH 0x08
#define TH_ACK 0x10

static __always_inline void mapped(__u8 *to, __be32 ip)
{
	__u64 *words = (__u64 *)to; /* whole words of the stack, see STORE */

	words[0] = 0;
	words[1] = (__u64)ip << 32 | bpf_htonl(0xffff);
}

/* parse returns 0 when skb is a TCP packet whose headers are in p. */
static __always_inline int parse(struct __sk_buff *skb, struct packet *p)
{
	__u32 at;
	struct tcphdr tcp;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) ||
		    ip.protocol != IPPROTO_TCP)
			return -1;
		at = ip.ihl * 4;
		mapped(p->source, ip.saddr);
		mapped(p->dest, ip.daddr);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;
		__u8 next;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
			return -1;
		at = sizeof(ip);
		next = ip.nexthdr;
		if (next == IPPROTO_HOPOPTS) { /* BIG TCP, RFC 2675 */
			struct ipv6_opt_hdr opt;

			if (bpf_skb_load_bytes(skb, at, &opt, sizeof(opt)))
				return -1;
			next = opt.nexthdr;
			at += (opt.hdrlen + 1) * 8;
		}
		if (next != IPPROTO_TCP)
			return -1;
		__builtin_memcpy(p->source, &ip.saddr, 16);
		__builtin_memcpy(p->dest, &ip.daddr, 16);
	} else {
		return -1;
	}
	if (bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)))
		return -1;
	p->source_port = bpf_ntohs(tcp.source);
	p->dest_port = bpf_ntohs(tcp.dest);
	p->seq = bpf_ntohl(tcp.seq) + tcp.syn;
	p->ack = bpf_ntohl(tcp.ack_seq);
	p->window = tcp.window;
	p->flags = ((__u8 *)&tcp)[13];
	p->options = at + sizeof(tcp);
	p->payload = at + tcp.doff * 4;
	p->len = skb->len > p->payload ? skb->len - p->payload : 0;
	return 0;
}

#endif
