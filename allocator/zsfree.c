/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving objects' room back. */
#include <config.h>

#include "zspool.h"

void
zs_prefetch_free (const struct zs_pool *pool, uint64_t handle, size_t len)
{
  const zs_ref ref = zs_handle_ref (handle);
  const zs_word *block;

  if (zs_handle_raw (handle) || ref >> ZS_REF_SHIFT >= pool->max_zspages)
    return;
  block = zs_block (pool->base, ref);
  __builtin_prefetch (block - 1, 1); /* the length of a free neighbour */
  __builtin_prefetch (block, 1);
  __builtin_prefetch (block + zs_block_len (len), 1);
}

/* The tag of the block after the one at REF, which lives: freeing will change
 * it, and may as well fetch it while it waits for the lock.  Only where nobody
 * has called zs_prefetch_free is it not there already; there, with two threads,
 * freeing takes 1.6 times as long without this. */
static inline void
prefetch_neighbour (const struct zs_pool *pool, zs_ref ref)
{
  const zs_word *const block = zs_block (pool->base, ref);

  __builtin_prefetch (&block[zs_tag_len (zs_tag_load (block))], 1);
}

void
zs_free (struct zs_pool *pool, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);
  struct zs_shard *shard;

  zs_assert_handle (pool, handle, "freeing");
  shard = zs_shard_of (pool, zs_ref_zspage (ref));
  if (likely (!zs_handle_raw (handle)))
    prefetch_neighbour (pool, ref);
  shard_lock (pool, shard);
  zs_do_assert_may_free (pool, handle);
  const bool emptied = zs_handle_raw (handle)
                           ? zs_do_raw_free (pool, shard, ref)
                           : zs_do_block_free (pool, shard, ref);
  shard_unlock (pool, shard);
  if (unlikely (emptied))
    zs_zspage_put (pool, zs_ref_zspage (ref));
}
