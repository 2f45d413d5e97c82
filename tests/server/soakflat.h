/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server holds at points of a soak at which it should hold the same:
 * nobody is connected, no disk but the first ones is there, and nothing is
 * stored. */
#ifndef ZRAM_TEST_SOAKFLAT_H
#define ZRAM_TEST_SOAKFLAT_H

#include <stdbool.h>
#include <stdint.h>

struct server;

/* However long a run is, there are no more points than that: each is the least
 * of as many rounds as it takes.  Even. */
#define FLAT_POINTS 192U

/* With fewer rounds there is nothing to compare: see soakflat.c. */
#define FLAT_ROUNDS 6U

struct flat {
  const struct server *server;
  bool watched;         /* by a sanitizer: most of the memory is its own */
  unsigned descriptors; /* before the first round; then at most so many */
  unsigned threads;     /* the same */
  unsigned rounds;
  uint64_t memory; /* after the last of them */
  unsigned n;      /* points */
  unsigned
      merged; /* rounds in each of them, the last of which may have fewer */
  uint64_t points[FLAT_POINTS];
};

/* Before the first round: what there may be after each. */
extern void
flat_begin (struct flat *flat, const struct server *server, bool watched);

/* After a round: wait (bounded) until there are no more threads and descriptors
 * than before the first, and note what memory there is. */
extern void flat_take (struct flat *flat);

/* A round after which there was so much MEMORY. */
extern void flat_note (struct flat *flat, uint64_t memory);

/* Has memory grown?  There were FLAT_ROUNDS at least. */
extern bool flat_has_grown (const struct flat *flat);

/* Print what there was, and fail if memory has grown, or if too few rounds can
 * tell; of a watched server's it says nothing, and says so. */
extern void flat_report (const struct flat *flat);

#endif /* ZRAM_TEST_SOAKFLAT_H */
