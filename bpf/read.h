/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* How a read of the application's is told. */
#ifndef MODELTAP_READ_H
#define MODELTAP_READ_H

/* emit_read tells of the last read in a record of its own. */
static __noinline int emit_read(struct socket *s)
{
	struct record *r;

	s->told = s->read;
	r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		COUNT(DIR_REQUEST, events_lost, 1);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = KIND_READ;
	describe(r, s);
	r->time = s->read_at;
	r->seq = s->copied;
	bpf_ringbuf_submit(r, reader_wake());
	return 0;
}

#endif
