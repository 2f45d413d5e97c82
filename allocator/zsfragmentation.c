/* SPDX-License-Identifier: BSD-3-Clause */
/* What holes a pool has: for people, and for those who tune compaction. */
#include <config.h>

#include <string.h>

#include "zspool.h"

/* A free run of LEN granules from GRANULE of its zspage on. */
static void
count_free (struct zs_fragmentation *f, uint32_t granule, uint32_t len)
{
  const unsigned bucket = 31 - (unsigned) __builtin_clz (len);
  /* Its tag and links lie in front, its footer at the end. */
  const uint32_t first =
      (granule + ZS_MIN_BLOCK - 1 + RAW_GRANULES - 1) / RAW_GRANULES;
  const uint32_t end = (granule + len - 1) / RAW_GRANULES;

  f->free_blocks[bucket]++;
  f->free_bytes[bucket] += (uint64_t) len * ZS_GRANULE;
  if (end > first)
    f->inner_pages += end - first;
}

/* Returns the free granules. */
static uint32_t
do_count_blocks (const struct zs_pool *pool, uint32_t index,
                 struct zs_fragmentation *f)
{
  uint32_t len, sum = 0;

  for (uint32_t granule = 0; granule < ZSPAGE_GRANULES; granule += len) {
    const uint64_t tag =
        zs_tag_load (zs_block (pool->base, zs_ref_make (index, granule)));

    len = zs_tag_len (tag);
    if (tag & ZS_TAG_FREE) {
      count_free (f, granule, len);
      sum += len;
    }
  }
  return sum;
}

/* The same; a free raw page is a block of its own. */
static uint32_t
do_count_raw (const struct zspage *zspage, struct zs_fragmentation *f)
{
  uint32_t sum = 0;

  for (uint32_t place = 0; place < RAW_PER_ZSPAGE; place++)
    if (!(zspage->raw_used & 1U << place)) {
      count_free (f, place * RAW_GRANULES, RAW_GRANULES);
      sum += RAW_GRANULES;
    }
  return sum;
}

static void
do_count_zspage (const struct zs_pool *pool, uint32_t index,
                 struct zs_fragmentation *f)
{
  const struct zspage *const zspage = &pool->zspages[index];

  const uint32_t sum = zspage_kind (zspage) == ZSPAGE_RAW
                           ? do_count_raw (zspage, f)
                           : do_count_blocks (pool, index, f);

  f->zspages[(ZSPAGE_GRANULES - sum) * 10 / ZSPAGE_GRANULES]++;
}

void
zs_pool_fragmentation (struct zs_pool *pool, struct zs_fragmentation *f)
{
  const uint32_t end = pool->frontier;

  memset (f, 0, sizeof *f);
  for (uint32_t i = 1; i < end; i++) {
    struct zs_shard *const shard = zs_shard_of (pool, i);

    shard_lock (pool, shard);
    if (zs_do_owns (pool, shard, i))
      do_count_zspage (pool, i, f);
    shard_unlock (pool, shard);
  }
}
