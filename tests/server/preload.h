/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server preloads: malloc-count.so, which counts its calls of malloc, or
 * a sanitizer's runtime, which nbdkit itself has not. */
#ifndef ZRAM_TEST_PRELOAD_H
#define ZRAM_TEST_PRELOAD_H

#include "malloc-count.h"

/* All servers that are started between the two have LIBRARY. */
extern void preload (const char *library);
extern void preload_nothing (void);

/* The counter of all servers from now on that preload MALLOC_COUNT_PATH. */
extern struct malloc_count *map_counter (void);

#endif /* ZRAM_TEST_PRELOAD_H */
