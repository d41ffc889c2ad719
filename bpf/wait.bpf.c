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
#include "read.h"

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
	/* The answer will tell of it. Where the application reads a second time
	 * before it answers, each read is told by itself. */
	if (s->read != s->told)
		emit_read(s);
	s->copied = copied;
	s->read_at = bpf_ktime_get_ns();
	s->read = end;
	return 0;
}
