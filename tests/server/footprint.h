/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server holds, so that a test can tell whether it holds it again when
 * those clients have gone that made it hold more. */
#ifndef ZRAM_TEST_FOOTPRINT_H
#define ZRAM_TEST_FOOTPRINT_H

#include <stdint.h>

struct server;

struct footprint {
  const struct server *server;
  unsigned threads;     /* at most: some start and end as they like */
  unsigned descriptors; /* exactly */
  uint64_t memory;      /* that is resident, at most */
  char found[128];      /* what there was when it was last looked at */
};

/* Clients that stay, two at most, are to ask for no more than this at once. */
#define FOOTPRINT_REQUEST (UINT64_C (64) << 10)

/* What it has now, when only those clients are there that stay, and have been
 * answered.  For each nbdkit has THREADS (-t), of which not all need to have
 * begun, or to have had a request to make room for. */
extern struct footprint
footprint_take (const struct server *server, unsigned threads);

/* Wait (bounded) until it has no more than that. */
extern void footprint_await (struct footprint *footprint);

#endif /* ZRAM_TEST_FOOTPRINT_H */
