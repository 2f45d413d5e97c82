/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving objects' room back.
 *
 * Problem.  A TRIM frees pages by the thousand, and each is in one of a few
 * shards.  Two threads that do take the same locks in turn, and fetch their
 * cache lines from each other each time, which costs as much as the freeing.
 *
 * Idea.  What nobody refers to any more can wait: as many objects as there is
 * room for are freed together, each shard's lock taken once, and what freeing
 * will look at is fetched meanwhile.  Until then the pool has them as live:
 * compaction asks for the owner's leave to move one, does not get it, and lets
 * the zspage be.
 */
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

static struct zs_shard *
shard_of (const struct zs_pool *pool, uint64_t handle)
{
  return zs_shard_of (pool, zs_ref_zspage (zs_handle_ref (handle)));
}

/* True: its zspage is the caller's to put, when it has let go of the lock. */
static inline bool
do_free (struct zs_pool *pool, struct zs_shard *shard, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);

  zs_do_assert_may_free (pool, handle);
  return zs_handle_raw (handle) ? zs_do_raw_free (pool, shard, ref)
                                : zs_do_block_free (pool, shard, ref);
}

bool
zs_free_emptying (struct zs_pool *pool, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);
  struct zs_shard *shard;
  bool emptied;

  zs_assert_handle (pool, handle, "freeing");
  shard = shard_of (pool, handle);
  if (likely (!zs_handle_raw (handle)))
    prefetch_neighbour (pool, ref);
  shard_lock (pool, shard);
  emptied = do_free (pool, shard, handle);
  shard_unlock (pool, shard);
  if (unlikely (emptied))
    zs_zspage_put (pool, zs_ref_zspage (ref));
  return emptied;
}

void
zs_free (struct zs_pool *pool, uint64_t handle)
{
  zs_free_emptying (pool, handle);
}

void
zs_free_later (struct zs_pool *pool, struct zs_freeing *freeing,
               uint64_t handle, size_t len)
{
  zs_assert_handle (pool, handle, "freeing");
  zs_prefetch_free (pool, handle, len);
  freeing->handles[freeing->n++] = handle;
  if (unlikely (freeing->n == ZS_FREEING))
    zs_free_all (pool, freeing);
}

/* Those that are in the first one's shard.  The others live, and so stay in
 * theirs. */
static void
free_of_one_shard (struct zs_pool *pool, struct zs_freeing *freeing)
{
  struct zs_shard *const shard = shard_of (pool, freeing->handles[0]);
  uint32_t emptied[ZS_FREEING];
  unsigned nr_emptied = 0, left = 0;

  shard_lock (pool, shard);
  for (unsigned i = 0; i < freeing->n; i++) {
    const uint64_t handle = freeing->handles[i];

    if (shard_of (pool, handle) != shard)
      freeing->handles[left++] = handle;
    else if (unlikely (do_free (pool, shard, handle)))
      emptied[nr_emptied++] = zs_ref_zspage (zs_handle_ref (handle));
  }
  shard_unlock (pool, shard);
  freeing->n = left;
  while (nr_emptied > 0)
    zs_zspage_put (pool, emptied[--nr_emptied]);
}

void
zs_free_all (struct zs_pool *pool, struct zs_freeing *freeing)
{
  while (freeing->n > 0)
    free_of_one_shard (pool, freeing);
}
