/* SPDX-License-Identifier: BSD-3-Clause */
/* A backing store in memory, whose requests are done when the test says so, and
 * fail when it says so.
 */
#ifndef ZRAM_MEMORY_STORE_H
#define ZRAM_MEMORY_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

/* SIZE bytes of zeros, in blocks of BLOCK; store_close frees it. */
extern struct store *memory_store_make (uint64_t size, unsigned block);

/* Its bytes. */
extern char *memory_store_bytes (struct store *store);

/* From now on reads, or writes, wait until they are let go; and how many wait.
 */
extern void memory_store_hold (struct store *store, bool reads, bool writes);
extern void memory_store_let_go (struct store *store);
extern unsigned memory_store_held (struct store *store);

/* The read, or write, after the next AFTER ones fails with ERROR, and changes
 * nothing; ERROR 0: none does. */
extern void memory_store_fail_read (struct store *store, int after, int error);
extern void memory_store_fail_write (struct store *store, int after, int error);

#endif /* ZRAM_MEMORY_STORE_H */
