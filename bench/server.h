/* SPDX-License-Identifier: BSD-3-Clause */
/* The nbdkit server that is measured: one at a time, on a Unix socket. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct usage;

/* Start nbdkit, or what $NBDKIT names, with so many threads for a connection
 * and with these arguments, NULL last; it listens then. */
extern void server_start (char *const args[], unsigned threads);

/* End it, if there is one. */
extern void server_stop (void);

extern pid_t server_pid (void);

/* Where it listens; the URI is for others, and stays. */
extern const char *server_socket (void);
extern const char *server_uri (void);

/* All the memory that it has but its program and libraries, which it shares. */
extern uint64_t server_memory (void);

/* What it has used so far, and that memory. */
extern void server_use (struct usage *usage);

#endif /* BENCH_SERVER_H */
