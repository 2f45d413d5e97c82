/* SPDX-License-Identifier: BSD-3-Clause */
/* Counting a server's calls of malloc: it preloads malloc-count.so. */
#ifndef ZRAM_TEST_PRELOAD_H
#define ZRAM_TEST_PRELOAD_H

#include "malloc-count.h"

/* The counter of all servers that are started between preload_counter and
 * preload_nothing, from now on. */
extern struct malloc_count *map_counter (void);

extern void preload_counter (void);
extern void preload_nothing (void);

#endif /* ZRAM_TEST_PRELOAD_H */
