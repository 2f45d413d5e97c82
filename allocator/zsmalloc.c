/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool.
 *
 * Problem.  Compressed pages are objects of any size from 24 bytes to a page,
 * overwritten at random for as long as the machine runs.  Whatever the pool
 * wastes is memory that compression has just saved.  Size classes, the
 * kernel's answer, round each object up and leave every class with half-filled
 * zspages: 5 to 14 % after overwriting on sizes of real pages, because the
 * kernel must map at most two pages for an object and move only objects of
 * equal size.
 *
 * Idea.  In user space neither holds.  So: best fit to the eight bytes, free
 * neighbours joined at once, in zspages of 64 KiB, where a hole is at most 8192
 * granules long and every length can have a bin of its own (zsbins.h): true
 * best fit in constant time.  The same sizes cost 1.4 %, with no compaction.
 *
 *   base                                                     reserved
 *   |                                                        addresses
 *   +--------+--------+--------+--------+--------+--------+- - - - -
 *   | never  | blocks | raw    | unused | blocks | blocks |
 *   +--------+--------+--------+--------+--------+--------+- - - - -
 *     0        1        2        3        4        5      ^ frontier
 *              |        |
 *              |        +-- sixteen raw pages, their tags beside (zsraw.c)
 *              +-- |tag|object |tag|object   |tag free ... |tag|object |
 *
 * Invariants, each looked at by zs_pool_check:
 *   - blocks tile a zspage; no two neighbours are free;
 *   - a free block of ZS_MIN_BLOCK granules or more is in the bin of its
 *     length, a shorter one in none, a live one in none;
 *   - memory is behind exactly the zspages of kind BLOCKS and RAW, but for the
 *     one that is being made and those that are being given back; "used" is the
 *     size of them and of the one; at most ZS_KEEP_EMPTY of them are empty.
 *
 * A zspage that empties goes back to the system, but for a few that are kept,
 * because giving one back and filling it again costs 50 us and a workload may
 * sit on the border.  Growing and giving back are done outside the shard lock,
 * on a zspage that no list and no bin knows.
 *
 * What it is not: sharded, or compacting.  Every object carries its owner so
 * that it can be moved.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmem.h"
#include "zspool.h"

/* How many zspages are opened to being known at a time. */
#define ZSPAGES_OPENED 4096

/* What zspage indexes in a handle have room for, halved so that offsets never
 * come near the sign bit. */
#define MAX_POOL_SIZE (UINT64_C (64) << 40)

static void
release_ranges (struct zs_pool *pool)
{
  const size_t n = pool->max_zspages;

  vmem_release (pool->base, n * ZSPAGE_SIZE);
  vmem_release (pool->zspages, n * sizeof *pool->zspages);
  vmem_release (pool->raw_tags, n * RAW_PER_ZSPAGE * sizeof (zs_word));
}

static int
reserve_ranges (struct zs_pool *pool)
{
  const size_t n = pool->max_zspages;

  pool->base = vmem_reserve (n * ZSPAGE_SIZE);
  pool->zspages = vmem_reserve (n * sizeof *pool->zspages);
  pool->raw_tags = vmem_reserve (n * RAW_PER_ZSPAGE * sizeof (zs_word));
  if (pool->base && pool->zspages && pool->raw_tags)
    return 0;
  release_ranges (pool);
  return -ENOMEM;
}

int
zs_pool_create (struct zs_pool **poolp, uint64_t max_size, const void *domain)
{
  if (max_size == 0 || max_size > MAX_POOL_SIZE)
    return -EINVAL;

  struct zs_pool *const pool = aligned_alloc (ZRAM_CACHE_LINE, sizeof *pool);

  if (!pool)
    return -ENOMEM;
  memset (pool, 0, sizeof *pool);
  pool->domain = domain;
  pool->frontier = 1;
  pool->max_zspages =
      (uint32_t) ((max_size + ZSPAGE_SIZE - 1) / ZSPAGE_SIZE) + 1;

  const int r = reserve_ranges (pool);

  if (r < 0) {
    free (pool);
    return r;
  }
  pthread_mutex_init (&pool->grow_lock, NULL);
  pthread_mutex_init (&pool->shard_lock, NULL);
  *poolp = pool;
  return 0;
}

void
zs_pool_destroy (struct zs_pool *pool)
{
  if (!pool)
    return;
  pthread_mutex_destroy (&pool->shard_lock);
  pthread_mutex_destroy (&pool->grow_lock);
  release_ranges (pool);
  free (pool);
}

/* Growing: by one thread at a time, which looks for room once more when it has
 * the grow lock.  Otherwise all that find none at the same moment would each
 * make a zspage, and at the limit all but one would fail. */

/* The caller holds the grow lock and the shard lock: set an index that is not
 * in use, and a zspage's worth of the limit, aside. */
static int
do_reserve_zspage (struct zs_pool *pool, uint32_t *index)
{
  const uint64_t limit = pool->limit;

  if (limit && pool->used + ZSPAGE_SIZE > limit)
    return -ENOSPC;
  if (!pool->unused && pool->frontier == pool->max_zspages)
    return -ENOSPC;
  *index = pool->frontier;
  if (pool->unused) {
    *index = pool->unused;
    pool->unused = pool->zspages[*index].next;
  }
  pool->used += ZSPAGE_SIZE;
  return 0;
}

/* The caller holds the grow lock and the shard lock: undo that. */
static void
do_unreserve_zspage (struct zs_pool *pool, uint32_t index)
{
  pool->used -= ZSPAGE_SIZE;
  if (index == pool->frontier)
    return;
  pool->zspages[index].next = pool->unused;
  pool->unused = index;
}

/* The caller holds the grow lock: let zspage INDEX, which was never used and
 * which nobody looks at yet, be known; many that share a page of memory are
 * opened at once.  Written here, so that no page fault comes under the shard
 * lock. */
static int
open_description (const struct zs_pool *pool, uint32_t index)
{
  const uint32_t left = pool->max_zspages - index;
  int r = 0;

  if (index == 1 || index % ZSPAGES_OPENED == 0)
    r = vmem_open (&pool->zspages[index],
                   (left < ZSPAGES_OPENED ? left : ZSPAGES_OPENED) *
                       sizeof *pool->zspages);
  if (r == 0)
    pool->zspages[index].kind = ZSPAGE_UNUSED;
  return r;
}

/* The caller holds the grow lock: put memory behind zspage INDEX and what
 * describes it.  The tags of raw pages are filled only if RAW: they would be
 * 0.2 % of a pool that has none. */
static int
fill_zspage (const struct zs_pool *pool, uint32_t index, bool raw)
{
  void *const start = zs_block (pool->base, zs_ref_make (index, 0));
  zs_word *const tags = &pool->raw_tags[(size_t) index * RAW_PER_ZSPAGE];
  int r = index == pool->frontier ? open_description (pool, index) : 0;

  if (r == 0)
    r = vmem_open (tags, RAW_PER_ZSPAGE * sizeof *tags);
  if (r == 0)
    r = vmem_open (start, ZSPAGE_SIZE);
  if (r == 0) {
    r = vmem_populate (start, ZSPAGE_SIZE);
    if (r < 0)
      vmem_give_back (start, ZSPAGE_SIZE);
  }
  if (r == 0 && raw)
    zs_tag_store (tags, 0);
  return r;
}

/* The caller holds the shard lock: make zspage INDEX one free block. */
static void
do_add_empty (struct zs_pool *pool, uint32_t index)
{
  const zs_ref ref = zs_ref_make (index, 0);

  pool->zspages[index].kind = ZSPAGE_BLOCKS;
  zs_block_set_free (zs_block (pool->base, ref), ZSPAGE_GRANULES);
  zs_bins_insert (&pool->bins, pool->base, ref, ZSPAGE_GRANULES);
  pool->nr_empty++;
  if (pool->used > pool->max_used)
    pool->max_used = pool->used;
}

uint32_t
zs_do_take_empty (struct zs_pool *pool)
{
  const zs_ref ref = pool->bins.heads[ZSPAGE_GRANULES];

  zs_bins_remove (&pool->bins, pool->base, ref, ZSPAGE_GRANULES);
  pool->nr_empty--;
  return zs_ref_zspage (ref);
}

bool
zs_do_empty (struct zs_pool *pool, uint32_t index)
{
  if (pool->nr_empty < ZS_KEEP_EMPTY) {
    do_add_empty (pool, index);
    return false;
  }
  pool->zspages[index].kind = ZSPAGE_UNUSED;
  pool->used -= ZSPAGE_SIZE;
  return true;
}

void
zs_give_back (struct zs_pool *pool, uint32_t index)
{
  vmem_give_back (zs_block (pool->base, zs_ref_make (index, 0)), ZSPAGE_SIZE);
  shard_lock (pool);
  pool->zspages[index].next = pool->unused;
  pool->unused = index;
  shard_unlock (pool);
}

/* Blocks.  The callers hold the shard lock. */

static void
do_insert_free (struct zs_pool *pool, zs_ref ref, uint32_t len)
{
  zs_block_set_free (zs_block (pool->base, ref), len);
  if (len >= ZS_MIN_BLOCK)
    zs_bins_insert (&pool->bins, pool->base, ref, len);
}

static void
do_remove_free (struct zs_pool *pool, zs_ref ref, uint32_t len)
{
  if (len >= ZS_MIN_BLOCK)
    zs_bins_remove (&pool->bins, pool->base, ref, len);
}

/* A block of LEN granules for OWNER; 0 if no hole is long enough. */
static zs_ref
do_block_malloc (struct zs_pool *pool, uint32_t len, uint64_t owner)
{
  const uint32_t hole = zs_bins_best_fit (&pool->bins, len);

  if (!hole)
    return 0;

  const zs_ref ref = pool->bins.heads[hole];
  zs_word *const block = zs_block (pool->base, ref);
  const uint32_t end = zs_ref_granule (ref) + hole;

  zs_bins_remove (&pool->bins, pool->base, ref, hole);
  if (hole == ZSPAGE_GRANULES)
    pool->nr_empty--;
  if (len < hole)
    do_insert_free (pool, ref + len, hole - len);
  else if (end < ZSPAGE_GRANULES)
    atomic_fetch_and_explicit (&block[hole], ~ZS_TAG_PREV_FREE,
                               memory_order_relaxed);
  zs_tag_store (block, zs_tag_live (owner, len));
  return ref;
}

/* True as for zs_do_empty. */
static bool
do_block_free (struct zs_pool *pool, zs_ref ref)
{
  zs_word *block = zs_block (pool->base, ref);
  const uint64_t tag = zs_tag_load (block);
  uint32_t len = zs_tag_len (tag);

  zs_assert_may_free (zs_handle_make (ref, false), tag,
                      !(tag & ZS_TAG_FREE) && len > 0);

  if (zs_ref_granule (ref) + len < ZSPAGE_GRANULES) {
    const uint64_t after = zs_tag_load (&block[len]);

    if (after & ZS_TAG_FREE) {
      do_remove_free (pool, ref + len, zs_tag_len (after));
      len += zs_tag_len (after);
    }
  }
  if (tag & ZS_TAG_PREV_FREE) {
    const uint32_t before = zs_tag_len (zs_tag_load (block - 1));

    ref -= before;
    block -= before;
    len += before;
    do_remove_free (pool, ref, before);
  }
  if (len == ZSPAGE_GRANULES)
    return zs_do_empty (pool, zs_ref_zspage (ref));

  do_insert_free (pool, ref, len);
  if (zs_ref_granule (ref) + len < ZSPAGE_GRANULES)
    atomic_fetch_or_explicit (&block[len], ZS_TAG_PREV_FREE,
                              memory_order_relaxed);
  return false;
}

/* Objects. */

size_t
zs_huge_size (void)
{
  /* The longest object whose block is shorter than a page is one tag and one
   * granule shorter than a page. */
  return ZRAM_PAGE_SIZE - 2 * ZS_GRANULE + 1;
}

static inline bool
is_raw (size_t len)
{
  return len >= zs_huge_size () && len <= ZRAM_PAGE_SIZE;
}

static inline zs_ref
do_malloc (struct zs_pool *pool, size_t len, uint64_t owner)
{
  return is_raw (len) ? zs_do_raw_malloc (pool, owner)
                      : do_block_malloc (pool, zs_block_len (len), owner);
}

/* The caller holds the shard lock: true if one empty zspage too many is kept;
 * it is then nobody's, *INDEX, and to be given back. */
static bool
do_drop_empty (struct zs_pool *pool, uint32_t *index)
{
  if (pool->nr_empty <= ZS_KEEP_EMPTY)
    return false;
  *index = zs_do_take_empty (pool);
  pool->zspages[*index].kind = ZSPAGE_UNUSED;
  pool->used -= ZSPAGE_SIZE;
  return true;
}

/* The caller holds the grow lock; there was no room for the object in any
 * zspage, and INDEX has been reserved for it: fill that one, outside the shard
 * lock, and take the object from it before anybody else can.  Others may have
 * freed enough meanwhile to make it one too many. */
static int
malloc_in_new (struct zs_pool *pool, uint32_t index, size_t len, uint64_t owner,
               zs_ref *ref)
{
  const int r = fill_zspage (pool, index, is_raw (len));
  bool too_many = false;

  shard_lock (pool);
  if (r == 0) {
    pool->frontier += index == pool->frontier;
    do_add_empty (pool, index);
    *ref = do_malloc (pool, len, owner);
    too_many = do_drop_empty (pool, &index);
  }
  else
    do_unreserve_zspage (pool, index);
  shard_unlock (pool);
  if (too_many)
    zs_give_back (pool, index);
  return r;
}

static ZRAM_NOINLINE int
malloc_growing (struct zs_pool *pool, size_t len, uint64_t owner, zs_ref *ref)
{
  uint32_t index = 0;
  int r = 0;

  grow_lock (pool);
  shard_lock (pool);
  *ref = do_malloc (pool, len, owner);
  if (!*ref)
    r = do_reserve_zspage (pool, &index);
  shard_unlock (pool);
  if (index)
    r = malloc_in_new (pool, index, len, owner, ref);
  grow_unlock (pool);
  return r;
}

int
zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner, uint64_t *handle)
{
  zs_ref ref;
  int r = 0;

  if (len == 0 || len > ZS_MAX_ALLOC_SIZE || owner >= ZS_OWNER_LIMIT)
    return -EINVAL;
  shard_lock (pool);
  ref = do_malloc (pool, len, owner);
  shard_unlock (pool);
  if (unlikely (!ref))
    r = malloc_growing (pool, len, owner, &ref);
  if (r == 0)
    *handle = zs_handle_make (ref, is_raw (len));
  return r;
}

void
zs_free (struct zs_pool *pool, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);

  shard_lock (pool);
  const bool emptied = zs_handle_raw (handle) ? zs_do_raw_free (pool, ref)
                                              : do_block_free (pool, ref);
  shard_unlock (pool);
  if (unlikely (emptied))
    zs_give_back (pool, zs_ref_zspage (ref));
}

static inline zs_word *
object_tag (const struct zs_pool *pool, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);

  return zs_handle_raw (handle) ? zs_raw_tag (pool, ref)
                                : zs_block (pool->base, ref);
}

static inline void *
object_bytes (const struct zs_pool *pool, uint64_t handle)
{
  zs_word *const block = zs_block (pool->base, zs_handle_ref (handle));

  return zs_handle_raw (handle) ? block : block + 1;
}

const void *
zs_obj_read_begin (struct zs_pool *pool, uint64_t handle)
{
  zspage_pin (pool, object_tag (pool, handle));
  return object_bytes (pool, handle);
}

void
zs_obj_read_end (struct zs_pool *pool, uint64_t handle)
{
  zspage_unpin (pool, object_tag (pool, handle));
}

void
zs_obj_write (struct zs_pool *pool, uint64_t handle, const void *src,
              size_t len)
{
  memcpy (object_bytes (pool, handle), src, len);
}

uint64_t
zs_obj_owner (const struct zs_pool *pool, uint64_t handle)
{
  return zs_tag_load (object_tag (pool, handle)) >> ZS_TAG_OWNER_SHIFT;
}

/* Statistics. */

void
zs_pool_set_limit (struct zs_pool *pool, uint64_t limit)
{
  pool->limit = limit;
}

void
zs_pool_stats (const struct zs_pool *pool, struct zs_pool_stats *stats)
{
  stats->used = pool->used;
  stats->max_used = pool->max_used;
  stats->limit = pool->limit;
}

void
zs_pool_reset_max_used (struct zs_pool *pool)
{
  shard_lock (pool);
  pool->max_used = pool->used;
  shard_unlock (pool);
}

#if ZRAM_DEBUG
void
zs_assert_may_free (uint64_t handle, uint64_t tag, bool live)
{
  const char *const what = !live                 ? "an object that is not there"
                           : (tag & ZS_TAG_PINS) ? "a pinned object"
                                                 : NULL;

  if (what) {
    fprintf (stderr, "zsmalloc: freeing %s, handle %#llx\n", what,
             (unsigned long long) handle);
    abort ();
  }
}
#endif
