// SPDX-License-Identifier: Apache-2.0
//
// One thread, one epoll. Routes:
//   GET  /json                 an 800-byte JSON document
//   POST /v1/chat/completions  ?n=CHUNKS&gap_us=PACE&usage=1&delay_ms=FIRST
//                              OpenAI chunks of 250 bytes, one send() each;
//                              gap_us=0 sends as fast as the socket takes them
//   POST anything else         reads the body, answers with its size
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "csrv.h"

enum { CHUNK = 250, HEAD = 4096, SLOTS = 8192, SLOT_NS = 250000, EVENTS = 512 };

struct conn {
	int fd;
	char head[HEAD];
	size_t have;
	uint64_t body_left, body_all;
	int target; // TARGET_*
	// stream
	uint32_t left, total;
	int usage, stage, in_wheel, blocked;
	uint64_t gap, due;
	struct conn *next;  // wheel slot
	struct conn *fnext, *fprev; // flood ring
};

enum { NONE, JSON, CHAT, OTHER };

static const char stream_head[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
static char chunk[CHUNK + 1], document[1200];
static int chunk_len, document_len;
static struct conn *wheel[SLOTS], flood = { .fnext = &flood, .fprev = &flood };
static uint64_t tick; // slots passed
static int paced, ep;

static void make_fixed(void)
{
	char json[CHUNK];
	int pad = 0, n = 0;
	for (;; pad++) { // the id is padded until the framed chunk has CHUNK bytes
		n = snprintf(json, sizeof(json),
			     "data: {\"id\":\"chatcmpl-%0*d\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
			     "\"model\":\"flood\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" the\"},"
			     "\"logprobs\":null,\"finish_reason\":null}]}\n\n", pad + 1, 7);
		if (n + 6 >= CHUNK)
			break;
	}
	chunk_len = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", n, json);
	char body[801];
	memset(body, 'x', 800);
	memcpy(body, "{\"result\":\"", 11);
	memcpy(body + 798, "\"}", 3);
	document_len = snprintf(document, sizeof(document),
				"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 800\r\n\r\n%s", body);
}

// no_pacing chooses a congestion control that sends at once. BBR, the default
// of some hosts, holds chunks back and merges them into large segments as soon
// as the machine is busy, so that a flood became cheaper the more it was
// disturbed and two runs could not be compared.
static void no_pacing(int fd)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
		die("TCP_CONGESTION");
}

static void watch(struct conn *c, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };
	if (epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e))
		die("epoll_ctl");
}

static void leave_flood(struct conn *c)
{
	if (!c->fnext)
		return;
	c->fnext->fprev = c->fprev;
	c->fprev->fnext = c->fnext;
	c->fnext = c->fprev = NULL;
}

static void enter_flood(struct conn *c)
{
	c->fprev = flood.fprev;
	c->fnext = &flood;
	c->fprev->fnext = c;
	flood.fprev = c;
}

static void schedule(struct conn *c)
{
	uint64_t slot = c->due / SLOT_NS;
	if (slot <= tick)
		slot = tick + 1;
	if (slot >= tick + SLOTS)
		slot = tick + SLOTS - 1;
	c->next = wheel[slot % SLOTS];
	wheel[slot % SLOTS] = c;
	if (!c->in_wheel)
		paced++;
	c->in_wheel = 1;
}

static void drop(struct conn *c)
{
	leave_flood(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (!c->in_wheel) // else the wheel frees it
		free(c);
}

// put sends all of p or nothing; 0: the socket is full, -1: the peer is gone.
static int put(struct conn *c, const char *p, size_t n)
{
	ssize_t r = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r == (ssize_t)n)
		return 1;
	if (r < 0)
		return errno == EAGAIN ? 0 : -1;
	while ((size_t)r < n) { // a piece was taken: a chunk is never cut in two events
		ssize_t m = send(c->fd, p + r, n - r, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (m < 0 && errno != EAGAIN)
			return -1;
		if (m > 0)
			r += m;
	}
	return 1;
}

static int send_end(struct conn *c)
{
	char b[1024], *p = b;
	const char *f = "data: {\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"model\":\"flood\","
			"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
	p += sprintf(p, "%zx\r\n%s\r\n", strlen(f), f);
	if (c->usage) {
		char u[300];
		int n = sprintf(u, "data: {\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"model\":\"flood\",\"choices\":[],"
				"\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":%u,\"total_tokens\":%u}}\n\n", c->total, c->total + 4);
		p += sprintf(p, "%x\r\n%s\r\n", n, u);
	}
	p += sprintf(p, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
	return put(c, b, p - b);
}

// step sends the next piece of a stream; 1: sent or ended, 0: full, -1: dropped.
static int step(struct conn *c)
{
	int r = c->left ? put(c, chunk, chunk_len) : send_end(c);
	if (r < 0) {
		drop(c);
		return -1;
	}
	if (r == 0)
		return 0;
	if (c->left) {
		c->left--;
		return 1;
	}
	c->target = NONE;
	leave_flood(c);
	watch(c, EPOLLIN);
	return 1;
}

static uint64_t parameter(const char *line, const char *name)
{
	const char *p = strstr(line, name);
	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

static int answer(struct conn *c)
{
	char b[300];
	int n, size;
	switch (c->target) {
	case JSON:
		c->target = NONE;
		return put(c, document, document_len);
	case CHAT:
		if (put(c, stream_head, sizeof(stream_head) - 1) <= 0)
			return -1;
		c->blocked = 0;
		if (c->gap || c->due > now_ns())
			schedule(c);
		else
			enter_flood(c);
		return 1;
	}
	c->target = NONE;
	size = snprintf(NULL, 0, "{\"result\":\"ok\",\"bytes\":%lu}", c->body_all);
	n = snprintf(b, sizeof(b), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{\"result\":\"ok\",\"bytes\":%lu}",
		     size, c->body_all);
	return put(c, b, n);
}

// head takes a complete request head from the buffer; 0: not complete yet.
static int head(struct conn *c)
{
	c->head[c->have] = 0;
	char *end = strstr(c->head, "\r\n\r\n");
	if (!end)
		return c->have == HEAD - 1 ? -1 : 0;
	*end = 0;
	const char *length = strcasestr(c->head, "\r\nContent-Length:");
	c->body_left = c->body_all = length ? strtoull(length + 17, NULL, 10) : 0;
	char *line = strchr(c->head, '\r');
	if (line)
		*line = 0;
	if (!strncmp(c->head, "GET /json", 9)) {
		c->target = JSON;
	} else if (!strncmp(c->head, "POST /v1/chat/completions", 25)) {
		c->target = CHAT;
		c->left = c->total = parameter(c->head, "n=");
		c->gap = parameter(c->head, "gap_us=") * 1000;
		c->usage = parameter(c->head, "usage=");
		c->due = now_ns() + parameter(c->head, "delay_ms=") * 1000000;
	} else {
		c->target = OTHER;
	}
	size_t used = end + 4 - c->head;
	memmove(c->head, end + 4, c->have - used);
	c->have -= used;
	return 1;
}

static void handle_input(struct conn *c)
{
	static char sink[1 << 18];
	for (;;) {
		if (c->target == CHAT && !c->body_left) { // pipelining is not expected
			char b;
			ssize_t r = recv(c->fd, &b, 1, MSG_DONTWAIT | MSG_PEEK);
			if (r == 0 || (r < 0 && errno != EAGAIN))
				drop(c);
			else if (r > 0)
				watch(c, 0);
			return;
		}
		if (c->target != NONE && c->body_left) {
			size_t n = c->have < c->body_left ? c->have : c->body_left;
			memmove(c->head, c->head + n, c->have - n);
			c->have -= n;
			c->body_left -= n;
			if (c->body_left) {
				ssize_t r = recv(c->fd, sink, c->body_left < sizeof(sink) ? c->body_left : sizeof(sink), MSG_DONTWAIT);
				if (r < 0 && errno == EAGAIN)
					return;
				if (r <= 0) {
					drop(c);
					return;
				}
				c->body_left -= r;
			}
			if (c->body_left)
				continue;
		}
		if (c->target != NONE) {
			if (answer(c) <= 0) {
				drop(c);
				return;
			}
			continue;
		}
		if (c->have) {
			int r = head(c);
			if (r < 0) {
				drop(c);
				return;
			}
			if (r)
				continue;
		}
		ssize_t r = recv(c->fd, c->head + c->have, HEAD - 1 - c->have, MSG_DONTWAIT);
		if (r < 0 && errno == EAGAIN)
			return;
		if (r <= 0) {
			drop(c);
			return;
		}
		c->have += r;
	}
}

static void turn_wheel(void)
{
	uint64_t now = now_ns();
	for (uint64_t last = now / SLOT_NS; tick < last;) {
		tick++;
		struct conn *c = wheel[tick % SLOTS];
		wheel[tick % SLOTS] = NULL;
		while (c) {
			struct conn *next = c->next;
			c->in_wheel = 0;
			paced--;
			if (c->fd < 0) {
				free(c);
			} else if (c->due > now) {
				schedule(c);
			} else if (!c->gap) {
				enter_flood(c);
			} else {
				int r = step(c);
				c->due += c->gap;
				if (r >= 0 && c->target == CHAT)
					schedule(c);
			}
			c = next;
		}
	}
}

static void run_flood(void)
{
	for (struct conn *c = flood.fnext, *next; c != &flood; c = next) {
		next = c->fnext;
		if (c->blocked)
			continue;
		if (step(c) == 0) {
			c->blocked = 1;
			watch(c, EPOLLIN | EPOLLOUT);
		}
	}
}

static int flooding(void)
{
	for (struct conn *c = flood.fnext; c != &flood; c = c->fnext)
		if (!c->blocked)
			return 1;
	return 0;
}

int serve(int port)
{
	make_fixed();
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (l < 0 || bind(l, (void *)&a, sizeof(a)) || listen(l, 16384))
		die("listen");
	ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN }, ev[EVENTS];
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
	tick = now_ns() / SLOT_NS;
	for (;;) {
		int n = epoll_wait(ep, ev, EVENTS, flooding() ? 0 : paced ? 1 : -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;
			if (c) {
				if (ev[i].events & EPOLLOUT && c->blocked) {
					c->blocked = 0;
					watch(c, EPOLLIN);
				}
				if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
					handle_input(c);
				continue;
			}
			for (int fd; (fd = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
				c = calloc(1, sizeof(*c));
				c->fd = fd;
				no_delay(fd);
				no_pacing(fd);
				e = (struct epoll_event){ .events = EPOLLIN, .data.ptr = c };
				if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
					die("epoll_ctl");
			}
		}
		if (paced)
			turn_wheel();
		else
			tick = now_ns() / SLOT_NS;
		run_flood();
	}
}
