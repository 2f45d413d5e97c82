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
 * Shards.  Each zspage in use belongs to a shard, which has a lock and the bins
 * of its zspages' holes.  An object is freed under the lock of its zspage's
 * shard, whoever frees it.  Where one is made decides how dense the pool
 * stays, and three rules keep shards from costing memory:
 *   - a thread asks its CPU's shard first, unless a clearly larger share of
 *     another is holes: or one CPU would go on dividing its long holes while
 *     the short ones of the others are left over;
 *   - then it asks all the others, before the pool grows;
 *   - and then the shard that was asked first grows: if another did, its holes
 *     would never be asked for by the one who needed them.
 * Without the last two, 2 shards cost 5 to 7 % more.  With them, 262,144
 * objects overwritten six times have holes of 1.5 % in 1 shard, 1.8 in 2 and
 * 2.1 to 2.8 in 4, the more the longer threads stay on a CPU; in a pool a fifth
 * of that size, 2.7, 3.1 to 3.8, and 3.7 to 4.8.
 *
 * Invariants, each looked at by zs_pool_check:
 *   - blocks tile a zspage; no two neighbours are free;
 *   - a free block of ZS_MIN_BLOCK granules or more is in the bin of its
 *     length, in its shard, a shorter one in none, a live one in none;
 *   - a zspage in a shard has something living in it; "size" of a shard is that
 *     of its zspages, "holes" what is free of it;
 *   - a zspage is in a shard, in the reserve or in the list of unused ones, and
 *     memory, at which the check does not look, is behind those of the first
 *     two only; but for those that are just being made or given back.
 * In a zspage that compaction is emptying ("leaving", at most one) free blocks
 * are in no bin and not joined, so that its walk always stands on a block.
 *
 * Nothing faults and nothing is copied under a shard lock: growing, giving back
 * and moving are done on what no bin and no list knows.
 *
 * Growing is for one thread at a time, which looks for room once more when it
 * has the grow lock.  Otherwise all that find none at the same moment would
 * each make a zspage, and at the limit all but one would fail.
 *
 * What it is not: grouped by age or by owner.  A zspage holds what came
 * together in time, and whatever fitted its holes since.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "vmem.h"
#include "zspool.h"

/* More would cost memory, see above: 4 are over 4 % with the slot table.  And
 * little time: a lock is held for some 100 ns of each 5 us or more that it
 * takes to compress a page, for as long again when one is freed (32 of a TRIM
 * at once), and not for reads. */
#define MAX_SHARDS 2

/* Another shard is asked first if it has a quarter more holes than ours and
 * this many bytes besides, which keeps small pools on their own CPU. */
#define HOLES_SLACK (64U << 10)

/* How many objects are made between two looks at the others. */
#define TURNS 32

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
  return pool->base && pool->zspages && pool->raw_tags ? 0 : -ENOMEM;
}

/* Whoever finds one taken had better look again for a moment than sleep: it is
 * held for less time than sleeping takes. */
static void
init_shard_locks (struct zs_pool *pool)
{
  pthread_mutexattr_t attr;

  pthread_mutexattr_init (&attr);
  pthread_mutexattr_settype (&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
  for (unsigned i = 0; i < pool->nr_shards; i++)
    pthread_mutex_init (&pool->shards[i].lock, &attr);
  pthread_mutexattr_destroy (&attr);
}

/* SIZE bytes, which are so many cache lines, of zeros. */
static void *
zeroed_lines (size_t size)
{
  void *const lines = aligned_alloc (ZRAM_CACHE_LINE, size);

  return lines ? memset (lines, 0, size) : NULL;
}

static int
create_shards (struct zs_pool *pool)
{
  const unsigned cpus = cpu_count ();

  pool->nr_shards = cpus < MAX_SHARDS ? cpus : MAX_SHARDS;
  pool->shards = zeroed_lines (pool->nr_shards * sizeof *pool->shards);
  pool->choices = zeroed_lines (pool->nr_shards * sizeof *pool->choices);
  if (!pool->shards || !pool->choices)
    return -ENOMEM;
  init_shard_locks (pool);
  return 0;
}

int
zs_pool_create (struct zs_pool **poolp, uint64_t max_size, const void *domain)
{
  if (max_size == 0 || max_size > MAX_POOL_SIZE)
    return -EINVAL;

  struct zs_pool *const pool = zeroed_lines (sizeof *pool);

  if (!pool)
    return -ENOMEM;
  pool->domain = domain;
  pool->frontier = 1;
  pool->opened = 1;
  pool->reserve_least = UINT32_MAX;
  pool->max_zspages =
      (uint32_t) ((max_size + ZSPAGE_SIZE - 1) / ZSPAGE_SIZE) + 1;
  pthread_mutex_init (&pool->grow_lock, NULL);
  pthread_mutex_init (&pool->compact_lock, NULL);
  pthread_mutex_init (&pool->index_lock, NULL);
  if (reserve_ranges (pool) < 0 || create_shards (pool) < 0) {
    zs_pool_destroy (pool);
    return -ENOMEM;
  }
  *poolp = pool;
  return 0;
}

void
zs_pool_destroy (struct zs_pool *pool)
{
  if (!pool)
    return;
  while (pool->used > 0)
    zs_uncharge (pool);
  for (unsigned i = 0; pool->shards && i < pool->nr_shards; i++)
    pthread_mutex_destroy (&pool->shards[i].lock);
  pthread_mutex_destroy (&pool->index_lock);
  pthread_mutex_destroy (&pool->compact_lock);
  pthread_mutex_destroy (&pool->grow_lock);
  free (pool->choices);
  free (pool->shards);
  release_ranges (pool);
  free (pool);
}

/* Whose a zspage is. */

bool
zs_do_owns (const struct zs_pool *pool, const struct zs_shard *shard,
            uint32_t index)
{
  return zspage_kind (&pool->zspages[index]) != ZSPAGE_UNUSED &&
         zs_shard_of (pool, index) == shard;
}

/* A zspage with nothing in it is SHARD's, or no longer. */
static void
do_account_zspage (struct zs_shard *shard, bool raw, int64_t bytes)
{
  atomic_store_explicit (&shard->size[raw],
                         zs_shard_size (shard, raw) + (uint64_t) bytes,
                         memory_order_relaxed);
  zs_do_account_holes (shard, raw, bytes);
}

void
zs_do_adopt (struct zs_pool *pool, struct zs_shard *shard, uint32_t index,
             enum zspage_kind kind)
{
  struct zspage *const zspage = &pool->zspages[index];

  zspage->raw_used = 0;
  atomic_store_explicit (&zspage->shard, (uint8_t) (shard - pool->shards),
                         memory_order_relaxed);
  zspage_set_kind (zspage, kind);
  do_account_zspage (shard, kind == ZSPAGE_RAW, ZSPAGE_SIZE);
}

void
zs_do_disown (struct zs_pool *pool, struct zs_shard *shard, uint32_t index)
{
  struct zspage *const zspage = &pool->zspages[index];

  do_account_zspage (shard, zspage_kind (zspage) == ZSPAGE_RAW,
                     -(int64_t) ZSPAGE_SIZE);
  zspage_set_kind (zspage, ZSPAGE_UNUSED);
  zs_uncharge (pool);
}

/* Sizes. */

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

size_t
zs_cost (size_t len)
{
  return is_raw (len) ? ZRAM_PAGE_SIZE
                      : (size_t) zs_block_len (len) * ZS_GRANULE;
}

/* Objects. */

static inline zs_ref
do_malloc (struct zs_pool *pool, struct zs_shard *shard, uint32_t len, bool raw,
           uint64_t owner)
{
  return raw ? zs_do_raw_malloc (pool, shard, owner)
             : zs_do_block_malloc (pool, shard, len, owner);
}

/* Has OTHER clearly more holes than MINE, for its size?  By the share, or the
 * larger would draw all growth, for having more holes, and get larger still. */
static inline bool
has_more_holes (const struct zs_shard *other, const struct zs_shard *mine,
                bool raw)
{
  const double size = (double) zs_shard_size (mine, raw);
  const double holes = (double) zs_shard_holes (mine, raw);

  return (double) zs_shard_holes (other, raw) * size >
         (double) zs_shard_size (other, raw) * (holes * 1.25 + HOLES_SLACK);
}

/* For the threads of CPU: their own, or the one with clearly more holes. */
static ZRAM_NOINLINE void
choose_shard (struct zs_pool *pool, unsigned cpu, bool raw)
{
  unsigned first = cpu;

  for (unsigned i = 0; i < pool->nr_shards; i++)
    if (has_more_holes (&pool->shards[i], &pool->shards[first], raw))
      first = i;
  atomic_store_explicit (&pool->choices[cpu].first[raw], first,
                         memory_order_relaxed);
}

/* The shard to ask first, and to grow if need be. */
static inline unsigned
first_shard (struct zs_pool *pool, bool raw)
{
  const unsigned cpu = cpu_index (pool->nr_shards);
  struct zs_choice *const choice = &pool->choices[cpu];
  const uint32_t turn =
      atomic_load_explicit (&choice->turns, memory_order_relaxed);

  /* Others of this CPU may count at the same time: nothing depends on it. */
  atomic_store_explicit (&choice->turns, turn + 1, memory_order_relaxed);
  if (unlikely (turn % TURNS == 0)) {
    choose_shard (pool, cpu, false);
    choose_shard (pool, cpu, true);
  }
  return atomic_load_explicit (&choice->first[raw], memory_order_relaxed);
}

static inline bool
malloc_in_shard (struct zs_pool *pool, struct zs_shard *shard, uint32_t len,
                 bool raw, uint64_t owner, uint64_t *handle)
{
  shard_lock (pool, shard);
  const zs_ref ref = do_malloc (pool, shard, len, raw, owner);
  shard_unlock (pool, shard);
  *handle = zs_handle_make (ref, raw);
  return ref != 0;
}

bool
zs_malloc_in_place (struct zs_pool *pool, uint32_t len, bool raw,
                    uint64_t owner, uint64_t *handle)
{
  const unsigned first = first_shard (pool, raw);

  for (unsigned i = 0; i < pool->nr_shards; i++) {
    const unsigned next = (first + i) % pool->nr_shards;

    if (likely (malloc_in_shard (pool, &pool->shards[next], len, raw, owner,
                                 handle)))
      return true;
  }
  return false;
}

/* Make the object in zspage INDEX, SHARD's from then on; false: somebody has
 * freed enough of the shard meanwhile, and the zspage is not needed. */
static bool
malloc_adopting (struct zs_pool *pool, struct zs_shard *shard, uint32_t index,
                 uint32_t len, bool raw, uint64_t owner, uint64_t *handle)
{
  shard_lock (pool, shard);
  zs_ref ref = do_malloc (pool, shard, len, raw, owner);
  const bool adopt = !ref;

  if (adopt) {
    if (raw)
      zs_do_raw_adopt (pool, shard, index);
    else
      zs_do_block_adopt (pool, shard, index);
    ref = do_malloc (pool, shard, len, raw, owner);
  }
  shard_unlock (pool, shard);
  *handle = zs_handle_make (ref, raw);
  return adopt;
}

int
zs_do_malloc_new (struct zs_pool *pool, uint32_t len, bool raw, uint64_t owner,
                  uint64_t *handle)
{
  struct zs_shard *const shard = &pool->shards[first_shard (pool, raw)];
  uint32_t index;
  const int r = zs_do_zspage_get (pool, &index);

  if (r < 0)
    return r;
  if (raw)
    /* Their first use: a page fault that shall not come under the lock. */
    zs_tag_store (zs_raw_tag (pool, zs_ref_make (index, 0)), 0);
  if (malloc_adopting (pool, shard, index, len, raw, owner, handle))
    return 1;
  zs_uncharge (pool);
  zs_zspage_put (pool, index);
  return 0;
}

/* The caller holds the grow lock. */
static int
do_malloc_growing (struct zs_pool *pool, uint32_t len, bool raw, uint64_t owner,
                   uint64_t *handle)
{
  int r;

  if (zs_malloc_in_place (pool, len, raw, owner, handle))
    return 0;
  r = zs_do_malloc_new (pool, len, raw, owner, handle);
  return r < 0 ? r : 0;
}

/* No room in any shard.  If the pool cannot grow either, there may still be
 * room in the zspage that compaction has withdrawn, or, when that has gone, a
 * zspage more to be had: wait until it is done, and look for both again.  But
 * not for want of a reserve, which is refilled sooner than compaction is done,
 * under the lock that is held here. */
static ZRAM_NOINLINE int
malloc_growing (struct zs_pool *pool, uint32_t len, bool raw, uint64_t owner,
                uint64_t *handle)
{
  int r;

  grow_lock (pool);
  r = do_malloc_growing (pool, len, raw, owner, handle);
  if (r < 0 && r != -EAGAIN) {
    compact_lock (pool);
    r = do_malloc_growing (pool, len, raw, owner, handle);
    compact_unlock (pool);
  }
  grow_unlock (pool);
  return r;
}

int
zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner, uint64_t *handle)
{
  const bool raw = is_raw (len);

  if (len == 0 || len > ZS_MAX_ALLOC_SIZE || owner >= ZS_OWNER_LIMIT)
    return -EINVAL;
  if (likely (
          zs_malloc_in_place (pool, zs_block_len (len), raw, owner, handle)))
    return 0;
  return malloc_growing (pool, zs_block_len (len), raw, owner, handle);
}

const void *
zs_obj_read_begin (struct zs_pool *pool, uint64_t handle)
{
  zs_assert_handle (pool, handle, "reading");
  zspage_pin (pool, zs_object_tag (pool, handle));
  return zs_object_bytes (pool, handle);
}

void
zs_obj_read_end (struct zs_pool *pool, uint64_t handle)
{
  zspage_unpin (pool, zs_object_tag (pool, handle));
}

void
zs_obj_write (struct zs_pool *pool, uint64_t handle, const void *src,
              size_t len)
{
  zs_assert_handle (pool, handle, "writing");
  memcpy (zs_object_bytes (pool, handle), src, len);
}

uint64_t
zs_obj_owner (const struct zs_pool *pool, uint64_t handle)
{
  zs_assert_handle (pool, handle, "asking the owner of");
  return zs_tag_load (zs_object_tag (pool, handle)) >> ZS_TAG_OWNER_SHIFT;
}

/* Statistics. */

void
zs_pool_set_limit (struct zs_pool *pool, uint64_t limit)
{
  pool->limit = limit;
}

void
zs_pool_set_budget (struct zs_pool *pool, struct zs_budget *budget,
                    uint64_t min)
{
  pool->budget = budget;
  pool->min = min;
}

void
zs_pool_stats (const struct zs_pool *pool, struct zs_pool_stats *stats)
{
  const uint32_t reserve = pool->reserve.count;
  const uint32_t least = pool->reserve_least;
  uint64_t holes = 0;

  for (unsigned i = 0; i < pool->nr_shards; i++)
    holes += zs_shard_holes (&pool->shards[i], false) +
             zs_shard_holes (&pool->shards[i], true);
  *stats = (struct zs_pool_stats){
      .used = pool->used,
      .max_used = pool->max_used,
      .limit = pool->limit,
      .reserve = (uint64_t) reserve << ZSPAGE_SHIFT,
      .reserve_least = (uint64_t) (least < reserve ? least : reserve)
                       << ZSPAGE_SHIFT,
      .pages_compacted = pool->pages_compacted,
  };
  /* They were read one after the other. */
  stats->live = stats->used > holes ? stats->used - holes : 0;
}

void
zs_pool_reset_max_used (struct zs_pool *pool)
{
  grow_lock (pool);
  pool->max_used = pool->used;
  grow_unlock (pool);
}
