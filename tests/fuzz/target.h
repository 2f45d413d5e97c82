/* SPDX-License-Identifier: BSD-3-Clause */
/* What is fuzzed: an algorithm, with a dictionary or without.
 */
#ifndef ZRAM_FUZZ_TARGET_H
#define ZRAM_FUZZ_TARGET_H

#include "zcomp.h"

/* Make the algorithm that the environment names: FUZZ_ALGORITHM, and FUZZ_DICT,
 * the file of its dictionary, if there is one.  Ends the program if there is
 * none. */
extern struct zcomp *target_make (void);

extern int target_compress (struct zcomp *comp, const void *page, void *dst,
                            size_t capacity, size_t *len);
extern int
target_decompress (struct zcomp *comp, const void *src, size_t len, void *page);

#endif /* ZRAM_FUZZ_TARGET_H */
