/* SPDX-License-Identifier: BSD-3-Clause */
/* Raw pages: objects of a whole page, for what does not compress.
 *
 * With a tag in front, fifteen would fit a zspage, and incompressible data
 * would cost 6.7 % more than it is.  So raw pages have zspages of their own,
 * sixteen to each, and their tags stand in an array beside the pool.  Places
 * are taken in the fullest zspage that has one, so that the emptier ones can
 * empty and go back.
 */
#include <config.h>

#include "zspool.h"

static inline unsigned
nr_used (const struct zspage *zspage)
{
  return (unsigned) __builtin_popcount (zspage->raw_used);
}

/* Full zspages are in no list: nothing is looked for among them. */
static void
list_insert (struct zs_pool *pool, struct zs_shard *shard, uint32_t index)
{
  struct zspage *const zspage = &pool->zspages[index];
  const unsigned n = nr_used (zspage);

  if (n == RAW_PER_ZSPAGE)
    return;
  zspage->prev = 0;
  zspage->next = shard->raw[n];
  if (zspage->next)
    pool->zspages[zspage->next].prev = index;
  shard->raw[n] = index;
}

static void
list_remove (struct zs_pool *pool, struct zs_shard *shard, uint32_t index)
{
  const struct zspage *const zspage = &pool->zspages[index];
  const unsigned n = nr_used (zspage);

  if (n == RAW_PER_ZSPAGE)
    return;
  if (zspage->next)
    pool->zspages[zspage->next].prev = zspage->prev;
  if (zspage->prev)
    pool->zspages[zspage->prev].next = zspage->next;
  else
    shard->raw[n] = zspage->next;
}

void
zs_do_raw_adopt (struct zs_pool *pool, struct zs_shard *shard, uint32_t index)
{
  zs_do_adopt (pool, shard, index, ZSPAGE_RAW);
  list_insert (pool, shard, index);
}

/* A zspage with a free place, the fullest; 0: there is none. */
static uint32_t
fullest_zspage (const struct zs_shard *shard)
{
  for (unsigned n = RAW_PER_ZSPAGE; n-- > 0;)
    if (shard->raw[n])
      return shard->raw[n];
  return 0;
}

zs_ref
zs_do_raw_malloc (struct zs_pool *pool, struct zs_shard *shard, uint64_t owner)
{
  const uint32_t index = fullest_zspage (shard);

  if (!index)
    return 0;

  struct zspage *const zspage = &pool->zspages[index];
  const uint32_t place =
      (uint32_t) __builtin_ctz (~(uint32_t) zspage->raw_used);
  const zs_ref ref = zs_ref_make (index, place * RAW_GRANULES);

  list_remove (pool, shard, index);
  zspage->raw_used |= (uint16_t) (1U << place);
  list_insert (pool, shard, index);
  zs_tag_store (zs_raw_tag (pool, ref), zs_tag_live (owner, 0));
  zs_do_account (shard, true, RAW_GRANULES);
  return ref;
}

bool
zs_do_raw_free (struct zs_pool *pool, struct zs_shard *shard, zs_ref ref)
{
  const uint32_t index = zs_ref_zspage (ref);
  const uint32_t place = zs_ref_granule (ref) / RAW_GRANULES;
  struct zspage *const zspage = &pool->zspages[index];

  zs_do_account (shard, true, -(int32_t) RAW_GRANULES);
  if (!zspage->leaving)
    list_remove (pool, shard, index);
  zspage->raw_used &= (uint16_t) ~(1U << place);
  if (unlikely (zspage->leaving))
    return false;
  if (zspage->raw_used == 0) {
    zs_do_disown (pool, shard, index);
    return true;
  }
  list_insert (pool, shard, index);
  return false;
}

void
zs_do_raw_withdraw (struct zs_pool *pool, struct zs_shard *shard,
                    uint32_t index)
{
  list_remove (pool, shard, index);
  pool->zspages[index].leaving = true;
}

void
zs_do_raw_rejoin (struct zs_pool *pool, struct zs_shard *shard, uint32_t index)
{
  pool->zspages[index].leaving = false;
  list_insert (pool, shard, index);
}
