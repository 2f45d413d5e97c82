/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools to be compacted; compacting.h says which. */
#include <config.h>

#include "compacting.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

const struct kind kinds[NR_KINDS] = {{2040, 32}, {ZRAM_PAGE_SIZE, 16}};

void
slots_make_full (struct slots *slots, unsigned n, const struct kind *kind)
{
  slots_make (slots, n * kind->per_zspage, 64 * MIB);
  for (unsigned i = 0; i < slots->count; i++) {
    ck_assert_int_eq (slots_put (slots, i, kind->len), 0);
    must_equal (slots_zspage (slots->slot[i].handle),
                slots_zspage (slots->slot[i - i % kind->per_zspage].handle));
  }
  ck_assert_uint_eq (slots_stats (slots).used, n * ZSPAGE);
}

unsigned
slots_make_nearly_one (struct slots *slots, const struct kind *kind)
{
  const unsigned lone = kind->per_zspage + kind->per_zspage / 2;

  slots_make_full (slots, 2, kind);
  slots_drop (slots, 0);
  for (unsigned i = kind->per_zspage; i < slots->count; i++)
    if (i != lone)
      slots_drop (slots, i);
  return lone;
}

void
slots_make_quarter_full (struct slots *slots, const struct kind *kind)
{
  slots_make_full (slots, 10, kind);
  for (unsigned i = 0; i < slots->count; i++)
    if (i % 4)
      slots_drop (slots, i);
}

static uint64_t
draw_raw_len (uint64_t *random)
{
  return zs_huge_size () +
         random_below (random, ZRAM_PAGE_SIZE + 1 - zs_huge_size ());
}

static uint64_t
draw_any_len (uint64_t *random)
{
  return random_below (random, 8) == 0
             ? 1 + random_below (random, ZS_MAX_ALLOC_SIZE)
             : draw_lz4_len (random);
}

const struct sizes all_sizes[NR_SIZES] = {
    {draw_lz4_len, 50000, 50, 170},
    {draw_raw_len, 20000, 50, 110},
    {draw_any_len, 20000, 50, 300},
};

void
slots_make_random (struct slots *slots, const struct sizes *sizes,
                   uint64_t *random)
{
  slots_make (slots, (unsigned) scaled (sizes->count), 1024 * MIB);
  for (unsigned i = 0; i < slots->count; i++)
    must_equal (slots_put (slots, i, (uint32_t) sizes->draw_len (random)), 0);
}

void
slots_drop_random (struct slots *slots, unsigned percent, uint64_t *random)
{
  for (unsigned i = 0; i < slots->count; i++)
    if (random_below (random, 100) < percent)
      slots_drop (slots, i);
}

uint64_t
slots_compact (struct slots *slots)
{
  const struct zs_pool_stats before = slots_stats (slots);
  const uint64_t pages = (uint64_t) zs_compact (slots->pool, NULL);
  const struct zs_pool_stats after = slots_stats (slots);

  slots_check_all (slots);
  must_equal (after.pages_compacted - before.pages_compacted, pages);
  must_equal (before.used - after.used, pages * ZRAM_PAGE_SIZE);
  must_equal (after.live, before.live);
  return pages;
}
