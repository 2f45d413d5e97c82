/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of writeback share: a device whose backing store is in memory
 * and does what the test wants when it wants it, and pages that can be told
 * from their numbers and seeds.
 */
#ifndef ZRAM_BACKED_H
#define ZRAM_BACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "memorystore.h"
#include "segments.h"
#include "unit.h"
#include "zram.h"

struct run;
struct workpool;

#define NR_PAGES 1024U
#define DISKSIZE ((uint64_t) NR_PAGES * ZRAM_PAGE_SIZE)

/* In segments, with the one of the mark. */
#define STORE_SEGMENTS 96U

/* What a test has. */
extern struct zram *zram;
extern struct store *store;
extern struct workpool *workers;    /* NULL: none */
extern struct zram_written written; /* of the last run */

/* A device like CONFIG with the store ON; or with one in memory of so many
 * segments, in blocks of BLOCK; or as most want it. */
extern void make_device_on (struct zram_config config, struct store *on);
extern void
make_device_of (struct zram_config config, unsigned segments, unsigned block);
extern void make_device (void);
extern void make_device_with_workers (void);

/* Drops all pages first: every segment must be free then. */
extern void destroy_device (void);

/* Page INDEX as SEED makes it: all kinds of content, by turns. */
extern void fill_page (char *page, uint64_t index, uint64_t seed);
extern void write_page (uint64_t index, uint64_t seed);
extern void fill (uint64_t seed);

/* It, or all in turn, or all in one request, can be read. */
extern void must_read (uint64_t index, uint64_t seed);
extern void must_read_all (uint64_t seed);
extern void must_read_at_once (uint64_t seed);

extern struct zram_stats stats (void);

/* What zram_writeback says. */
extern int
writeback_range (uint64_t first, uint64_t end, const struct run *run);
extern int writeback_all (void);

/* Of its slot. */
extern uint32_t flags_of (uint64_t index);
extern uint64_t word_of (uint64_t index);

/* Nothing is in hand, and what the store takes to be alive is what slots name;
 * zram_destroy looks at the other sums. */
extern void must_be_at_rest (void);

/* Wait until N requests to the store are held. */
extern void wait_held (unsigned n);

#endif /* ZRAM_BACKED_H */
