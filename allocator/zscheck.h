/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool's invariants, looked at one by one: for the tests. */
#ifndef ZRAM_ZSCHECK_H
#define ZRAM_ZSCHECK_H

#include <stdint.h>

struct zs_pool;

/* What the walk saw. */
struct zs_census {
  uint64_t objects;      /* live objects, raw pages included */
  uint64_t object_bytes; /* what they take, headers and rounding included */
  uint64_t free_bytes;   /* in free blocks and free raw places */
  uint64_t zspages;      /* in use */
  int64_t nowhere;       /* zspages in no shard and no list; less than none if
                          * some are in two */
};

/* Walk the whole pool: blocks tile every zspage, no two free neighbours, tags
 * and footers agree, the bins hold exactly the free blocks that are long
 * enough, raw zspages stand in the list of their fullness, unused ones in
 * theirs, and the counters that the locks guard equal the sums.  (When
 * nobody is calling the pool, its "used" is the size of all zspages in use, and
 * none is nowhere: otherwise some may be on their way, or be counted twice.)
 * Returns NULL and fills CENSUS (which may be NULL), or a static string that
 * says what is wrong.  Holds each shard's lock while it walks that shard. */
extern const char *
zs_pool_check (struct zs_pool *pool, struct zs_census *census);

#endif /* ZRAM_ZSCHECK_H */
