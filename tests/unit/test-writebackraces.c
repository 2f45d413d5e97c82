/* SPDX-License-Identifier: BSD-3-Clause */
/* Writeback's races, each made to happen: whatever happens to a page while it
 * is on its way out or in, it is in the end what it was last made.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "backed.h"
#include "packed.h"
#include "slot.h"

/* What happens to pages 0 to NR_EVENT_PAGES - 1 while they are on their way,
 * and what they hold then. */
#define NR_EVENT_PAGES (SEGMENT_MIN / PACKED_MAX * CONTENT_KINDS)

static void
write_them (void)
{
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++)
    write_page (i, 2);
}

static void
discard_them (void)
{
  zram_discard (zram, (uint64_t) NR_EVENT_PAGES * ZRAM_PAGE_SIZE, 0);
}

static void
write_parts (void)
{
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++) {
    char page[ZRAM_PAGE_SIZE];

    fill_page (page, i, 2);
    must_equal (zram_write (zram, page, sizeof page / 2, i * ZRAM_PAGE_SIZE),
                0);
    must_equal (zram_write (zram, page + sizeof page / 2, sizeof page / 2,
                            i * ZRAM_PAGE_SIZE + sizeof page / 2),
                0);
  }
}

static void
read_them (void)
{
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++)
    must_read (i, 1);
}

static void
discard_and_write (void)
{
  discard_them ();
  write_them ();
}

static const struct {
  void (*what) (void);
  int holds; /* a seed; -1: zeros */
} events[] = {
    {write_them, 2}, {discard_them, -1},     {write_parts, 2},
    {read_them, 1},  {discard_and_write, 2},
};

#define NR_EVENTS ((int) (sizeof events / sizeof *events))

static void
must_hold (int holds)
{
  char page[ZRAM_PAGE_SIZE];

  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (i >= NR_EVENT_PAGES || holds > 0)
      must_read (i, i >= NR_EVENT_PAGES ? 1 : (uint64_t) holds);
    else {
      must_equal (zram_read (zram, page, sizeof page, i * sizeof page), 0);
      must (all_zero (page, sizeof page));
    }
}

/* Thread 0 writes back what is huge, all in one write; thread 1 lets the event
 * happen when that is on its way. */
static void
write_back_meanwhile (void *arg, unsigned me)
{
  const struct zram_writeback what = {.huge = true, .end = NR_EVENT_PAGES};
  const int event = *(int *) arg;

  if (me == 0) {
    must_equal (zram_writeback (zram, &what, NULL, &written), 0);
    must_equal (written.tried, NR_EVENT_PAGES / CONTENT_KINDS);
    must_equal (written.pages, 0);
    return;
  }
  wait_held (1);
  events[event].what ();
  memory_store_let_go (store);
}

START_TEST (a_page_that_is_used_on_its_way_out_stays)
{
  int event = _i;

  fill (1);
  memory_store_hold (store, false, true);
  threads_run (2, write_back_meanwhile, &event);
  must_be_at_rest ();
  must_hold (events[event].holds);
  ck_assert_uint_eq (stats ().bd_reads, 0);
}

/* Thread 0 reads what is in the store, in one request or page by page; what it
 * gets is of before the event or of after it. */
struct reading {
  int event;
  bool at_once;
  char got[NR_EVENT_PAGES * ZRAM_PAGE_SIZE];
};

static void
read_meanwhile (void *arg, unsigned me)
{
  struct reading *const reading = arg;

  if (me == 0) {
    must_equal (zram_read (zram, reading->got, sizeof reading->got, 0), 0);
    return;
  }
  wait_held (1);
  if (events[reading->event].what != write_parts)
    events[reading->event].what ();
  else {
    memory_store_let_go (store);
    write_parts ();
  }
  memory_store_let_go (store);
}

START_TEST (a_page_that_changes_on_its_way_in_is_old_or_new)
{
  static struct reading reading;
  const int holds = events[_i].holds;
  char old[ZRAM_PAGE_SIZE], new[ZRAM_PAGE_SIZE], half[ZRAM_PAGE_SIZE];

  if (events[_i].what == read_them)
    return;
  reading.event = _i;
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, read_meanwhile, &reading);
  for (uint64_t i = 0; i < NR_EVENT_PAGES; i++) {
    const char *const got = reading.got + i * ZRAM_PAGE_SIZE;

    fill_page (old, i, 1);
    fill_page (new, i, 2);
    if (holds < 0)
      memset (new, 0, sizeof new);
    memcpy (half, new, sizeof half / 2);
    memcpy (half + sizeof half / 2, old + sizeof half / 2, sizeof half / 2);
    must (memcmp (got, new, sizeof new) == 0 ||
          memcmp (got, old, sizeof old) == 0 ||
          (events[_i].what == write_parts &&
           memcmp (got, half, sizeof half) == 0) ||
          events[_i].what == discard_and_write);
  }
  must_be_at_rest ();
  must_hold (holds);
}

/* A page is read while it is freed, and its place would be used for another:
 * the place is pinned. */
static void
read_while_its_place_is_wanted (void *arg, unsigned me)
{
  char page[ZRAM_PAGE_SIZE];

  (void) arg;
  if (me == 0) {
    must_equal (zram_read (zram, page, sizeof page, 2 * ZRAM_PAGE_SIZE), 0);
    must (all_zero (page, sizeof page));
    return;
  }
  wait_held (1);
  zram_discard (zram, DISKSIZE, 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (i != 2)
      write_page (i, 2);
  /* Reads wait as before, so that nothing can be cleaned. */
  for (unsigned i = 0; i < 3; i++) {
    must_equal (writeback_all (), 0);
    for (uint64_t k = 3; k < NR_PAGES; k++)
      write_page (k, 2);
  }
  memory_store_let_go (store);
}

START_TEST (a_place_that_is_read_is_not_used_again)
{
  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, read_while_its_place_is_wanted, NULL);
  must_be_at_rest ();
}

/* A write of part of a page fetches it, and it is another when it comes. */
static void
change_part_meanwhile (void *arg, unsigned me)
{
  char part[100];

  memset (part, 0x5a, sizeof part);
  if (me == 0) {
    must_equal (zram_write (zram, part, sizeof part, 2 * ZRAM_PAGE_SIZE), 0);
    return;
  }
  wait_held (1);
  ((void (*) (void)) arg) ();
  memory_store_let_go (store);
}

static void
write_page_2 (void)
{
  write_page (2, 2);
}

/* Elsewhere in the store. */
static void
write_page_2_back (void)
{
  write_page (2, 2);
  must_equal (writeback_range (2, 3, NULL), 0);
}

START_TEST (a_part_is_changed_in_what_the_page_is_then)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, change_part_meanwhile,
               _i == 0 ? (void *) write_page_2 : (void *) write_page_2_back);
  fill_page (page, 2, 2);
  memset (page, 0x5a, 100);
  must_equal (zram_read (zram, read, sizeof read, 2 * ZRAM_PAGE_SIZE), 0);
  must (memcmp (page, read, sizeof page) == 0);
  must_be_at_rest ();
}

/* The page is back in the store before its old place has been read: elsewhere,
 * and by another algorithm, which could do nothing with what comes from
 * there. */
static void
read_while_it_is_made_anew (void *arg, unsigned me)
{
  const struct zram_recompress what = {.max_pages = UINT64_MAX, .priority = 1};
  struct zram_recompressed done;

  if (me == 0) {
    must_equal (zram_read (zram, arg, ZRAM_PAGE_SIZE, 2 * ZRAM_PAGE_SIZE), 0);
    return;
  }
  wait_held (1);
  write_page (2, 2);
  must_equal (zram_recompress (zram, &what, NULL, &done), 0);
  must_equal (done.gained, 1);
  must_equal (writeback_range (2, 3, NULL), 0);
  must_equal (slot_priority (flags_of (2)), 1);
  memory_store_let_go (store);
}

START_TEST (a_page_that_is_elsewhere_when_it_comes_is_read_there)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, read_while_it_is_made_anew, read);
  fill_page (page, 2, 2);
  ck_assert_mem_eq (read, page, sizeof page);
  must_read (2, 2);
  /* Once each, and nothing of what the first brought. */
  ck_assert_uint_eq (stats ().bd_reads, 2);
  must_be_at_rest ();
}

/* While the page is on its way it is filled with the very word that its slot
 * has. */
static void
read_while_it_is_filled (void *arg, unsigned me)
{
  uint64_t page[ZRAM_PAGE_SIZE / 8];

  if (me == 0) {
    must_equal (zram_read (zram, arg, sizeof page, 2 * sizeof page), 0);
    return;
  }
  wait_held (1);
  must (flags_of (2) & SLOT_WB);
  page[0] = word_of (2);
  for (size_t i = 1; i < sizeof page / sizeof page[0]; i++)
    page[i] = page[0];
  must_equal (zram_write (zram, page, sizeof page, 2 * sizeof page), 0);
  must (flags_of (2) & SLOT_SAME && word_of (2) == page[0]);
  memory_store_let_go (store);
}

START_TEST (a_page_that_is_filled_with_its_word_when_it_comes_is_that)
{
  uint64_t read[ZRAM_PAGE_SIZE / 8];

  fill (1);
  ck_assert_int_eq (writeback_all (), 0);
  memory_store_hold (store, true, false);
  threads_run (2, read_while_it_is_filled, read);
  for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
    ck_assert_uint_eq (read[i], word_of (2));
  ck_assert_uint_eq (stats ().bd_reads, 0);
  must_be_at_rest ();
}

static void
write_back_in_vain (void *arg, unsigned me)
{
  (void) arg;
  if (me == 0)
    must_equal (writeback_range (2, 3, NULL), -EIO);
  else {
    wait_held (1);
    zram_set_writeback_limit (zram, true, UINT64_MAX);
    memory_store_let_go (store);
  }
}

/* What is given back then is no more than that. */
START_TEST (a_limit_may_be_set_while_something_is_written)
{
  bool enabled;

  fill (1);
  zram_set_writeback_limit (zram, true, 1 << 20);
  memory_store_hold (store, false, true);
  memory_store_fail_write (store, 0, -EIO);
  threads_run (2, write_back_in_vain, NULL);
  ck_assert_uint_eq (zram_writeback_limit (zram, &enabled), UINT64_MAX);
  must_be_at_rest ();
}

static void
add_tests (TCase *tc)
{
  tcase_add_loop_test (tc, a_page_that_is_used_on_its_way_out_stays, 0,
                       NR_EVENTS);
  tcase_add_loop_test (tc, a_page_that_changes_on_its_way_in_is_old_or_new, 0,
                       NR_EVENTS);
  tcase_add_test (tc, a_place_that_is_read_is_not_used_again);
  tcase_add_test (tc, a_page_that_is_elsewhere_when_it_comes_is_read_there);
  tcase_add_test (tc,
                  a_page_that_is_filled_with_its_word_when_it_comes_is_that);
  tcase_add_loop_test (tc, a_part_is_changed_in_what_the_page_is_then, 0, 2);
  tcase_add_test (tc, a_limit_may_be_set_while_something_is_written);
}

int
main (void)
{
  Suite *const suite = suite_create ("writebackraces");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, make_device, destroy_device);
  add_tests (tc);

  tc = suite_case (suite, "with workers");
  tcase_add_checked_fixture (tc, make_device_with_workers, destroy_device);
  add_tests (tc);
  return suite_run (suite);
}
