/* SPDX-License-Identifier: BSD-3-Clause */
/* A backing store in memory that has done a request when submitting it returns:
 * no thread helps, so that it is always the same instructions.
 */
#ifndef ZRAM_RAM_STORE_H
#define ZRAM_RAM_STORE_H

#include <stdint.h>

#include "store.h"

/* Of SIZE bytes; store_close frees it.  NULL: there is no memory. */
extern struct store *ram_store_make (uint64_t size);

/* Its bytes. */
extern char *ram_store_bytes (struct store *store);

#endif /* ZRAM_RAM_STORE_H */
