/* SPDX-License-Identifier: BSD-3-Clause */
/* Which pages a run of post-processing takes, and in which order: the longest
 * first, since they give most memory back.
 *
 * zram notes every candidate in a list for its length, which takes memory for
 * each when there is little.  Here one pass over the slots counts the
 * candidates by length, in buckets of 64 bytes; each further pass goes over the
 * slots again, for a group of neighbouring buckets, the longest first:
 *
 *   candidates   3  0  9  7 12 40 41 ...  25          bucket 64 ... bucket 0
 *               |group 1|  2  |  3 |  ...
 *
 * A group has a sixteenth of the candidates or more, so there are few passes;
 * and no more than are still to be taken, if it has more than one bucket: so
 * whichever number of pages is taken in all, none is longer that was left, but
 * for those of one bucket.
 *
 * Nothing is locked.  A page may have changed when it is looked at closely, and
 * one that comes to be a candidate meanwhile may be taken, too.  A group names
 * each page once; the next one may name it again, if it has changed: so
 * whoever has pages in hand puts them back before he goes on to that.
 */
#ifndef ZRAM_SELECTION_H
#define ZRAM_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "postprocess.h"

#define SELECTION_BUCKET  64U
#define SELECTION_BUCKETS (ZRAM_PAGE_SIZE / SELECTION_BUCKET + 1)

struct zram;
struct run;

struct selection {
  struct zram *zram;
  uint64_t first, end; /* of the pages that are looked at */
  page_wanted_fn wanted;
  const void *arg;
  uint64_t candidates;
  uint64_t buckets[SELECTION_BUCKETS]; /* candidates by length */
  unsigned low, high; /* the group's buckets: from low to below high */
  uint64_t next;      /* slot to look at */
  unsigned turn;      /* thread_share's */
};

/* Count what WANTED (ARG), which lives as long as the selection, wants of pages
 * FIRST to END - 1 of ZRAM.  -EINTR: RUN, which may be NULL, was stopped. */
extern int selection_begin (struct selection *selection, struct zram *zram,
                            uint64_t first, uint64_t end, page_wanted_fn wanted,
                            const void *arg, const struct run *run);

/* Go on to the next group, when LEFT pages, which is not 0, are still to be
 * taken; false: there is none. */
extern bool selection_next_group (struct selection *selection, uint64_t left);

/* The next page of the group to take in hand; false: there is none, or RUN was
 * stopped. */
extern bool selection_next (struct selection *selection, const struct run *run,
                            uint64_t *index);

#endif /* ZRAM_SELECTION_H */
