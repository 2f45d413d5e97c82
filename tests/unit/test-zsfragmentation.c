/* SPDX-License-Identifier: BSD-3-Clause */
/* The fragmentation statistics: exact for pools that are laid out by hand, and
 * in agreement with the pool's other counts for any.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

/* An object whose block is so many granules of 8 bytes long. */
#define LEN_OF(granules) ((uint32_t) ((granules) -1) * 8)

static struct zs_fragmentation
fragmentation_of (struct zs_pool *pool)
{
  struct zs_fragmentation f;

  memset (&f, 0xff, sizeof f);
  zs_pool_fragmentation (pool, &f);
  return f;
}

static uint64_t
sum (const uint64_t *counts, unsigned n)
{
  uint64_t all = 0;

  while (n-- > 0)
    all += counts[n];
  return all;
}

/* The first part of so many granules that one object can be: not of more than
 * the longest, and not of what would be a raw page. */
static int
part_of (int granules)
{
  if (granules > 4097)
    return 4000;
  return granules == 512 || granules == 513 ? 256 : granules;
}

/* In one zspage: objects that take so many granules, side by side from its
 * start; a negative number is a hole (they were freed again); 0 ends them.  The
 * rest of the zspage is one hole more, or a part of the last. */
static void
lay_out (struct slots *slots, const int *layout)
{
  unsigned n = 0, i = 0;
  int parts[100], left;

  slots_make (slots, 100, MIB);
  for (; *layout != 0; layout++)
    for (left = abs (*layout); left > 0; left -= abs (parts[n++])) {
      parts[n] = *layout < 0 ? -part_of (left) : part_of (left);
      ck_assert_int_eq (slots_put (slots, n, LEN_OF (part_of (left))), 0);
    }
  for (; i < n; i++)
    if (parts[i] < 0)
      slots_drop (slots, i);
  slots_check_all (slots);
  ck_assert_uint_eq (slots_stats (slots).used, ZSPAGE);
}

START_TEST (an_empty_pool_has_none)
{
  struct zs_fragmentation none = {0}, f;
  struct slots slots;

  slots_make (&slots, 1, MIB);
  f = fragmentation_of (slots.pool);
  ck_assert (memcmp (&f, &none, sizeof f) == 0);
  ck_assert_int_eq (slots_put (&slots, 0, 100), 0);
  slots_drop (&slots, 0);
  f = fragmentation_of (slots.pool);
  ck_assert (memcmp (&f, &none, sizeof f) == 0);
  slots_destroy (&slots);
}

/* Every bucket's first length and its last, one at a time. */
START_TEST (a_free_block_is_in_the_bucket_of_its_size)
{
  const unsigned bucket = 2 + (unsigned) _i / 2;
  const int len = _i % 2 ? (2 << bucket) - 1 : 1 << bucket;
  const int layout[] = {8, -len, 8192 - 8 - len, 0};
  struct zs_fragmentation want = {0}, f;
  struct slots slots;

  lay_out (&slots, layout);
  f = fragmentation_of (slots.pool);
  want.free_blocks[bucket] = 1;
  want.free_bytes[bucket] = (uint64_t) len * 8;
  ck_assert (memcmp (f.free_blocks, want.free_blocks, sizeof f.free_blocks) ==
             0);
  ck_assert (memcmp (f.free_bytes, want.free_bytes, sizeof f.free_bytes) == 0);
  slots_destroy (&slots);
}

/* What is too short for a bin is counted as well. */
START_TEST (splinters_are_counted)
{
  const int layout[] = {8, -20, 4076, 4088, 0};
  struct zs_fragmentation f;
  struct slots slots;

  lay_out (&slots, layout);
  /* The best fit for this is the hole of 20: so many granules are left. */
  ck_assert_int_eq (slots_put (&slots, 50, LEN_OF (20 - (_i + 1))), 0);
  f = fragmentation_of (slots.pool);
  ck_assert_uint_eq (f.free_blocks[_i > 0], 1);
  ck_assert_uint_eq (f.free_bytes[_i > 0], 8 * (uint64_t) (_i + 1));
  ck_assert_uint_eq (sum (f.free_blocks, ZS_SIZE_BUCKETS), 1);
  slots_destroy (&slots);
}

START_TEST (one_hole_of_each_size)
{
  const int layout[] = {4, -4,    4, -9,    4, -31,  4,    -64,
                        4, -1000, 4, -2047, 4, 4000, 1009, 0};
  static const uint64_t lengths[] = {4, 9, 31, 64, 1000, 2047};
  static const unsigned buckets[] = {2, 3, 4, 6, 9, 10};
  struct zs_fragmentation f;
  struct slots slots;

  lay_out (&slots, layout);
  f = fragmentation_of (slots.pool);
  for (int i = 0; i < 6; i++) {
    ck_assert_uint_eq (f.free_blocks[buckets[i]], 1);
    ck_assert_uint_eq (f.free_bytes[buckets[i]], 8 * lengths[i]);
  }
  ck_assert_uint_eq (sum (f.free_blocks, ZS_SIZE_BUCKETS), 6);
  ck_assert_uint_eq (sum (f.zspages, ZS_FULLNESS_BUCKETS), 1);
  ck_assert_uint_eq (f.zspages[(8192 - 3155) * 10 / 8192], 1);
  slots_destroy (&slots);
}

/* Free raw pages are free blocks of a page each. */
START_TEST (free_raw_pages_are_counted)
{
  struct zs_fragmentation f;
  struct slots slots;

  slots_make (&slots, 16, MIB);
  for (unsigned i = 0; i < 16; i++)
    ck_assert_int_eq (slots_put (&slots, i, ZRAM_PAGE_SIZE), 0);
  f = fragmentation_of (slots.pool);
  ck_assert_uint_eq (f.zspages[10], 1);
  ck_assert_uint_eq (sum (f.free_blocks, ZS_SIZE_BUCKETS), 0);
  for (unsigned free_pages = 1; free_pages < 16; free_pages++) {
    slots_drop (&slots, (free_pages * 5) % 16);
    f = fragmentation_of (slots.pool);
    ck_assert_uint_eq (f.free_blocks[9], free_pages);
    ck_assert_uint_eq (f.free_bytes[9], free_pages * ZRAM_PAGE_SIZE);
    ck_assert_uint_eq (sum (f.free_blocks, ZS_SIZE_BUCKETS), free_pages);
    ck_assert_uint_eq (f.zspages[(16 - free_pages) * 10 / 16], 1);
    ck_assert_uint_eq (sum (f.zspages, ZS_FULLNESS_BUCKETS), 1);
  }
  slots_destroy (&slots);
}

/* Live granules of one zspage, and which tenth that is. */
static const struct {
  int live;
  unsigned tenth;
} fullnesses[] = {{4, 0},    {819, 0},  {820, 1},  {1638, 1},
                  {1639, 2}, {4095, 4}, {4096, 5}, {7372, 8},
                  {7373, 9}, {8191, 9}, {8192, 10}};

START_TEST (a_zspage_is_in_the_bucket_of_its_fullness)
{
  const int layout[] = {fullnesses[_i].live, 0};
  struct zs_fragmentation f;
  struct slots slots;

  lay_out (&slots, layout);
  f = fragmentation_of (slots.pool);
  ck_assert_uint_eq (f.zspages[fullnesses[_i].tenth], 1);
  ck_assert_uint_eq (sum (f.zspages, ZS_FULLNESS_BUCKETS), 1);
  slots_destroy (&slots);
}

/* A page is 512 granules.  A hole's tag and links take three granules in front,
 * its footer one at its end: which whole pages are left between. */
static const struct {
  int start, len;
  uint64_t pages;
} inner[] = {
    {4, 4, 0},      {509, 516, 1},  {510, 515, 0},  {509, 515, 0},
    {509, 1027, 1}, {509, 1028, 2}, {512, 512, 0},  {512, 1024, 0},
    {512, 1025, 1}, {8, 4096, 7},   {512, 4096, 6}, {100, 1000, 1},
    {500, 2100, 4},
};

#define NR_INNER ((int) (sizeof inner / sizeof inner[0]))

START_TEST (inner_pages_are_those_without_tag_links_and_footer)
{
  const int rest = 8192 - inner[_i].start - inner[_i].len;
  const int layout[] = {inner[_i].start, -inner[_i].len, rest, 0};
  struct zs_fragmentation f;
  struct slots slots;

  lay_out (&slots, layout);
  f = fragmentation_of (slots.pool);
  ck_assert_uint_eq (sum (f.free_blocks, ZS_SIZE_BUCKETS), 1);
  ck_assert_uint_eq (f.inner_pages, inner[_i].pages);
  slots_destroy (&slots);
}

/* A hole that reaches to the end of the zspage: its footer is there. */
START_TEST (the_last_page_of_a_zspage_has_the_footer)
{
  const int layout[] = {509, 0};
  struct zs_fragmentation f;
  struct slots slots;

  lay_out (&slots, layout);
  f = fragmentation_of (slots.pool);
  ck_assert_uint_eq (f.free_blocks[12], 1);
  ck_assert_uint_eq (f.inner_pages, 14);
  slots_destroy (&slots);
}

static void
must_agree (struct slots *slots)
{
  const struct zs_fragmentation f = fragmentation_of (slots->pool);
  const struct zs_pool_stats stats = slots_stats (slots);
  const struct zs_census census = slots_check (slots);

  must_equal (sum (f.free_bytes, ZS_SIZE_BUCKETS), stats.used - stats.live);
  must_equal (sum (f.free_bytes, ZS_SIZE_BUCKETS), census.free_bytes);
  must_equal (sum (f.zspages, ZS_FULLNESS_BUCKETS), stats.used / ZSPAGE);
  must_equal (sum (f.zspages, ZS_FULLNESS_BUCKETS), census.zspages);
  must (f.inner_pages * ZRAM_PAGE_SIZE <= stats.used - stats.live);
  for (unsigned i = 0; i < ZS_SIZE_BUCKETS; i++) {
    must (f.free_bytes[i] >= f.free_blocks[i] << i << 3);
    must (f.free_bytes[i] <= f.free_blocks[i] << (i + 1) << 3);
  }
}

START_TEST (they_agree_with_all_other_counts)
{
  uint64_t random = (uint64_t) _i;
  struct slots slots;

  slots_make (&slots, 3000, 64 * MIB);
  for (uint64_t i = 0; i < scaled (30000); i++) {
    const unsigned slot = (unsigned) random_below (&random, 3000);

    if (random_below (&random, 2))
      slots_drop (&slots, slot);
    else
      must_equal (slots_put (&slots, slot, (uint32_t) draw_lz4_len (&random)),
                  0);
    if (i % 500 == 0)
      must_agree (&slots);
  }
  zs_compact (slots.pool, NULL);
  must_agree (&slots);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zsfragmentation");
  TCase *tc = suite_case (suite, "fragmentation");

  tcase_add_test (tc, an_empty_pool_has_none);
  /* From the shortest that is given out, to nearly a zspage. */
  tcase_add_loop_test (tc, a_free_block_is_in_the_bucket_of_its_size, 0, 21);
  tcase_add_loop_test (tc, splinters_are_counted, 0, 3);
  tcase_add_test (tc, one_hole_of_each_size);
  tcase_add_test (tc, free_raw_pages_are_counted);
  tcase_add_loop_test (tc, a_zspage_is_in_the_bucket_of_its_fullness, 0, 11);
  tcase_add_loop_test (tc, inner_pages_are_those_without_tag_links_and_footer,
                       0, NR_INNER);
  tcase_add_test (tc, the_last_page_of_a_zspage_has_the_footer);
  tcase_add_loop_test (tc, they_agree_with_all_other_counts, 0, 3);
  return suite_run (suite);
}
