/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suites of recompression share: a device with three algorithms, and
 * pages that can be told from their numbers.
 */
#ifndef ZRAM_RECOMPRESSING_H
#define ZRAM_RECOMPRESSING_H

#include <stdint.h>

#include "unit.h"
#include "zram.h"

struct run;
struct workpool;

#define NR_PAGES 256U

/* Of the tests with a worker pool: so many threads, and so many pages that are
 * in hand at most. */
#define NR_WORKERS   2U
#define MOST_IN_HAND (4 * NR_WORKERS)

#define ALL UINT64_MAX

/* What a test has. */
extern struct zram *zram;
extern struct workpool *workers;              /* NULL: none */
extern struct zram_recompressed recompressed; /* by the last run */

/* lz4, recompressed by zstd at its usual level, and at a higher one. */
extern void make_device (void);
extern void make_device_with_workers (void);
extern void destroy_device (void);

/* What page INDEX holds when all are filled. */
extern enum content content_of (uint64_t index);
extern void write_content (uint64_t index, enum content content);
extern void fill (void);
extern void must_read (uint64_t index, enum content content);
extern void must_read_all (void);

/* Of its slot; 0: it is empty. */
extern uint32_t flags_of (uint64_t index);

/* Nothing is in hand, and the pool holds what the slots name, no more. */
extern void must_be_at_rest (void);

/* What zram_recompress says. */
extern int
recompress (const struct zram_recompress *what, const struct run *run);
extern int recompress_all (unsigned priority);
extern int recompress_idle (void);

#endif /* ZRAM_RECOMPRESSING_H */
