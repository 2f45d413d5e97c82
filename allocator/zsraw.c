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
list_insert (struct zs_pool *pool, uint32_t index)
{
  struct zspage *const zspage = &pool->zspages[index];
  const unsigned n = nr_used (zspage);

  if (n == RAW_PER_ZSPAGE)
    return;
  zspage->prev = 0;
  zspage->next = pool->raw[n];
  if (zspage->next)
    pool->zspages[zspage->next].prev = index;
  pool->raw[n] = index;
}

static void
list_remove (struct zs_pool *pool, uint32_t index)
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
    pool->raw[n] = zspage->next;
}

/* A zspage with a free place, out of its list; 0 if there is none. */
static uint32_t
fullest_zspage (struct zs_pool *pool)
{
  for (unsigned n = RAW_PER_ZSPAGE - 1; n > 0; n--)
    if (pool->raw[n]) {
      const uint32_t index = pool->raw[n];

      list_remove (pool, index);
      return index;
    }
  if (pool->nr_empty == 0)
    return 0;

  const uint32_t index = zs_do_take_empty (pool);

  pool->zspages[index].kind = ZSPAGE_RAW;
  pool->zspages[index].raw_used = 0;
  return index;
}

zs_ref
zs_do_raw_malloc (struct zs_pool *pool, uint64_t owner)
{
  const uint32_t index = fullest_zspage (pool);

  if (!index)
    return 0;

  struct zspage *const zspage = &pool->zspages[index];
  const uint32_t place =
      (uint32_t) __builtin_ctz (~(uint32_t) zspage->raw_used);
  const zs_ref ref = zs_ref_make (index, place * RAW_GRANULES);

  zspage->raw_used |= (uint16_t) (1U << place);
  list_insert (pool, index);
  zs_tag_store (zs_raw_tag (pool, ref), zs_tag_live (owner, 0));
  return ref;
}

bool
zs_do_raw_free (struct zs_pool *pool, zs_ref ref)
{
  const uint32_t index = zs_ref_zspage (ref);
  const uint32_t place = zs_ref_granule (ref) / RAW_GRANULES;
  struct zspage *const zspage = &pool->zspages[index];

  zs_assert_may_free (
      zs_handle_make (ref, true), zs_tag_load (zs_raw_tag (pool, ref)),
      zspage->kind == ZSPAGE_RAW && (zspage->raw_used & (1U << place)));
  list_remove (pool, index);
  zspage->raw_used &= (uint16_t) ~(1U << place);
  if (zspage->raw_used == 0)
    return zs_do_empty (pool, index);
  list_insert (pool, index);
  return false;
}
