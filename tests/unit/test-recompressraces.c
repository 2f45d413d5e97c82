/* SPDX-License-Identifier: BSD-3-Clause */
/* Recompression: nothing is lost, and nothing leaked, whatever happens to a
 * page while it is in hand.
 *
 * What happens in between is made to happen: the linker puts this file's
 * zcomp_stream_get before the real one.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "occupying.h"
#include "pageio.h"
#include "recompressing.h"
#include "run.h"
#include "slottable.h"
#include "workpool.h"
#include "zcomp.h"

/* The names that the linker gives them. */
extern struct zcomp_stream *
__real_zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction);
extern struct zcomp_stream *
__wrap_zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction);

/* What happens before the next page is compressed, or restored to be compressed
 * anew; NULL: nothing. */
static void (*meanwhile) (void);
static void (*when_taken) (void);

struct zcomp_stream *
__wrap_zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction)
{
  void (**const what) (void) =
      direction == ZCOMP_COMPRESS ? &meanwhile : &when_taken;
  void (*const now) (void) = *what;

  if (now) {
    *what = NULL;
    now ();
  }
  return __real_zcomp_stream_get (comp, direction);
}

static void
setup (void)
{
  meanwhile = when_taken = NULL;
  make_device ();
}

static void
setup_with_workers (void)
{
  meanwhile = when_taken = NULL;
  make_device_with_workers ();
}

/* What may happen to page 0 while it is in hand. */

static void
it_is_read (void)
{
  must_read (0, CONTENT_TEXT);
}

static void
it_is_written (void)
{
  write_content (0, CONTENT_MIXED);
}

static void
it_is_filled_with_zeros (void)
{
  write_content (0, CONTENT_ZERO);
}

static void
a_part_is_written (void)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_TEXT, 0);
  must_equal (zram_write (zram, page, 100, 0), 0);
}

static void
it_is_discarded (void)
{
  zram_discard (zram, ZRAM_PAGE_SIZE, 0);
}

static void
it_is_discarded_and_written (void)
{
  it_is_discarded ();
  write_content (0, CONTENT_TEXT);
}

static void
nothing_happens (void)
{
}

static void
it_is_marked_idle (void)
{
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
}

/* All other pages go, and what is left is moved together. */
static void
it_is_moved (void)
{
  zram_discard (zram, (NR_PAGES - 1) * ZRAM_PAGE_SIZE, ZRAM_PAGE_SIZE);
  zram_compact (zram, NULL);
}

static const struct {
  void (*what) (void);
  enum content content; /* then; CONTENT_KINDS: zeros */
  bool gained;
} events[] = {
    {it_is_read, CONTENT_TEXT, false},
    {it_is_written, CONTENT_MIXED, false},
    {it_is_filled_with_zeros, CONTENT_ZERO, false},
    {a_part_is_written, CONTENT_TEXT, false},
    {it_is_discarded, CONTENT_ZERO, false},
    {it_is_discarded_and_written, CONTENT_TEXT, false},
    {nothing_happens, CONTENT_TEXT, true},
    {it_is_marked_idle, CONTENT_TEXT, true},
    {it_is_moved, CONTENT_TEXT, true},
};

#define EVENTS (sizeof events / sizeof *events)

START_TEST (a_page_that_is_used_meanwhile_is_left_alone)
{
  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_content (i, i == 0 ? CONTENT_TEXT : CONTENT_SAME);
  meanwhile = events[_i].what;
  ck_assert_int_eq (recompress_all (1), 0);
  ck_assert_ptr_null (meanwhile);
  ck_assert_uint_eq (recompressed.tried, 1);
  ck_assert_uint_eq (recompressed.gained, events[_i].gained);
  must_be_at_rest ();
  must_read (0, events[_i].content);
}

/* The same, and it would be incompressible. */
START_TEST (a_page_that_is_used_meanwhile_is_not_marked)
{
  write_content (0, CONTENT_NOISE);
  meanwhile = it_is_written;
  ck_assert_int_eq (recompress_all (2), 0);
  ck_assert (!(flags_of (0) & SLOT_INCOMPRESSIBLE));
  must_be_at_rest ();
}

/* Other threads read and write all the while. */

static _Atomic bool quit;

static void
use_pages (void *arg, unsigned me)
{
  uint64_t random = me + 1;

  (void) arg;
  if (me == 0) {
    for (unsigned i = 0; i < scaled (20); i++) {
      struct zram_recompressed mine;

      must_equal (zram_recompress (zram,
                                   &(struct zram_recompress){
                                       .max_pages = ALL, .priority = 1 + i % 2},
                                   NULL, &mine),
                  0);
    }
    quit = true;
  }
  while (!quit) {
    const uint64_t index = random_below (&random, NR_PAGES / 4) * 4 + me;

    if (random_below (&random, 2))
      write_content (index, content_of (index));
    else
      must_read (index, content_of (index));
    if (random_below (&random, 500) == 0)
      zram_compact (zram, NULL);
    /* Workers come only when others leave them the CPU. */
    if (workers)
      usleep (100);
  }
}

START_TEST (pages_in_use_are_never_wrong)
{
  fill ();
  quit = false;
  threads_run (4, use_pages, NULL);
  must_be_at_rest ();
  must_read_all ();
}

static unsigned
count_in_hand (void)
{
  unsigned n = 0;

  for (uint64_t i = 0; i < NR_PAGES; i++)
    n += (flags_of (i) & SLOT_PP) != 0;
  return n;
}

/* Thread 0 has the run, and thread 1 stops it when all jobs wait for workers,
 * who are let go only then. */
static void
run_and_stop (void *arg, unsigned me)
{
  _Atomic bool *const stop = arg;
  const struct run run = {.stop = stop};

  if (me == 0) {
    must_equal (
        recompress (&(struct zram_recompress){.max_pages = ALL, .priority = 1},
                    &run),
        -EINTR);
    return;
  }
  while (count_in_hand () < MOST_IN_HAND)
    usleep (1000);
  *stop = true;
  workers_release ();
}

/* The first one in hand is waited for; what nobody has begun is let be. */
START_TEST (pages_in_hand_are_let_be_when_workers_do_not_come)
{
  struct occupation occupations[NR_WORKERS];
  _Atomic bool stop = false;

  fill ();
  workers_occupy (workers, WORK_BACKGROUND, occupations, NR_WORKERS);
  threads_run (2, run_and_stop, &stop);
  ck_assert_uint_le (recompressed.tried, MOST_IN_HAND);
  must_be_at_rest ();
  must_read_all ();
}

static void
change_page_0 (void)
{
  write_content (0, CONTENT_TEXT);
}

/* The workers come when thread 0, who has the run, has had the time to go on
 * without them. */
static void
run_with_late_workers (void *arg, unsigned me)
{
  (void) arg;
  if (me == 0)
    must_equal (recompress_all (1), 0);
  else {
    usleep (100000);
    workers_release ();
  }
}

/* A page in hand is written, and is then one of those that are to be taken
 * next: it is not, or what comes of its old content would be put back. */
START_TEST (a_page_in_hand_is_not_taken_again)
{
  struct occupation occupations[NR_WORKERS];

  write_content (0, CONTENT_MIXED);
  write_content (1, CONTENT_TEXT);
  workers_occupy (workers, WORK_BACKGROUND, occupations, NR_WORKERS);
  when_taken = change_page_0;
  threads_run (2, run_with_late_workers, NULL);
  must_read (0, CONTENT_TEXT);
  must_be_at_rest ();
}

static void
add_tests (TCase *tc)
{
  tcase_add_loop_test (tc, a_page_that_is_used_meanwhile_is_left_alone, 0,
                       EVENTS);
  tcase_add_test (tc, a_page_that_is_used_meanwhile_is_not_marked);
  tcase_add_test (tc, pages_in_use_are_never_wrong);
}

int
main (void)
{
  Suite *const suite = suite_create ("recompressraces");
  TCase *tc;

  tc = suite_case (suite, "alone");
  tcase_add_checked_fixture (tc, setup, destroy_device);
  add_tests (tc);

  tc = suite_case (suite, "with workers");
  tcase_add_checked_fixture (tc, setup_with_workers, destroy_device);
  add_tests (tc);
  tcase_add_test (tc, pages_in_hand_are_let_be_when_workers_do_not_come);
  tcase_add_test (tc, a_page_in_hand_is_not_taken_again);
  return suite_run (suite);
}
