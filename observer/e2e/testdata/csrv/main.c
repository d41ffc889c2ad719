// SPDX-License-Identifier: Apache-2.0
//
// csrv: a fast epoll HTTP/1.1 server and its load client, for tests that need
// more chunks, connections or bytes than a Python server can send.
//
//   csrv serve PORT
//   csrv load PORT CONNECTIONS MILLISECONDS|Nx TARGET
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "csrv.h"

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void die(const char *what)
{
	perror(what);
	exit(1);
}

void raise_files(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l))
		die("getrlimit");
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l))
		die("setrlimit");
}

void no_delay(int fd)
{
	int one = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		die("TCP_NODELAY");
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	raise_files();
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 6 && !strcmp(argv[1], "load"))
		return load(argc - 2, argv + 2);
	fprintf(stderr, "usage: csrv serve PORT\n       csrv load PORT CONNECTIONS MILLISECONDS|Nx TARGET\n");
	return 2;
}
