/* SPDX-License-Identifier: BSD-3-Clause */
/* The statistics, counted again: what is stored in every way and taken away in
 * every way is what the counters say, and a counter that is wrong is noticed.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "pageio.h"
#include "recount.h"
#include "unit.h"

#define MIB   (UINT64_C (1) << 20)
#define PAGES (8 * MIB / ZRAM_PAGE_SIZE)

static struct zram *
make_device (void)
{
  const struct zram_config config = {.disksize = PAGES * ZRAM_PAGE_SIZE};
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  return zram;
}

static void
write_page (struct zram *zram, uint64_t index, enum content content)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, content, index);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

static void
must_add_up (struct zram *zram)
{
  struct zram_stats counters, sums;

  zram_stats (zram, &counters);
  zram_recount (zram, &sums);
  ck_assert_uint_eq (sums.orig_data_size, counters.orig_data_size);
  ck_assert_uint_eq (sums.compr_data_size, counters.compr_data_size);
  ck_assert_uint_eq (sums.same_pages, counters.same_pages);
  ck_assert_uint_eq (sums.huge_pages, counters.huge_pages);
  for (unsigned i = 0; i < ZRAM_SIZE_BUCKETS; i++)
    ck_assert_uint_eq (sums.size_pages[i], counters.size_pages[i]);
}

START_TEST (of_an_empty_disk_it_is_nothing)
{
  struct zram *zram = make_device ();
  struct zram_stats sums;

  memset (&sums, 1, sizeof sums);
  zram_recount (zram, &sums);
  ck_assert_uint_eq (sums.orig_data_size, 0);
  ck_assert_uint_eq (sums.compr_data_size, 0);
  ck_assert_uint_eq (sums.mem_used_total, 0);
  must_add_up (zram);
  zram_destroy (zram);
}

/* As it was written: so many of each. */
START_TEST (each_page_counts_once)
{
  struct zram *zram = make_device ();
  struct zram_stats sums;

  for (uint64_t i = 0; i < 10; i++)
    write_page (zram, i, CONTENT_NOISE);
  for (uint64_t i = 20; i < 27; i++)
    write_page (zram, i, CONTENT_SAME);
  for (uint64_t i = PAGES - 5; i < PAGES; i++)
    write_page (zram, i, CONTENT_TEXT);
  zram_recount (zram, &sums);
  ck_assert_uint_eq (sums.orig_data_size, 22 * ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (sums.same_pages, 7);
  ck_assert_uint_eq (sums.huge_pages, 10);
  ck_assert_uint_gt (sums.compr_data_size, 10 * ZRAM_PAGE_SIZE);
  ck_assert_uint_lt (sums.compr_data_size, 15 * ZRAM_PAGE_SIZE);
  must_add_up (zram);
  zram_destroy (zram);
}

/* One kind over another, trims, and parts of pages. */
START_TEST (what_changes_is_counted_again)
{
  static const enum content contents[] = {CONTENT_NOISE, CONTENT_SAME,
                                          CONTENT_TEXT};
  struct zram *zram = make_device ();

  for (unsigned round = 0; round < 9; round++) {
    for (uint64_t i = 0; i < PAGES; i++)
      write_page (zram, i, contents[(i + round + i * round % 7) % 3]);
    must_add_up (zram);
    zram_discard (zram, MIB, round * MIB / 2);
    must_equal (zram_write (zram, "part", 4, round * MIB / 2 + 1000), 0);
    must_equal (zram_zero (zram, MIB / 3, 5 * MIB + round), 0);
    must_add_up (zram);
  }
  zram_destroy (zram);
}

static void
destroy_miscounted (const void *arg)
{
  const enum counter *const counter = arg;
  struct zram *zram = make_device ();

  write_page (zram, 1, CONTENT_NOISE);
  write_page (zram, 2, CONTENT_SAME);
  stats_add (&zram->stats, *counter, 1);
  abort_is_next ();
  zram_destroy (zram);
}

static const struct {
  enum counter counter;
  const char *says;
} wrong[] = {{COMPR_DATA_SIZE, "zram: compr_data_size is "},
             {SAME_PAGES, "zram: same_pages is 2, the slots make 1\n"},
             {HUGE_PAGES, "zram: huge_pages is 2, the slots make 1\n"},
             {SIZE_PAGES, "zram: c256 is 1, the slots make 0\n"},
             {SIZE_PAGES + 15, "zram: c4096 is 1, the slots make 0\n"}};

START_TEST (a_wrong_counter_aborts)
{
  char output[1024];

  must_abort (destroy_miscounted, &wrong[_i].counter, output, sizeof output);
  ck_assert_msg (strncmp (output, wrong[_i].says, strlen (wrong[_i].says)) == 0,
                 "it says: %s", output);
}

int
main (void)
{
  Suite *suite = suite_create ("recount");
  TCase *tc = suite_case (suite, "recount");

  tcase_add_test (tc, of_an_empty_disk_it_is_nothing);
  tcase_add_test (tc, each_page_counts_once);
  tcase_add_test (tc, what_changes_is_counted_again);
  if (ZRAM_DEBUG)
    tcase_add_loop_test (tc, a_wrong_counter_aborts, 0,
                         sizeof wrong / sizeof wrong[0]);
  else
    puts ("SKIP: a wrong counter is noticed with configure --enable-debug");
  return suite_run (suite);
}
