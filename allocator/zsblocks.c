/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks given out and joined again: zsblock.h has the picture. */
#include <config.h>

#include "zspool.h"

static void
insert_free (struct zs_pool *pool, struct zs_shard *shard, zs_ref ref,
             uint32_t len)
{
  zs_block_set_free (zs_block (pool->base, ref), len);
  if (len >= ZS_MIN_BLOCK)
    zs_bins_insert (&shard->bins, pool->base, ref, len);
}

static void
remove_free (struct zs_pool *pool, struct zs_shard *shard, zs_ref ref,
             uint32_t len)
{
  if (len >= ZS_MIN_BLOCK)
    zs_bins_remove (&shard->bins, pool->base, ref, len);
}

/* Tell the block after the one at REF, if there is one, what that now is. */
static void
set_prev_free (struct zs_pool *pool, zs_ref ref, uint32_t len, bool is_free)
{
  zs_word *const after = zs_block (pool->base, ref + len);

  if (zs_ref_granule (ref) + len == ZSPAGE_GRANULES)
    return;
  if (is_free)
    atomic_fetch_or_explicit (after, ZS_TAG_PREV_FREE, memory_order_relaxed);
  else
    atomic_fetch_and_explicit (after, ~ZS_TAG_PREV_FREE, memory_order_relaxed);
}

void
zs_do_block_adopt (struct zs_pool *pool, struct zs_shard *shard, uint32_t index)
{
  zs_do_adopt (pool, shard, index, ZSPAGE_BLOCKS);
  insert_free (pool, shard, zs_ref_make (index, 0), ZSPAGE_GRANULES);
}

zs_ref
zs_do_block_malloc (struct zs_pool *pool, struct zs_shard *shard, uint32_t len,
                    uint64_t owner)
{
  const uint32_t hole = zs_bins_best_fit (&shard->bins, len);

  if (!hole)
    return 0;

  const zs_ref ref = shard->bins.heads[hole];

  zs_bins_remove (&shard->bins, pool->base, ref, hole);
  if (len < hole)
    insert_free (pool, shard, ref + len, hole - len);
  else
    set_prev_free (pool, ref, len, false);
  zs_tag_store (zs_block (pool->base, ref), zs_tag_live (owner, len));
  zs_do_account (shard, false, (int32_t) len);
  return ref;
}

/* Join the block at *REF of *LEN granules, which is in no bin, with its free
 * neighbours, which leave theirs. */
static void
join_neighbours (struct zs_pool *pool, struct zs_shard *shard, zs_ref *ref,
                 uint32_t *len)
{
  const zs_word *const block = zs_block (pool->base, *ref);

  if (zs_ref_granule (*ref) + *len < ZSPAGE_GRANULES) {
    const uint64_t after = zs_tag_load (&block[*len]);

    if (after & ZS_TAG_FREE) {
      remove_free (pool, shard, *ref + *len, zs_tag_len (after));
      *len += zs_tag_len (after);
    }
  }
  if (zs_tag_load (block) & ZS_TAG_PREV_FREE) {
    const uint32_t before = zs_tag_len (zs_tag_load (block - 1));

    *ref -= before;
    *len += before;
    remove_free (pool, shard, *ref, before);
  }
}

bool
zs_do_block_free (struct zs_pool *pool, struct zs_shard *shard, zs_ref ref)
{
  const uint32_t index = zs_ref_zspage (ref);
  zs_word *const block = zs_block (pool->base, ref);
  const uint64_t tag = zs_tag_load (block);
  uint32_t len = zs_tag_len (tag);

  zs_do_account (shard, false, -(int32_t) len);
  if (unlikely (pool->zspages[index].leaving)) {
    zs_tag_store (block, tag | ZS_TAG_FREE);
    return false;
  }
  join_neighbours (pool, shard, &ref, &len);
  if (len == ZSPAGE_GRANULES) {
    zs_do_disown (pool, shard, index);
    return true;
  }
  insert_free (pool, shard, ref, len);
  set_prev_free (pool, ref, len, true);
  return false;
}

void
zs_do_block_withdraw (struct zs_pool *pool, struct zs_shard *shard,
                      uint32_t index)
{
  uint32_t len;

  for (uint32_t granule = 0; granule < ZSPAGE_GRANULES; granule += len) {
    const zs_ref ref = zs_ref_make (index, granule);
    const uint64_t tag = zs_tag_load (zs_block (pool->base, ref));

    len = zs_tag_len (tag);
    if (tag & ZS_TAG_FREE)
      remove_free (pool, shard, ref, len);
  }
  pool->zspages[index].leaving = true;
}

/* The granules from GRANULE on that are free, in blocks left unjoined. */
static uint32_t
free_run (const struct zs_pool *pool, uint32_t index, uint32_t granule)
{
  uint32_t end = granule;

  while (end < ZSPAGE_GRANULES) {
    const uint64_t tag =
        zs_tag_load (zs_block (pool->base, zs_ref_make (index, end)));

    if (!(tag & ZS_TAG_FREE))
      break;
    end += zs_tag_len (tag);
  }
  return end - granule;
}

void
zs_do_block_rejoin (struct zs_pool *pool, struct zs_shard *shard,
                    uint32_t index)
{
  uint32_t granule = 0;

  while (granule < ZSPAGE_GRANULES) {
    const zs_ref ref = zs_ref_make (index, granule);
    const uint32_t len = free_run (pool, index, granule);

    if (len > 0) {
      insert_free (pool, shard, ref, len);
      set_prev_free (pool, ref, len, true);
      granule += len;
    }
    else
      granule += zs_tag_len (zs_tag_load (zs_block (pool->base, ref)));
  }
  pool->zspages[index].leaving = false;
}
