/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Which ports are watched, and what is remembered of a watched socket. */
#ifndef MODELTAP_SOCKET_H
#define MODELTAP_SOCKET_H

/* One bit for each local port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

static __always_inline int watched(__u16 port)
{
	__u64 word = port >> 6; /* a whole word of the stack, see STORE */
	__u64 *bits = bpf_map_lookup_elem(&ports, &word);

	return bits && *bits >> (port & 63) & 1;
}

/* Remembered of each connected socket that carried payload. Ingress runs
 * before the socket lock is taken and beside egress and the reading task, so
 * no field has two writers, but for `closed`, where the worst is one mark too
 * many or too few. Positions count from the first byte of a request stream. */
struct socket {
	__u64 cookie;
	__u64 group;
	__u64 netns;
	__u64 una_since; /* egress: when snd_una was first seen at `una` */
	__u64 limited;   /* egress: when sending was last found to be limited */
	__u64 answered;  /* egress: position that tcp had received up to at the last answer */
	__u64 received;  /* ingress: position after the last byte that was seen */
	__u64 unseen;    /* ingress: position after what passed while nobody looked */
	__u64 read_at;   /* socket wait: when that was, ns */
	__u32 una;
	__u32 end;       /* ingress: sequence number at `received` */
	__u32 read;      /* socket wait: value of `end` that has been read up to */
	__u32 copied;    /* socket wait: sequence number up to which it has */
	__u32 told;      /* value of `read` that a record has told of; written under
			  * the socket lock */
	__u16 server_port;
	__u16 client_port;
	__u8 server[16];
	__u8 client[16];
	__u8 closed;     /* the peer advertised a window of zero */
	__u8 full;       /* egress: the last segment filled the congestion window */
	__u8 released;
	__u8 reset;      /* this end reset the connection, and it is told */
	__u8 opener;     /* this end opened the connection: it is no server's */
	__u8 unused[3];  /* no padding: a copy on the stack is read whole */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket);
} sockets SEC(".maps");

/* describe fills in what a record tells of its socket. */
static __always_inline void describe(struct record *r, const struct socket *s)
{
	r->cookie = s->cookie;
	r->group = s->group;
	r->netns = s->netns;
	STORE(r->server_port, s->server_port, s->cookie);
	r->client_port = s->client_port;
	__builtin_memcpy(r->server, s->server, 16);
	__builtin_memcpy(r->client, s->client, 16);
}

#endif
