// SPDX-License-Identifier: Apache-2.0
//
// Opens CONNECTIONS keep-alive connections and asks TARGET on each of them
// again and again: for a time (MILLISECONDS; a request that was begun is
// finished), or N times each (Nx). Prints one JSON object.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "csrv.h"

struct client {
	int fd;
	uint64_t asked, length, body; // length: Content-Length, ~0 while chunked
	char tail[5];                 // last bytes of a chunked answer
	char head[1024];
	size_t have;
	int in_body;
};

static char request[600];
static int request_len, open_conns;
static uint64_t requests, bytes, errors, limit, deadline;

static void ask(struct client *c)
{
	if (limit ? c->asked == limit : now_ns() >= deadline) {
		shutdown(c->fd, SHUT_WR);
		close(c->fd);
		c->fd = -1;
		open_conns--;
		return;
	}
	c->asked++;
	c->in_body = c->have = c->body = 0;
	memset(c->tail, 0, sizeof(c->tail));
	if (send(c->fd, request, request_len, MSG_NOSIGNAL) != request_len) {
		errors++;
		close(c->fd);
		c->fd = -1;
		open_conns--;
	}
}

static int ended(struct client *c, const char *p, size_t n)
{
	c->body += n;
	if (c->length != ~0ull)
		return c->body >= c->length;
	if (n >= 5) {
		memcpy(c->tail, p + n - 5, 5);
	} else {
		memmove(c->tail, c->tail + n, 5 - n);
		memcpy(c->tail + 5 - n, p, n);
	}
	return !memcmp(c->tail, "0\r\n\r\n", 5);
}

static void take(struct client *c, const char *p, size_t n)
{
	bytes += n;
	if (!c->in_body) {
		size_t room = sizeof(c->head) - 1 - c->have, m = n < room ? n : room;
		memcpy(c->head + c->have, p, m);
		c->head[c->have + m] = 0;
		char *end = strstr(c->head, "\r\n\r\n");
		if (!end) {
			c->have += m;
			return;
		}
		size_t used = end + 4 - c->head - c->have;
		c->in_body = 1;
		*end = 0;
		char *l = strcasestr(c->head, "content-length:");
		c->length = l ? strtoull(l + 15, NULL, 10) : ~0ull;
		p += used;
		n -= used;
		if (!n && c->length)
			return;
	}
	if (ended(c, p, n)) {
		requests++;
		ask(c);
	}
}

int load(int argc, char **argv)
{
	static char buf[1 << 18];
	const char *body = "{\"model\":\"flood\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"one two three four\"}]}";
	int port = atoi(argv[0]), n = atoi(argv[1]);
	const char *target = argv[3];
	size_t k = strlen(argv[2]);
	if (argc != 4 || k < 1)
		return 2;
	if (argv[2][k - 1] == 'x')
		limit = strtoull(argv[2], NULL, 10);
	if (!strncmp(target, "/json", 5))
		request_len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	else
		request_len = snprintf(request, sizeof(request),
				       "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				       target, strlen(body), body);
	int ep = epoll_create1(0);
	struct client *all = calloc(n, sizeof(*all));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (int i = 0; i < n; i++) {
		all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (all[i].fd < 0 || connect(all[i].fd, (void *)&a, sizeof(a)))
			die("connect");
		no_delay(all[i].fd);
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };
		if (epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e))
			die("epoll_ctl");
	}
	uint64_t start = now_ns();
	deadline = start + strtoull(argv[2], NULL, 10) * 1000000;
	open_conns = n;
	for (int i = 0; i < n; i++)
		ask(&all[i]);
	struct epoll_event ev[512];
	while (open_conns) {
		int m = epoll_wait(ep, ev, 512, 30000);
		if (m == 0) {
			fprintf(stderr, "csrv load: no answer for 30 s on %d connections\n", open_conns);
			return 1;
		}
		for (int i = 0; i < m; i++) {
			struct client *c = ev[i].data.ptr;
			if (c->fd < 0)
				continue;
			ssize_t r = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
			if (r < 0 && errno == EAGAIN)
				continue;
			if (r <= 0) {
				errors++;
				close(c->fd);
				c->fd = -1;
				open_conns--;
				continue;
			}
			take(c, buf, r);
		}
	}
	printf("{\"requests\":%lu,\"bytes\":%lu,\"errors\":%lu,\"seconds\":%.6f}\n", requests, bytes, errors,
	       (now_ns() - start) / 1e9);
	return errors != 0;
}
