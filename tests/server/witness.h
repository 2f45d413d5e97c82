/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that behaves, beside others that do not: it reads and writes its own
 * pages all the time, and none of its requests may fail, or return anything but
 * what it wrote.
 */
#ifndef ZRAM_TEST_WITNESS_H
#define ZRAM_TEST_WITNESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "footprint.h"

struct nbd_handle;
struct server;

/* The first bytes of the disk are the witness's. */
#define WITNESS_SIZE FOOTPRINT_REQUEST

struct witness {
  const struct server *server;
  struct nbd_handle *nbd;
  pthread_t thread;
  atomic_bool only_reads;
  atomic_bool done;
  atomic_uint rounds;
  struct footprint footprint; /* the server's, as it began */
};

/* Begin; nobody else is connected.  The server runs with THREADS (-t). */
extern void witness_start (struct witness *witness, const struct server *server,
                           unsigned threads);

/* Start the server, too, with a disk of DISKSIZE, where behind the witness's
 * pages there is CONTENT, LEN bytes of noise.  Returns the connection of one
 * who can look whether it stays there. */
extern struct nbd_handle *
witness_start_all (struct witness *witness, struct server *server,
                   unsigned threads, const char *disksize, void *content,
                   size_t len);

/* From now on it writes nothing, since there is no room. */
extern void witness_only_reads (struct witness *witness);

/* Wait until it has read and written its pages once more. */
extern void witness_await (struct witness *witness);

/* End, when nobody else is connected: the server must come to hold no more than
 * it did. */
extern void witness_stop (struct witness *witness);

#endif /* ZRAM_TEST_WITNESS_H */
