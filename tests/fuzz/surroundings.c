/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>

#include "background.h"
#include "ramstore.h"
#include "store.h"
#include "surroundings.h"
#include "zram.h"

/* Of a store, or what is filled in advance; and of a disk, which takes
 * addresses more than memory. */
#define MOST_MEMORY   (UINT64_C (4) << 20)
#define MOST_DISKSIZE (UINT64_C (1) << 40)

int
__wrap_store_open (struct store **store, const struct store_config *config,
                   char **why)
{
  *why = NULL;
  if (config->size == 0 || config->size > MOST_MEMORY)
    return -EINVAL;
  *store = ram_store_make ((config->size + 4095) / 4096 * 4096);
  return *store ? 0 : -ENOMEM;
}

int
__wrap_zram_create (struct zram **zram, const struct zram_config *config)
{
  return config->reserve > MOST_MEMORY || config->disksize > MOST_DISKSIZE
             ? -ENOMEM
             : __real_zram_create (zram, config);
}

int
__wrap_background_start (struct background *background, struct zs_pool *pool,
                         struct slot_table *table)
{
  background->pool = pool;
  background->table = table;
  return 0;
}
