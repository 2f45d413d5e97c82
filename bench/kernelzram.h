/* SPDX-License-Identifier: BSD-3-Clause */
/* A zram device of the kernel's, added for the purpose and removed again.  No
 * other zram device is touched.  There is one at a time.
 */
#ifndef BENCH_KERNELZRAM_H
#define BENCH_KERNELZRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "zram.h"

/* Why there can be none with this algorithm, or NULL. */
extern const char *kernel_zram_missing (const char *algorithm);

/* Add one of SIZE bytes, and have it removed when this program exits; a
 * program that a signal ends calls kernel_zram_remove.  Returns a file
 * descriptor of it, for O_DIRECT. */
extern int kernel_zram_add (const char *algorithm, uint64_t size);
extern void kernel_zram_remove (void);

/* Write VALUE to one of its attributes. */
extern void kernel_zram_set (const char *name, const char *value);

/* Its mm_stat; what is not in there is 0. */
extern void kernel_zram_stats (struct zram_stats *stats);

#endif /* BENCH_KERNELZRAM_H */
