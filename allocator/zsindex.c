/* SPDX-License-Identifier: BSD-3-Clause */
/* Zspages that are in no shard: never used, without memory, or in reserve.
 *
 *                 zs_do_zspage_get
 *        +----------<-------------+-------------<---+
 *        v                        |                 |
 *     a shard               [ reserve ]        [ unused ]  ...  frontier
 *        |                     ^  |                 ^
 *        +---->----------------+  +------->---------+
 *          zs_zspage_put            zs_pool_shrink: memory given back
 *
 * zs_pool_refill takes them the other way, from unused to the reserve.
 *
 * To give memory back takes longer than to free what was in it, and interrupts
 * all threads (vmem.h).  So it is not done by whoever empties a zspage, but
 * later, of many together, by who has the time.  Until then the pool grows into
 * those, so that what it has in all is never more than it has had to have: they
 * need not be counted.  A few are kept for good, since a workload may sit on
 * the border.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "futex.h"
#include "vmem.h"
#include "zsbudget.h"
#include "zspool.h"

/* How many zspages are opened to being known at a time. */
#define ZSPAGES_OPENED 4096

/* How many zspages are given back at a time, 4 MiB: meanwhile nobody can have
 * them.  By more of them nothing is gained. */
#define GIVEN_TOGETHER 64

static uint32_t
do_pop (struct zs_pool *pool, struct zs_index_list *list)
{
  const uint32_t index = list->first;

  if (index) {
    list->first = pool->zspages[index].next;
    list->count--;
  }
  return index;
}

static void
do_push (struct zs_pool *pool, struct zs_index_list *list, uint32_t index)
{
  pool->zspages[index].next = list->first;
  list->first = index;
  list->count++;
}

/* The caller holds the grow lock: let COUNT more zspages, or all that there
 * are, be described. */
static int
do_open_descriptions (struct zs_pool *pool, uint32_t count)
{
  const uint32_t left = pool->max_zspages - pool->opened;
  int r;

  if (count > left)
    count = left;
  r = vmem_open (&pool->zspages[pool->opened], count * sizeof *pool->zspages);
  if (r == 0)
    pool->opened += count;
  return r;
}

/* The caller holds the grow lock: let one more zspage be known, and take it.
 * What describes it is opened together with the many that share a page of
 * memory, and written, so that no page fault comes under a lock later. */
static int
do_pass_frontier (struct zs_pool *pool, uint32_t *index)
{
  const uint32_t next = pool->frontier;
  int r = 0;

  if (next == pool->max_zspages)
    return -ENOSPC;
  if (next == pool->opened)
    r = do_open_descriptions (pool, ZSPAGES_OPENED);
  if (r < 0)
    return r;
  zspage_set_kind (&pool->zspages[next], ZSPAGE_UNUSED);
  pool->frontier = next + 1;
  *index = next;
  return 0;
}

/* The caller holds the grow lock: an index without memory behind it. */
static int
do_take_unused (struct zs_pool *pool, uint32_t *index)
{
  index_lock (pool);
  *index = do_pop (pool, &pool->unused);
  index_unlock (pool);
  return *index ? 0 : do_pass_frontier (pool, index);
}

static char *
zspage_start (const struct zs_pool *pool, uint32_t index)
{
  return pool->base + ((size_t) index << ZSPAGE_SHIFT);
}

static int
compare_indexes (const void *a, const void *b)
{
  const uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

  return (x > y) - (x < y);
}

/* As many neighbours as INDEXES, NR and in order, begins with. */
static unsigned
count_neighbours (const uint32_t *indexes, unsigned nr)
{
  unsigned n = 1;

  while (n < nr && indexes[n] == indexes[n - 1] + 1)
    n++;
  return n;
}

/* Give back the memory of NR zspages in order, neighbours as one. */
static void
give_memory_back (const struct zs_pool *pool, const uint32_t *indexes,
                  unsigned nr)
{
  struct iovec ranges[VMEM_MAX_RANGES];
  unsigned nr_ranges = 0;

  for (unsigned i = 0, n; i < nr; i += n) {
    n = count_neighbours (&indexes[i], nr - i);
    ranges[nr_ranges++] = (struct iovec){zspage_start (pool, indexes[i]),
                                         n * (size_t) ZSPAGE_SIZE};
    if (nr_ranges == VMEM_MAX_RANGES || i + n == nr) {
      vmem_give_back (ranges, nr_ranges);
      nr_ranges = 0;
    }
  }
}

static void
give_back (struct zs_pool *pool, uint32_t *indexes, unsigned nr)
{
  qsort (indexes, nr, sizeof *indexes, compare_indexes);
  give_memory_back (pool, indexes, nr);
  index_lock (pool);
  for (unsigned i = nr; i-- > 0;)
    do_push (pool, &pool->unused, indexes[i]);
  index_unlock (pool);
}

/* Let COUNT zspages from INDEX on, and their raw tags, be written. */
static int
open_zspages (struct zs_pool *pool, uint32_t index, size_t count)
{
  const zs_ref ref = zs_ref_make (index, 0);
  const int r = vmem_open (zs_raw_tag (pool, ref),
                           count * RAW_PER_ZSPAGE * sizeof (zs_word));

  return r < 0 ? r
               : vmem_open (zs_block (pool->base, ref), count * ZSPAGE_SIZE);
}

/* Put memory behind zspage INDEX, which no list knows.  If that fails it is
 * unused again. */
static int
fill_zspage (struct zs_pool *pool, uint32_t index)
{
  void *const start = zs_block (pool->base, zs_ref_make (index, 0));
  int r = pool->reserve_only ? 0 : open_zspages (pool, index, 1);

  if (r == 0)
    r = vmem_populate (start, ZSPAGE_SIZE);
  if (r < 0)
    give_back (pool, &index, 1);
  return r;
}

/* What is to be claimed from the budget for a zspage that comes to USED bytes.
 */
static uint64_t
claim_beside (const struct zs_pool *pool, uint64_t used)
{
  return pool->budget && used >= pool->min ? ZSPAGE_SIZE : 0;
}

/* The caller holds the grow lock: count a zspage as used if limit and budget
 * allow it.  Others may be giving some back meanwhile, so that it may come to
 * less than was thought, and cost nothing. */
static bool
do_charge (struct zs_pool *pool)
{
  const uint64_t limit = pool->limit;
  const uint64_t claim = claim_beside (pool, pool->used);

  if (limit && pool->used + ZSPAGE_SIZE > limit)
    return false;
  if (claim > 0 && !zs_budget_claim (pool->budget, claim))
    return false;

  const uint64_t used = atomic_fetch_add (&pool->used, ZSPAGE_SIZE);

  if (claim > claim_beside (pool, used))
    zs_budget_release (pool->budget, claim);
  return true;
}

static bool
reserve_nears_end (struct zs_pool *pool)
{
  index_lock (pool);
  const bool near = pool->reserve_only && pool->reserve.count < 2;
  index_unlock (pool);
  return near;
}

bool
zs_near_limit (struct zs_pool *pool)
{
  const uint64_t limit = pool->limit, used = pool->used;
  const uint64_t claim =
      claim_beside (pool, used) + claim_beside (pool, used + ZSPAGE_SIZE);

  return (limit && used + UINT64_C (2) * ZSPAGE_SIZE > limit) ||
         (claim > 0 && claim > pool->budget->total - pool->budget->claimed) ||
         reserve_nears_end (pool);
}

void
zs_uncharge (struct zs_pool *pool)
{
  const uint64_t used = atomic_fetch_sub (&pool->used, ZSPAGE_SIZE);

  if (claim_beside (pool, used - ZSPAGE_SIZE) > 0)
    zs_budget_release (pool->budget, ZSPAGE_SIZE);
}

static uint32_t
take_reserve (struct zs_pool *pool)
{
  index_lock (pool);
  const uint32_t index = do_pop (pool, &pool->reserve);
  const bool taken = index && pool->reserve.count < pool->reserve_target;
  if (pool->reserve.count < pool->reserve_least)
    pool->reserve_least = pool->reserve.count;
  if (index)
    pool->reserve_taken++;
  index_unlock (pool);

  if (taken && pool->wake)
    futex_tell (pool->wake);
  return index;
}

/* The caller holds the grow lock. */
static int
do_make_zspage (struct zs_pool *pool, uint32_t *index)
{
  const int r = do_take_unused (pool, index);

  return r < 0 ? r : fill_zspage (pool, *index);
}

int
zs_do_zspage_get (struct zs_pool *pool, uint32_t *index)
{
  int r = 0;

  if (!do_charge (pool))
    return -ENOSPC;
  *index = take_reserve (pool);
  if (!*index)
    r = pool->reserve_only ? -EAGAIN : do_make_zspage (pool, index);
  if (r < 0)
    zs_uncharge (pool);
  else if (pool->used > pool->max_used)
    pool->max_used = pool->used;
  return r;
}

/* The caller holds the index lock. */
static uint32_t
do_most_kept (const struct zs_pool *pool)
{
  return pool->reserve_target > ZS_KEEP_EMPTY ? pool->reserve_target
                                              : ZS_KEEP_EMPTY;
}

/* Up to GIVEN_TOGETHER of those that are too many in the reserve: how many. */
static unsigned
take_surplus (struct zs_pool *pool, uint32_t *indexes)
{
  unsigned nr = 0;

  index_lock (pool);
  const uint32_t most = do_most_kept (pool);

  while (pool->reserve.count > most && nr < GIVEN_TOGETHER)
    indexes[nr++] = do_pop (pool, &pool->reserve);
  index_unlock (pool);
  return nr;
}

void
zs_zspage_put (struct zs_pool *pool, uint32_t index)
{
  index_lock (pool);
  do_push (pool, &pool->reserve, index);
  index_unlock (pool);
}

void
zs_pool_shrink (struct zs_pool *pool)
{
  uint32_t indexes[GIVEN_TOGETHER];
  unsigned nr;

  lockdep_may_sleep ();
  while ((nr = take_surplus (pool, indexes)) > 0)
    give_back (pool, indexes, nr);
}

/* The reserve. */

void
zs_pool_set_wake (struct zs_pool *pool, _Atomic uint32_t *wake)
{
  pool->wake = wake;
}

void
zs_pool_set_reserve (struct zs_pool *pool, uint64_t bytes)
{
  index_lock (pool);
  pool->reserve_target = (uint32_t) ((bytes + ZSPAGE_SIZE - 1) >> ZSPAGE_SHIFT);
  index_unlock (pool);
  zs_pool_shrink (pool);
}

uint64_t
zs_pool_description_size (uint64_t max_size)
{
  return (max_size >> ZSPAGE_SHIFT) * sizeof (struct zspage);
}

int
zs_pool_set_reserve_only (struct zs_pool *pool)
{
  int r;

  grow_lock (pool);
  r = do_open_descriptions (pool, pool->max_zspages);
  if (r == 0)
    r = vmem_populate (pool->zspages,
                       pool->max_zspages * sizeof *pool->zspages);
  if (r == 0)
    r = open_zspages (pool, 0, pool->max_zspages);
  pool->reserve_only = r == 0;
  grow_unlock (pool);
  return r;
}

uint64_t
zs_pool_reserve_taken (const struct zs_pool *pool)
{
  return pool->reserve_taken;
}

bool
zs_pool_reserve_full (struct zs_pool *pool)
{
  index_lock (pool);
  const bool full = pool->reserve.count >= pool->reserve_target;
  index_unlock (pool);
  return full;
}

int
zs_pool_refill (struct zs_pool *pool)
{
  uint32_t index;
  int r;

  if (zs_pool_reserve_full (pool))
    return 0;
  grow_lock (pool);
  r = do_take_unused (pool, &index);
  grow_unlock (pool);
  if (r == 0)
    r = fill_zspage (pool, index);
  if (r < 0)
    return r;
  /* If it will be raw: its tags are not in it, and many share a page. */
  zs_tag_store (zs_raw_tag (pool, zs_ref_make (index, 0)), 0);
  zs_zspage_put (pool, index);
  return 1;
}
