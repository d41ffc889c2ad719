//go:build ignore
// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)

// Socket wait: when the application has read the last request byte that has
// arrived. Loaded apart from the tap, because it needs the kernel's BTF and
// CAP_PERFMON.
#include <linux/bpf.h>

#include "bpf_helpers.h"

#include "record.h"
#include "socket.h"
#include "counters.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What is read of the kernel's structures, by CO-RE. */
struct sock_common {
	__u16 skc_num; /* local port, host order */
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 copied_seq;
} __attribute__((preserve_access_index));

/* The tracepoint runs in the reading task, after tcp_recvmsg has advanced
 * copied_seq, for every TCP socket of the host and whether or not anything of
 * interest was read: only the comparison tells. */
SEC("tp_btf/tcp_rcv_space_adjust")
int report_read(__u64 *args)
{
	struct sock *sk = (struct sock *)args[0];
	__u32 copied, end;
	struct tcp_sock *tcp;
	struct socket *s;
	struct record *r;

	if (!watched(sk->__sk_common.skc_num))
		return 0;
	s = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	if (!s)
		return 0;
	end = s->end;
	if (end == s->read)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	copied = tcp->copied_seq;
	if ((__s32)(copied - end) < 0)
		return 0;
	s->read = end;
	r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		COUNT(events_lost, 1);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = KIND_READ;
	describe(r, s);
	r->time = bpf_ktime_get_ns();
	r->seq = copied;
	r->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_ringbuf_submit(r, reader_wake());
	return 0;
}
