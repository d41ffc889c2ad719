// SPDX-License-Identifier: Apache-2.0
#ifndef CSRV_H
#define CSRV_H

#include <stddef.h>
#include <stdint.h>

uint64_t now_ns(void); // CLOCK_MONOTONIC
void die(const char *what);
void raise_files(void); // RLIMIT_NOFILE to its hard limit
void no_delay(int fd);
int serve(int port);
int load(int argc, char **argv);

#endif
