/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What crosses the ring, and the maps that all objects share. */
#ifndef MODELTAP_RECORD_H
#define MODELTAP_RECORD_H

/* The first byte of every record is its kind. 0 to 15 are struct record,
 * 16 and up belong to discovery and may be anything. */
enum {
	KIND_DATA = 0,    /* a TCP segment, or a piece of one; payload follows */
	KIND_RELEASE = 1, /* the process closed a watched socket; with TH_RST in
			   * flags: what came after it resets the connection */
	KIND_READ = 2,    /* the application has read everything below seq; most
			   * of these ride on the answer, see FLAG_READ */
	KIND_LISTENER_CLOSED = 16, /* struct record: cookie, time */
	KIND_DISCOVERY = 17,       /* first kind that is free for discovery */
};

enum {
	DIR_REQUEST = 0,  /* ingress at the server's socket */
	DIR_RESPONSE = 1, /* egress */
};

/* Above the low eight TCP flags; the values of Flags in observer/event. */
enum {
	FLAG_LIMITED = 1 << 8,
	FLAG_ORDERED = 1 << 9,
	FLAG_SKIPPED = 1 << 10,
	FLAG_READ = 1 << 11, /* read_ago is set */
	FLAG_FIRST = 1 << 12, /* seq is that of the first byte of its direction */
};

struct record {
	__u8 kind;
	__u8 dir;
	__u16 flags;
	__u32 len;    /* payload bytes that this record stands for */
	__u64 time;   /* CLOCK_MONOTONIC, ns */
	__u64 cookie; /* socket cookie */
	__u64 group;  /* cgroup id of the socket */
	__u64 netns;  /* network namespace cookie, 0 before 6.16 */
	__u32 seq;
	__u32 ack;
	__u32 rtt;    /* us, smoothed; 0 unknown */
	__u32 read_ago; /* FLAG_READ: ns before time, the application had read
			 * everything below ack */
	__u16 server_port; /* host order */
	__u16 client_port;
	__u16 captured; /* payload bytes that follow; 0 or len */
	__u16 unused;
	__u8 server[16]; /* IPv4 in its IPv4-mapped form */
	__u8 client[16];
};

/* Hides a value from the optimiser. */
#define OPAQUE(v) asm volatile("" : "+r"(v))

/* STORE writes to a field on the stack that begins a word of eight bytes.
 * Without CAP_PERFMON, verifiers of 5.16 to 6.6 take the store of a register
 * with bounds for the spill of a pointer, and refuse what is then written into
 * the rest of the word. In the upper half of the register stands something
 * without bounds. */
#define STORE(field, value, unbounded)                                         \
	do {                                                                   \
		__u64 w_ = (__u64)(unbounded) << 32 | (value);                 \
		OPAQUE(w_);                                                    \
		field = w_;                                                    \
	} while (0)

/* States of the reader, see reader_wake. The reader stores NAPS and SLEEPS,
 * the first forced wake-up stores DRAINS again. */
enum {
	READER_DRAINS = 0, /* needs no wake-up */
	READER_NAPS = 1,   /* wake it when the ring is half full */
	READER_SLEEPS = 2, /* wake it with the first record */
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20); /* set by the loader */
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} reader SEC(".maps");

/* Cookies of sockets from before discovery whose close is to be reported;
 * filled by user space, emptied by sock_release. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} listeners SEC(".maps");

/* Sockets that post_bind reported: 1, and 2 once their close is reported. As
 * storage of the socket's, so that no number of them forgets one. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u8);
} binds SEC(".maps");

/* Cookies of closes that met a full ring, for user space to ask for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} untold SEC(".maps");

const volatile __u32 ring_half = 4 << 20; /* set by the loader */

/* reader_wake returns the flags for bpf_ringbuf_submit or _output. A wake-up
 * costs more than everything else here together, so the reader is woken once,
 * and only when it has said that it waits. */
static __always_inline __u64 reader_wake(void)
{
	__u64 zero = 0; /* a whole word of the stack, see STORE */
	volatile __u32 *state = bpf_map_lookup_elem(&reader, &zero);

	if (!state || *state == READER_DRAINS)
		return BPF_RB_NO_WAKEUP;
	if (*state == READER_NAPS &&
	    bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < ring_half)
		return BPF_RB_NO_WAKEUP;
	*state = READER_DRAINS;
	return BPF_RB_FORCE_WAKEUP;
}

#endif
