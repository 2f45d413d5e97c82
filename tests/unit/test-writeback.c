/* SPDX-License-Identifier: BSD-3-Clause */
/* Writeback: what leaves comes back and is still known, only what was asked for
 * leaves, no more is written than may be, and nothing is lost, or counted
 * twice.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "backed.h"
#include "run.h"
#include "slottable.h"

START_TEST (pages_leave_and_come_back)
{
  struct zram_stats before, after;

  fill (1);
  before = stats ();
  ck_assert_int_eq (writeback_all (), 0);
  after = stats ();
  ck_assert_uint_eq (after.compr_data_size, 0);
  ck_assert_uint_eq (after.huge_pages, 0);
  ck_assert_uint_eq (after.bd_count, NR_PAGES - before.same_pages);
  ck_assert_uint_eq (after.bd_count, written.pages);
  ck_assert_uint_eq (after.orig_data_size, before.orig_data_size);
  ck_assert_uint_eq (after.bd_writes, written.bytes);
  must_be_at_rest ();
  must_read_all (1);
  must_read_at_once (1);
  after = stats ();
  ck_assert_uint_eq (after.bd_reads, 2 * after.bd_count);
  ck_assert_uint_eq (after.compr_data_size, 0);

  /* What is there already does not leave again. */
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_eq (written.tried, 0);
  ck_assert_uint_eq (written.bytes, 0);
}

START_TEST (little_is_written_beside_the_objects)
{
  uint64_t objects;

  for (uint64_t i = 0; i < NR_PAGES; i++) {
    char page[ZRAM_PAGE_SIZE];

    content_fill (page, sizeof page, CONTENT_TEXT, i);
    must_equal (zram_write (zram, page, sizeof page, i * sizeof page), 0);
  }
  objects = stats ().compr_data_size;
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_eq (written.pages, NR_PAGES);
  ck_assert_uint_le (written.bytes * 100, objects * 110);
}

/* What one writes is alive, and what was written over is not. */
START_TEST (what_is_written_over_is_freed)
{
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  fill (2);
  ck_assert_uint_eq (stats ().bd_count, 0);
  must_be_at_rest ();
  ck_assert_uint_eq (stats ().bd_live, 0);
  must_read_all (2);
  ck_assert_int_eq (writeback_all (), 0);
  must_read_all (2);
  zram_discard (zram, DISKSIZE, 0);
  ck_assert_uint_eq (stats ().bd_live, 0);
  ck_assert_uint_eq (stats ().orig_data_size, 0);
}

START_TEST (parts_of_pages_can_be_changed)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE], part[100];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memset (part, 0x5a, sizeof part);
  for (uint64_t i = 0; i < NR_PAGES; i += 2) {
    must_equal (zram_write (zram, part, sizeof part, i * ZRAM_PAGE_SIZE + 1000),
                0);
    must_equal (zram_zero (zram, 50, i * ZRAM_PAGE_SIZE + 2000), 0);
  }
  for (uint64_t i = 0; i < NR_PAGES; i++) {
    fill_page (page, i, 1);
    if (i % 2 == 0) {
      memset (page + 1000, 0x5a, sizeof part);
      memset (page + 2000, 0, 50);
    }
    must_equal (zram_read (zram, read, 3000, i * sizeof page + 7), 0);
    must (memcmp (page + 7, read, 3000) == 0);
  }
  must_be_at_rest ();
}

START_TEST (only_the_class_asked_for_leaves)
{
  struct zram_writeback what = {.huge = true, .end = NR_PAGES};
  const uint64_t huge = (fill (1), stats ().huge_pages);

  ck_assert_int_eq (zram_writeback (zram, &what, NULL, &written), 0);
  ck_assert_uint_eq (written.pages, huge);
  ck_assert_uint_gt (huge, 0);

  what = (struct zram_writeback){.idle = true, .end = NR_PAGES};
  ck_assert_int_eq (zram_writeback (zram, &what, NULL, &written), 0);
  ck_assert_uint_eq (written.pages, 0);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  must_read (2, 1);
  ck_assert_int_eq (zram_writeback (zram, &what, NULL, &written), 0);
  ck_assert (!(flags_of (2) & SLOT_WB));
  ck_assert (flags_of (7) & SLOT_WB);
  ck_assert (!(flags_of (7) & SLOT_IDLE));

  ck_assert_int_eq (writeback_range (2, 3, NULL), 0);
  ck_assert_uint_eq (written.pages, 1);
  ck_assert_int_eq (writeback_range (2, NR_PAGES + 1, NULL), -ERANGE);
  ck_assert_int_eq (writeback_range (2, 2, NULL), -ERANGE);
}

/* Size, algorithm and time of last use stay; as does what is raw. */
START_TEST (what_is_known_of_a_page_stays)
{
  uint32_t before[NR_PAGES];

  fill (1);
  ck_assert_int_eq (
      zram_recompress (
          zram,
          &(struct zram_recompress){.max_pages = NR_PAGES / 4, .priority = 1},
          NULL, &(struct zram_recompressed){0}),
      0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    before[i] = flags_of (i);
  ck_assert_int_eq (writeback_all (), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_equal (flags_of (i),
                before[i] & SLOT_SAME ? before[i] : before[i] | SLOT_WB);
  must_read_all (1);
}

/* Pages are written over at random and written back, in a store that is small:
 * it has to be cleaned all the time. */
static void
overwrite_and_write_back (unsigned rounds)
{
  uint64_t seeds[NR_PAGES], random = 1;

  fill (0);
  memset (seeds, 0, sizeof seeds);
  ck_assert_int_eq (writeback_all (), 0);
  for (unsigned round = 1; round <= rounds; round++) {
    for (unsigned n = 0; n < NR_PAGES / 10; n++) {
      const uint64_t i = random_below (&random, NR_PAGES);

      write_page (i, round);
      seeds[i] = round;
    }
    ck_assert_int_eq (writeback_all (), 0);
  }
  must_be_at_rest ();
  ck_assert_uint_eq (stats ().compr_data_size, 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, seeds[i]);
}

START_TEST (segments_are_cleaned)
{
  struct zram_stats s;

  destroy_device ();
  make_device_of ((struct zram_config){0}, 56, 4096);
  overwrite_and_write_back ((unsigned) scaled (200));
  s = stats ();
  ck_assert_uint_gt (s.bd_writes, 56 * (uint64_t) SEGMENT_MIN);
  ck_assert_uint_eq (s.bd_checksum_errors, 0);
}

/* Units of bytes here; a write that is unwanted, or fails, gives back. */
START_TEST (no_more_is_written_than_may_be)
{
  uint64_t left;
  bool enabled;

  fill (1);
  zram_set_writeback_limit (zram, true, 0);
  ck_assert_int_eq (writeback_all (), -EIO);
  ck_assert_uint_eq (written.pages, 0);
  zram_set_writeback_limit (zram, true, 64 << 10);
  ck_assert_int_eq (writeback_all (), -EIO);
  left = zram_writeback_limit (zram, &enabled);
  ck_assert_uint_gt (written.pages, 0);
  ck_assert_uint_le (written.bytes, 64 << 10);
  ck_assert_uint_eq (written.bytes + left, 64 << 10);
  ck_assert_uint_eq (stats ().bd_writes, written.bytes);
  must_be_at_rest ();

  zram_set_writeback_limit (zram, true, UINT64_C (1) << 40);
  memory_store_fail_write (store, 0, -EIO);
  ck_assert_int_eq (writeback_range (2, 3, NULL), -EIO);
  ck_assert_uint_eq (zram_writeback_limit (zram, &enabled), UINT64_C (1) << 40);
  zram_set_writeback_limit (zram, false, 0);
  ck_assert_int_eq (writeback_all (), 0);
  must_read_all (1);
}

static _Atomic bool stop;

static void
stop_when_far (void *arg, uint64_t so_far, uint64_t total)
{
  (void) arg;
  (void) total;
  if (so_far > 100)
    stop = true;
}

START_TEST (a_run_can_be_stopped)
{
  const struct run run = {.stop = &stop, .progress = stop_when_far};

  fill (1);
  stop = false;
  ck_assert_int_eq (writeback_range (0, NR_PAGES, &run), -EINTR);
  ck_assert_uint_gt (written.pages, 0);
  ck_assert_uint_lt (written.pages, stats ().orig_data_size / ZRAM_PAGE_SIZE);
  must_be_at_rest ();
  must_read_all (1);
}

START_TEST (pages_can_leave_uncompressed)
{
  destroy_device ();
  make_device_of ((struct zram_config){.writeback_decompress = true}, 96, 512);
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  ck_assert_uint_ge (written.bytes, written.pages * ZRAM_PAGE_SIZE);
  must_read_all (1);
  must_be_at_rest ();
}

/* Everything at once, each thread with pages of its own. */
#define NR_PLAYERS 4U

struct play {
  uint64_t seeds[NR_PAGES];
  _Atomic unsigned playing;
};

static void
play (void *arg, unsigned me)
{
  struct play *const play = arg;
  uint64_t random = me + 1;

  if (me >= NR_PLAYERS) {
    while (play->playing > 0) {
      if (me == NR_PLAYERS)
        zram_writeback (zram, &(struct zram_writeback){.end = NR_PAGES}, NULL,
                        &(struct zram_written){0});
      else
        zram_recompress (
            zram, &(struct zram_recompress){.max_pages = 100, .priority = 1},
            NULL, &(struct zram_recompressed){0});
      zram_compact (zram, NULL);
    }
    return;
  }
  for (uint64_t n = 0; n < scaled (20000); n++) {
    const uint64_t i =
        random_below (&random, NR_PAGES / NR_PLAYERS) * NR_PLAYERS + me;
    char part[7];

    switch (random_below (&random, 6)) {
    case 0:
      write_page (i, ++play->seeds[i]);
      break;
    case 1:
      must_equal (zram_read (zram, part, sizeof part, i * ZRAM_PAGE_SIZE), 0);
      must_equal (zram_write (zram, part, sizeof part, i * ZRAM_PAGE_SIZE), 0);
      break;
    default:
      must_read (i, play->seeds[i]);
    }
  }
  play->playing--;
}

START_TEST (everything_at_once)
{
  static struct play everything;

  destroy_device ();
  make_device_with_workers ();
  fill (0);
  everything = (struct play){.playing = NR_PLAYERS};
  threads_run (NR_PLAYERS + 2, play, &everything);
  must_be_at_rest ();
  for (uint64_t i = 0; i < NR_PAGES; i++)
    must_read (i, everything.seeds[i]);
}

/* As where swap is served: what it needs is filled when it starts. */
static void
make_device_without_faults (void)
{
  make_device_of (
      (struct zram_config){.no_faults = true, .reserve = 4 * DISKSIZE},
      STORE_SEGMENTS, 4096);
}

static void
add_tests (TCase *tc)
{
  tcase_add_test (tc, pages_leave_and_come_back);
  tcase_add_test (tc, little_is_written_beside_the_objects);
  tcase_add_test (tc, what_is_written_over_is_freed);
  tcase_add_test (tc, parts_of_pages_can_be_changed);
  tcase_add_test (tc, only_the_class_asked_for_leaves);
  tcase_add_test (tc, what_is_known_of_a_page_stays);
}

int
main (void)
{
  Suite *const suite = suite_create ("writeback");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, make_device, destroy_device);
  add_tests (tc);
  tcase_add_test (tc, segments_are_cleaned);
  tcase_add_test (tc, no_more_is_written_than_may_be);
  tcase_add_test (tc, a_run_can_be_stopped);
  tcase_add_test (tc, pages_can_leave_uncompressed);
  tcase_add_test (tc, everything_at_once);

  tc = suite_case (suite, "with workers");
  tcase_add_checked_fixture (tc, make_device_with_workers, destroy_device);
  add_tests (tc);

  tc = suite_case (suite, "without faults");
  tcase_add_checked_fixture (tc, make_device_without_faults, destroy_device);
  add_tests (tc);
  return suite_run (suite);
}
