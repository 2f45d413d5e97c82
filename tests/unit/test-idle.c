/* SPDX-License-Identifier: BSD-3-Clause */
/* Idle: which pages are marked, by age or all, and what takes the mark away.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "run.h"
#include "unit.h"
#include "zram.h"

#define NR_PAGES 4096U

static struct zram *zram;

static void
make_device (void)
{
  const struct zram_config config = {.disksize = NR_PAGES * ZRAM_PAGE_SIZE};

  ck_assert_int_eq (zram_create (&zram, &config), 0);
}

static void
destroy_device (void)
{
  zram_destroy (zram);
}

static void
write_page (uint64_t index, enum content content)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, content, index);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

static void
read_page (uint64_t index)
{
  char page[ZRAM_PAGE_SIZE];

  must_equal (zram_read (zram, page, sizeof page, index * sizeof page), 0);
}

static struct zram_page
page_at (uint64_t index)
{
  struct zram_page page;
  uint64_t found = index;

  must (zram_next_page (zram, &found, &page) && found == index);
  return page;
}

static uint64_t
count_idle (void)
{
  struct zram_page page;
  uint64_t n = 0;

  for (uint64_t i = 0; zram_next_page (zram, &i, &page); i++)
    n += page.idle;
  return n;
}

START_TEST (all_but_same_filled_pages_are_marked)
{
  write_page (0, CONTENT_TEXT);
  write_page (1, CONTENT_SAME);
  write_page (2, CONTENT_ZERO);
  write_page (3, CONTENT_NOISE);
  write_page (4, CONTENT_MIXED);
  ck_assert_uint_eq (count_idle (), 0);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  ck_assert_uint_eq (count_idle (), 3);
  ck_assert (page_at (0).idle && page_at (3).idle && page_at (4).idle);
}

START_TEST (a_page_that_is_used_is_not_idle)
{
  for (uint64_t i = 0; i < 6; i++)
    write_page (i, CONTENT_TEXT);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  read_page (0);
  write_page (1, CONTENT_TEXT);
  must_equal (zram_write (zram, "x", 1, 2 * ZRAM_PAGE_SIZE + 5), 0);
  zram_discard (zram, ZRAM_PAGE_SIZE, 3 * ZRAM_PAGE_SIZE);
  must_equal (zram_zero (zram, 10, 4 * ZRAM_PAGE_SIZE), 0);
  ck_assert_uint_eq (count_idle (), 1);
  ck_assert (page_at (5).idle);
}

START_TEST (age_tells_old_pages_from_new_ones)
{
  uint32_t accessed;

  write_page (0, CONTENT_TEXT);
  write_page (1, CONTENT_TEXT);
  write_page (2, CONTENT_TEXT);
  accessed = page_at (0).accessed;
  sleep (3);
  read_page (1);
  write_page (2, CONTENT_MIXED);
  ck_assert_uint_ge (page_at (1).accessed, accessed + 2);
  ck_assert_uint_ge (page_at (2).accessed, accessed + 2);
  ck_assert_int_eq (zram_idle (zram, 1, NULL), 0);
  ck_assert_uint_eq (count_idle (), 1);
  ck_assert (page_at (0).idle);
  ck_assert_uint_eq (page_at (0).accessed, accessed);
  /* Who is young enough loses an older mark. */
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  ck_assert_uint_eq (count_idle (), 3);
  ck_assert_int_eq (zram_idle (zram, 1, NULL), 0);
  ck_assert_uint_eq (count_idle (), 1);
  /* Nothing is older than the machine, whatever zram makes of that. */
  ck_assert_int_eq (zram_idle (zram, UINT64_MAX - 1, NULL), 0);
  ck_assert_uint_eq (count_idle (), 0);
}

START_TEST (a_failed_write_is_no_use)
{
  write_page (0, CONTENT_TEXT);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  zram_set_mem_limit (zram, 1);
  for (uint64_t i = 1; i < 100; i++) {
    char page[ZRAM_PAGE_SIZE];

    content_fill (page, sizeof page, CONTENT_NOISE, i);
    if (zram_write (zram, page, sizeof page, 0) == -ENOSPC)
      break;
    ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
    zram_write (zram, page, sizeof page, i * sizeof page);
  }
  ck_assert (page_at (0).idle);
}

static const _Atomic bool stopped = true;

START_TEST (it_can_be_stopped)
{
  const struct run run = {.stop = &stopped};

  /* Wherever its pages are. */
  write_page (7, CONTENT_TEXT);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, &run), -EINTR);
  ck_assert_uint_eq (count_idle (), 0);
}

static void
note_progress (void *arg, uint64_t n, uint64_t total)
{
  uint64_t *const last = arg;

  must (n >= *last && n <= total && total == NR_PAGES);
  *last = n;
}

START_TEST (progress_comes_to_its_end)
{
  uint64_t last = 0;
  const struct run run = {.progress = note_progress, .arg = &last};

  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_page (i, CONTENT_SAME);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, &run), 0);
  ck_assert_uint_eq (last, NR_PAGES);
}

int
main (void)
{
  Suite *const suite = suite_create ("idle");
  TCase *const tc = suite_case (suite, "idle");

  tcase_add_checked_fixture (tc, make_device, destroy_device);
  tcase_add_test (tc, all_but_same_filled_pages_are_marked);
  tcase_add_test (tc, a_page_that_is_used_is_not_idle);
  tcase_add_test (tc, age_tells_old_pages_from_new_ones);
  tcase_add_test (tc, a_failed_write_is_no_use);
  tcase_add_test (tc, it_can_be_stopped);
  tcase_add_test (tc, progress_comes_to_its_end);
  return suite_run (suite);
}
