/* SPDX-License-Identifier: BSD-3-Clause */
/* What the slot table, the pool and the device cost and give back, as the
 * kernel counts it: not by their own counters.  (The mappings are no huge
 * pages, test-vmem.c, so that what is not resident is free.)
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "slot.h"
#include "slottable.h"
#include "unit.h"
#include "zeropage.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

#define KIB (UINT64_C (1) << 10)
#define MIB (UINT64_C (1) << 20)
#define TIB (UINT64_C (1) << 40)

static const char device;

/* How much more there is now than there was; 0 if less. */
static uint64_t
more_than (uint64_t before)
{
  const uint64_t now = rss_bytes ();

  return now > before ? now - before : 0;
}

static struct slot_table *
make_table (uint64_t nr_slots)
{
  struct slot_table *table;

  ck_assert_int_eq (slot_table_create (&table, nr_slots, &device), 0);
  return table;
}

static void
set_slot (struct slot_table *table, uint64_t index, uint32_t new_flags)
{
  uint32_t flags;
  struct slot *slot = slot_borrow_new (table, index, &flags);

  must (slot != NULL);
  slot->word = 0;
  slot_return (table, index, slot, new_flags);
}

/* A table for 1 TiB of pages, and for as many as there can be. */
START_TEST (an_unused_table_costs_nearly_nothing)
{
  const uint64_t n = UINT64_C (1) << (_i ? 32 : 28);
  const uint64_t before = rss_bytes ();
  struct slot_table *table = make_table (n);
  uint32_t flags;
  uint64_t i;

  for (i = 0; i < 1000; ++i)
    must (slot_borrow (table, n / 1000 * i, &flags) == NULL);
  printf ("slot table: %llu slots, unused: %llu KiB\n", (unsigned long long) n,
          (unsigned long long) (more_than (before) / KIB));
  ck_assert_uint_lt (more_than (before), MIB + zeropage_read_cost (1000));

  /* To ask whether it is empty takes its counts in, a page of which stands
   * for a gigabyte of disk; 64 MiB of zeros at 16 TiB. */
  ck_assert_uint_eq (slot_table_next (table, 0, n), n);
  slot_table_destroy (table);
}

START_TEST (a_used_table_costs_what_is_used)
{
  const uint64_t n = UINT64_C (1) << 28;
  struct slot_table *table = make_table (n);
  const uint64_t before = rss_bytes ();
  uint64_t i, used;

  for (i = 0; i < 1000; ++i)
    set_slot (table, n / 1000 * i, SLOT_SAME);
  used = more_than (before);
  printf ("slot table: 1000 slots far apart: %llu KiB\n",
          (unsigned long long) (used / KIB));
  ck_assert_uint_ge (used, 1000 * sizeof (struct slot));
  ck_assert_uint_lt (used, 16 * MIB);
  slot_table_destroy (table);
}

START_TEST (an_emptied_table_gives_its_memory_back)
{
  const uint64_t n = 4 * MIB;
  struct slot_table *table = make_table (n);
  const uint64_t before = rss_bytes ();
  uint64_t i, full;

  for (i = 0; i < n; ++i)
    set_slot (table, i, SLOT_SAME);
  full = more_than (before);
  ck_assert_uint_ge (full, n * sizeof (struct slot));
  for (i = 0; i < n; ++i)
    set_slot (table, i, 0);
  slot_table_shrink (table);
  printf ("slot table: %llu KiB full, %llu KiB emptied\n",
          (unsigned long long) (full / KIB),
          (unsigned long long) (more_than (before) / KIB));
  ck_assert_uint_lt (more_than (before), MIB);
  slot_table_destroy (table);
}

/* The half that is still used stays. */
START_TEST (a_half_emptied_table_gives_half_back)
{
  const uint64_t n = 4 * MIB;
  struct slot_table *table = make_table (n);
  const uint64_t before = rss_bytes ();
  uint64_t i, full;

  for (i = 0; i < n; ++i)
    set_slot (table, i, SLOT_SAME);
  full = more_than (before);
  for (i = 0; i < n / 2; ++i)
    set_slot (table, i, 0);
  slot_table_shrink (table);
  ck_assert_uint_lt (more_than (before), full / 2 + MIB);
  ck_assert_uint_ge (more_than (before), full / 2 - MIB);
  slot_table_destroy (table);
}

/* Slots that were only looked at, or that nothing was put into after all. */
START_TEST (slots_borrowed_in_vain_cost_nothing)
{
  const uint64_t n = 4 * MIB;
  struct slot_table *table = make_table (n);
  const uint64_t before = rss_bytes ();
  uint64_t i;

  for (i = 0; i < n; i += 50)
    set_slot (table, i, 0);
  slot_table_shrink (table);
  ck_assert_uint_lt (more_than (before), MIB);
  slot_table_destroy (table);
}

/* Several empty the table while one shrinks it, again and again. */
struct emptying {
  struct slot_table *table;
  uint64_t slots;
  _Atomic unsigned left;
};

#define NR_EMPTYING 4

static void
empty_or_shrink (void *arg, unsigned me)
{
  struct emptying *const emptying = arg;

  if (me == NR_EMPTYING)
    while (emptying->left > 0)
      slot_table_shrink (emptying->table);
  else {
    for (uint64_t i = me; i < emptying->slots; i += NR_EMPTYING)
      set_slot (emptying->table, i, 0);
    emptying->left--;
  }
}

/* No leaf is forgotten that was emptied while they were looked at. */
START_TEST (what_is_emptied_beside_a_shrink_goes_too)
{
  struct emptying emptying = {make_table (4 * MIB), 4 * MIB, NR_EMPTYING};
  const uint64_t before = rss_bytes ();

  for (uint64_t i = 0; i < emptying.slots; i++)
    set_slot (emptying.table, i, SLOT_SAME);
  threads_run (NR_EMPTYING + 1, empty_or_shrink, &emptying);
  slot_table_shrink (emptying.table);
  ck_assert_uint_lt (more_than (before), MIB);
  slot_table_destroy (emptying.table);
}

START_TEST (an_emptied_pool_gives_its_memory_back)
{
  const size_t len = _i ? ZRAM_PAGE_SIZE : 1350;
  const unsigned n = 40000;
  uint64_t *handles = calloc (n, sizeof *handles), before, full;
  char bytes[ZRAM_PAGE_SIZE];
  struct zs_pool *pool;
  unsigned i;

  ck_assert_int_eq (zs_pool_create (&pool, 1024 * MIB, &device), 0);
  content_fill (bytes, sizeof bytes, CONTENT_NOISE, 1);
  content_fill (handles, n * sizeof *handles, CONTENT_NOISE, 1);
  before = rss_bytes ();
  for (i = 0; i < n; ++i) {
    must_equal (zs_malloc (pool, len, i, &handles[i]), 0);
    zs_obj_write (pool, handles[i], bytes, len);
  }
  full = more_than (before);
  ck_assert_uint_ge (full, n * len);
  ck_assert_uint_lt (full, n * len + n * len / 20);
  for (i = 0; i < n; ++i)
    zs_free (pool, handles[i]);
  zs_pool_shrink (pool);
  printf ("pool: %llu KiB full, %llu KiB emptied\n",
          (unsigned long long) (full / KIB),
          (unsigned long long) (more_than (before) / KIB));
  ck_assert_uint_lt (more_than (before), 2 * MIB);
  zs_pool_destroy (pool);
  free (handles);
}

static struct zram *
make_device (uint64_t disksize)
{
  const struct zram_config config = {.disksize = disksize};
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (zram_start (zram), 0);
  return zram;
}

START_TEST (a_terabyte_costs_nothing_until_used)
{
  const uint64_t before = rss_bytes ();
  struct zram *zram = make_device (TIB);
  char page[ZRAM_PAGE_SIZE];
  uint64_t i, unused, used, most;

  unused = more_than (before);
  for (i = 0; i < 1000; ++i) {
    must_equal (zram_read (zram, page, sizeof page, TIB / 1000 * i), 0);
    must (all_zero (page, sizeof page));
  }
  ck_assert_uint_lt (more_than (before), 4 * MIB + zeropage_read_cost (1000));
  for (i = 0; i < 1000; ++i) {
    content_fill (page, sizeof page, CONTENT_TEXT, i);
    must_equal (zram_write (zram, page, sizeof page, TIB / 1000 * i), 0);
  }
  used = more_than (before);
  printf ("device: 1 TiB: %llu KiB unused, %llu KiB with 1000 pages written\n",
          (unsigned long long) (unused / KIB),
          (unsigned long long) (used / KIB));
  ck_assert_uint_lt (used, 16 * MIB);
  zram_discard (zram, TIB, 0);
  most = before + 8 * MIB + zeropage_read_cost (TIB / (1024 * MIB));
  ck_assert_uint_lt (rss_bytes_later (most), most);
  zram_destroy (zram);
  ck_assert_uint_lt (more_than (before), 2 * MIB);
}

/* Fill a device with pages of KIND, and say how much that takes. */
static uint64_t
fill_device (struct zram *zram, enum content kind, uint64_t before)
{
  char page[ZRAM_PAGE_SIZE];
  uint64_t offset;

  for (offset = 0; offset < zram_disksize (zram); offset += sizeof page) {
    content_fill (page, sizeof page, kind, offset);
    must_equal (zram_write (zram, page, sizeof page, offset), 0);
  }
  return more_than (before);
}

START_TEST (a_discarded_device_gives_its_memory_back)
{
  const enum content kind = (enum content) _i;
  struct zram *zram = make_device (128 * MIB);
  const uint64_t before = rss_bytes ();
  const uint64_t full = fill_device (zram, kind, before);
  struct zram_stats stats;

  zram_stats (zram, &stats);
  ck_assert_uint_le (stats.mem_used_total, full);
  if (kind == CONTENT_NOISE)
    ck_assert_uint_ge (full, 128 * MIB);
  zram_discard (zram, 128 * MIB, 0);
  ck_assert_uint_lt (rss_bytes_later (before + 2 * MIB), before + 2 * MIB);
  printf ("device: 128 MiB of %s: %llu KiB full, %llu KiB discarded\n",
          content_names[kind], (unsigned long long) (full / KIB),
          (unsigned long long) (more_than (before) / KIB));
  zram_stats (zram, &stats);
  ck_assert_uint_eq (stats.orig_data_size, 0);
  ck_assert_uint_le (stats.mem_used_total, MIB);
  zram_destroy (zram);
}

/* To write zeros over it, or pages of one word, frees no less. */
START_TEST (an_overwritten_device_gives_its_memory_back)
{
  struct zram *zram = make_device (64 * MIB);
  const uint64_t before = rss_bytes ();
  const uint64_t full = fill_device (zram, CONTENT_NOISE, before);

  ck_assert_uint_ge (full, 64 * MIB);
  if (_i)
    must_equal (zram_zero (zram, 64 * MIB, 0), 0);
  else
    fill_device (zram, CONTENT_SAME, before);
  ck_assert_uint_lt (rss_bytes_later (before + 2 * MIB), before + 2 * MIB);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("the memory of who watches cannot be told from the program's");
  suite = suite_create ("memory");

  tc = suite_case (suite, "slot table");
  tcase_add_loop_test (tc, an_unused_table_costs_nearly_nothing, 0, 2);
  tcase_add_test (tc, a_used_table_costs_what_is_used);
  tcase_add_test (tc, an_emptied_table_gives_its_memory_back);
  tcase_add_test (tc, a_half_emptied_table_gives_half_back);
  tcase_add_test (tc, slots_borrowed_in_vain_cost_nothing);
  tcase_add_test (tc, what_is_emptied_beside_a_shrink_goes_too);

  tc = suite_case (suite, "pool");
  tcase_add_loop_test (tc, an_emptied_pool_gives_its_memory_back, 0, 2);

  tc = suite_case (suite, "device");
  tcase_add_test (tc, a_terabyte_costs_nothing_until_used);
  tcase_add_loop_test (tc, a_discarded_device_gives_its_memory_back, 0,
                       CONTENT_KINDS);
  tcase_add_loop_test (tc, an_overwritten_device_gives_its_memory_back, 0, 2);
  return suite_run (suite);
}
