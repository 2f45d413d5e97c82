/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server holds at points of a soak at which it should hold the same:
 * nobody is connected, no disk but the first ones is there, and nothing is
 * stored. */
#ifndef ZRAM_TEST_SOAKFLAT_H
#define ZRAM_TEST_SOAKFLAT_H

#include <stdbool.h>
#include <stdint.h>

struct server;

#define FLAT_POINTS 4096U

struct flat {
  const struct server *server;
  unsigned n;
  unsigned descriptors; /* of the first point; later at most so many */
  unsigned threads;     /* the same */
  uint64_t memory[FLAT_POINTS];
};

/* A point: wait (bounded) until there are no more threads and descriptors
 * than at the first. */
extern void flat_take (struct flat *flat);

/* Print what memory there was, and fail if it has grown. */
extern void flat_report (const struct flat *flat);

#endif /* ZRAM_TEST_SOAKFLAT_H */
