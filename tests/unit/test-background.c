/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device does by itself: it compacts when that pays, while everything
 * else goes on, and only between zram_start and zram_stop.  (When exactly,
 * test-backgroundlooks says.)
 */
#include <config.h>

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "filling.h"
#include "run.h"
#include "unit.h"
#include "zsmalloc.h"

#define MIB  (UINT64_C (1) << 20)
#define KEPT 40

/* Holes that do not matter, whatever their share. */
#define FEW_HOLES MIB

/* Fewer, and a run's size would be more than is measured. */
#define FEW_PAGES (20 * MIB / REAL_MEAN)

/* What is promised within a second gets ten; what should never be gets three,
 * six times as long as the thread sleeps. */
#define PATIENCE_MS 10000
#define NEVER_MS    3000

static void
pause_ms (long ms)
{
  const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

  nanosleep (&ts, NULL);
}

/* Wait until CONDITION (ARG); returns the milliseconds, or -1 if it was not
 * true after PATIENCE_MS. */
static long
wait_until (bool (*condition) (const void *arg), const void *arg)
{
  long ms;

  for (ms = 0; ms < PATIENCE_MS; ++ms) {
    if (condition (arg))
      return ms;
    pause_ms (1);
  }
  return condition (arg) ? ms : -1;
}

static struct zram_stats
stats_of (const struct filling *filling)
{
  struct zram_stats stats;

  zram_stats (filling->zram, &stats);
  return stats;
}

/* What is held is at most a twentieth over what the pages were compressed to:
 * as after compaction that was asked for. */
static bool
is_dense (const void *arg)
{
  const struct zram_stats stats = stats_of (arg);

  return stats.mem_used_total <= stats.compr_data_size * 21 / 20;
}

/* A run has ended, and another would not pay: the holes are below the
 * threshold, or too few to matter. */
static bool
has_settled (const void *arg)
{
  const struct filling *filling = arg;
  struct zs_fragmentation fragmentation;
  struct zs_pool_stats stats;

  zram_pool_stats (filling->zram, &stats, &fragmentation);
  return stats.pages_compacted > 0 &&
         (stats.used - stats.live <= FEW_HOLES ||
          stats.used - stats.live <= stats.used * filling->threshold / 100);
}

/* It must come to that by itself; returns the milliseconds. */
static long
must_settle (const struct filling *filling)
{
  const long ms = wait_until (has_settled, filling);

  ck_assert_int_ge (ms, 0);
  return ms;
}

static void
do_nothing (void *arg, unsigned me)
{
  (void) arg;
  (void) me;
}

/* A sanitizer starts a thread of its own beside a program's first. */
static void
setup (void)
{
  threads_run (1, do_nothing, NULL);
}

/* The threads of this process, those that wind up too. */
static unsigned
count_threads (void)
{
  DIR *dir = opendir ("/proc/self/task");
  unsigned n = 0;

  ck_assert_ptr_nonnull (dir);
  while (readdir (dir))
    n++;
  closedir (dir);
  return n - 2;
}

static bool
threads_are (const void *arg)
{
  return count_threads () == *(const unsigned *) arg;
}

static void
must_have_threads (unsigned n)
{
  if (wait_until (threads_are, &n) < 0)
    ck_abort_msg ("there are %u threads, not %u", count_threads (), n);
}

/* When. */

START_TEST (a_mass_discard_is_followed_by_compaction)
{
  struct filling filling;

  filling_make (&filling, scaled (60 * MIB / REAL_MEAN), 10);
  ck_assert_int_eq (zram_start (filling.zram), 0);
  filling_discard (&filling, KEPT);
  printf ("compacted %ld ms after the last of many discards\n",
          must_settle (&filling));
  filling_check (&filling);
  zram_stop (filling.zram);
  filling_check (&filling);
  filling_destroy (&filling);
}

/* Requests as a file system's are, of half a megabyte and more. */
START_TEST (large_discards_are_followed_by_compaction)
{
  struct filling filling;
  char page[ZRAM_PAGE_SIZE];
  uint64_t i;

  filling_make (&filling, scaled (60 * MIB / REAL_MEAN), 10);
  ck_assert_int_eq (zram_start (filling.zram), 0);
  for (i = 0; i + 512 <= filling.nr_pages; i += 512)
    zram_discard (filling.zram, (uint64_t) 300 * ZRAM_PAGE_SIZE,
                  i * ZRAM_PAGE_SIZE);
  printf ("compacted %ld ms after the last of large discards\n",
          must_settle (&filling));
  must_equal (zram_read (filling.zram, page, sizeof page, 0), 0);
  ck_assert (all_zero (page, sizeof page));
  filling_destroy (&filling);
}

static bool
is_given_back (const void *arg)
{
  const struct filling *const filling = arg;
  struct zs_fragmentation fragmentation;
  struct zs_pool_stats stats;

  zram_pool_stats (filling->zram, &stats, &fragmentation);
  return stats.reserve < MIB;
}

/* Empty the disk, tell the thread that it is over, as who writes back or
 * recompresses does, and wait until memory has gone back; returns how many
 * milliseconds that took. */
static uint64_t
empty_and_ask (struct filling *filling)
{
  uint64_t begin;

  filling_refill (filling);
  /* It looks at how much there is. */
  pause_ms (600);
  zram_discard (filling->zram, filling->nr_pages * ZRAM_PAGE_SIZE, 0);
  begin = clock_ms ();
  zram_set_compact_threshold (filling->zram, filling->threshold);
  ck_assert_int_ge (wait_until (is_given_back, filling), 0);
  return clock_ms () - begin;
}

/* By itself it would look again half a second later at the soonest. */
START_TEST (memory_goes_back_at_once_where_somebody_asks)
{
  struct filling filling;
  uint64_t soonest = PATIENCE_MS;

  filling_make (&filling, FEW_PAGES, 10);
  ck_assert_int_eq (zram_start (filling.zram), 0);
  for (unsigned i = 0; i < 10 && soonest >= 400; i++) {
    const uint64_t ms = empty_and_ask (&filling);

    soonest = ms < soonest ? ms : soonest;
  }
  printf ("memory goes back %llu ms after it was asked for\n",
          (unsigned long long) soonest);
  ck_assert_uint_lt (soonest, 400);
  filling_destroy (&filling);
}

START_TEST (nothing_moves_when_the_threshold_is_0)
{
  struct filling filling;
  uint64_t held;

  filling_make (&filling, FEW_PAGES, 0);
  ck_assert_int_eq (zram_start (filling.zram), 0);
  filling_discard (&filling, KEPT);
  held = stats_of (&filling).mem_used_total;
  pause_ms (NEVER_MS);
  ck_assert_uint_eq (stats_of (&filling).pages_compacted, 0);
  ck_assert_uint_eq (stats_of (&filling).mem_used_total, held);

  /* Unless it is asked for. */
  ck_assert_uint_gt (zram_compact (filling.zram, NULL), 0);
  ck_assert (is_dense (&filling));
  filling_check (&filling);
  filling_destroy (&filling);
}

START_TEST (the_threshold_may_change)
{
  struct filling filling;

  filling_make (&filling, FEW_PAGES, 0);
  ck_assert_int_eq (zram_start (filling.zram), 0);
  filling_discard (&filling, KEPT);
  pause_ms (NEVER_MS);
  ck_assert_uint_eq (stats_of (&filling).pages_compacted, 0);
  zram_set_compact_threshold (filling.zram, 10);
  must_settle (&filling);
  filling_check (&filling);
  filling_destroy (&filling);
}

START_TEST (nothing_moves_below_the_threshold)
{
  struct filling filling;

  filling_make (&filling, FEW_PAGES, 50);
  ck_assert_int_eq (zram_start (filling.zram), 0);
  filling_discard (&filling, 60);
  pause_ms (NEVER_MS);
  ck_assert_uint_eq (stats_of (&filling).pages_compacted, 0);
  filling_discard (&filling, 20);
  must_settle (&filling);
  filling_check (&filling);
  filling_destroy (&filling);
}

START_TEST (nothing_moves_in_a_device_that_was_not_started)
{
  struct filling filling;
  const unsigned threads = count_threads ();

  filling_make (&filling, FEW_PAGES, 1);
  filling_discard (&filling, KEPT);
  ck_assert_uint_eq (count_threads (), threads);
  if (_i) {
    ck_assert_int_eq (zram_start (filling.zram), 0);
    zram_stop (filling.zram);
    filling_refill (&filling);
    filling_discard (&filling, KEPT);
  }
  must_have_threads (threads);
  const uint64_t compacted = stats_of (&filling).pages_compacted;
  pause_ms (NEVER_MS);
  ck_assert_uint_eq (stats_of (&filling).pages_compacted, compacted);
  ck_assert (!is_dense (&filling));
  filling_destroy (&filling);
}

/* Start and stop. */

/* s: start; p: stop.  Then it is destroyed. */
static const char *const orders[] = {
    "", "p", "pp", "s", "sp", "spp", "ps", "psp", "sps", "spsp", "spspsps",
};

#define NR_ORDERS ((int) (sizeof orders / sizeof orders[0]))

START_TEST (it_starts_and_stops_in_any_order)
{
  const unsigned threads = count_threads ();
  struct filling filling;
  const char *what;

  filling_make (&filling, 1000, 10);
  must_have_threads (threads);
  for (what = orders[_i]; *what; ++what)
    if (*what == 's') {
      ck_assert_int_eq (zram_start (filling.zram), 0);
      must_have_threads (threads + 1);
    }
    else {
      zram_stop (filling.zram);
      must_have_threads (threads);
    }
  filling_check (&filling);
  filling_destroy (&filling);
  must_have_threads (threads);
}

/* As quick as may be: the thread may not have begun, or be about to sleep. */
START_TEST (no_stop_is_missed)
{
  struct filling filling;
  uint64_t i;

  filling_make (&filling, 1000, 10);
  for (i = 0; i < scaled (2000); ++i) {
    must_equal (zram_start (filling.zram), 0);
    if (i % 3 == 0)
      zram_discard (filling.zram, (uint64_t) 1000 * ZRAM_PAGE_SIZE, 0);
    if (i % 5 == 0)
      pause_ms (1);
    zram_stop (filling.zram);
  }
  filling_destroy (&filling);
}

START_TEST (it_works_again_after_a_stop)
{
  struct filling filling;
  unsigned round;

  filling_make (&filling, FEW_PAGES, 10);
  for (round = 0; round < 3; ++round) {
    ck_assert_int_eq (zram_start (filling.zram), 0);
    filling_refill (&filling);
    filling_discard (&filling, KEPT);
    must_settle (&filling);
    zram_stop (filling.zram);
  }
  filling_check (&filling);
  filling_destroy (&filling);
}

START_TEST (two_devices_have_a_thread_each)
{
  const unsigned threads = count_threads ();
  struct filling a, b;

  filling_make (&a, FEW_PAGES, 10);
  filling_make (&b, FEW_PAGES, 10);
  ck_assert_int_eq (zram_start (a.zram), 0);
  ck_assert_int_eq (zram_start (b.zram), 0);
  must_have_threads (threads + 2);
  zram_stop (b.zram);
  must_have_threads (threads + 1);
  filling_discard (&a, KEPT);
  filling_discard (&b, KEPT);
  must_settle (&a);
  ck_assert (!is_dense (&b));
  filling_destroy (&a);
  filling_check (&b);
  filling_destroy (&b);
}

struct shrinking {
  const struct filling *filling;
  uint64_t held;
};

static bool
has_shrunk (const void *arg)
{
  const struct shrinking *shrinking = arg;

  return stats_of (shrinking->filling).mem_used_total < shrinking->held;
}

/* Stop as soon as a run has begun to give memory back; returns the pages that
 * it left to be gained. */
static uint64_t
stop_a_run (struct filling *filling)
{
  struct shrinking shrinking = {.filling = filling};

  filling_refill (filling);
  filling_discard (filling, KEPT);
  shrinking.held = stats_of (filling).mem_used_total - 4 * MIB;
  ck_assert_int_eq (zram_start (filling->zram), 0);
  ck_assert_int_ge (wait_until (has_shrunk, &shrinking), 0);
  zram_stop (filling->zram);
  return zram_compact (filling->zram, NULL);
}

/* If this thread does not get a CPU, a run may have ended by itself. */
START_TEST (stop_ends_a_long_run)
{
  struct filling filling;
  uint64_t left = 0;
  unsigned round;

  filling_make (&filling, scaled (200 * MIB / REAL_MEAN), 10);
  for (round = 0; round < 5 && left == 0; ++round)
    left = stop_a_run (&filling);
  printf ("a run that was stopped left %llu pages\n",
          (unsigned long long) left);
  ck_assert_uint_gt (left, 0);
  filling_check (&filling);
  filling_destroy (&filling);
}

START_TEST (a_run_that_may_not_begin_moves_nothing)
{
  const _Atomic bool stop = true;
  const struct run run = {.stop = &stop};
  struct filling filling;
  struct zram_stats before, after;

  filling_make (&filling, 10000, 0);
  filling_discard (&filling, KEPT);
  before = stats_of (&filling);
  ck_assert_uint_eq (zram_compact (filling.zram, &run), 0);
  after = stats_of (&filling);
  ck_assert (memcmp (&before, &after, sizeof before) == 0);
  filling_check (&filling);
  filling_destroy (&filling);
}

/* While everything else goes on: each player has pages of its own, and knows
 * what is in them; the compactor asks for compaction all the time. */

#define NR_PLAYERS 3
#define COMPACTOR  NR_PLAYERS
#define GAME_PAGES 8192
#define GAME_OPS   60000

struct game {
  struct zram *zram;
  bool compactor; /* is there one? */
  _Atomic unsigned playing;
  unsigned char disk[GAME_PAGES][ZRAM_PAGE_SIZE];
};

struct turn {
  struct game *game;
  uint64_t random;
  unsigned me;
};

static uint64_t
draw_page (struct turn *turn)
{
  return random_below (&turn->random, GAME_PAGES / NR_PLAYERS) * NR_PLAYERS +
         turn->me;
}

static void
play_write (struct turn *turn, uint64_t i)
{
  unsigned char *page = turn->game->disk[i];

  if (random_below (&turn->random, 4) == 0)
    content_fill (page, ZRAM_PAGE_SIZE,
                  (enum content) random_below (&turn->random, CONTENT_KINDS),
                  random_next (&turn->random));
  else
    page_fill_real (page, random_next (&turn->random));
  must_equal (
      zram_write (turn->game->zram, page, ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE),
      0);
}

static void
play_part (struct turn *turn, uint64_t i, bool zero)
{
  const uint64_t offset = random_below (&turn->random, ZRAM_PAGE_SIZE);
  const uint64_t len =
      1 + random_below (&turn->random, ZRAM_PAGE_SIZE - offset);
  unsigned char *part = turn->game->disk[i] + offset;

  content_fill (part, len, zero ? CONTENT_ZERO : CONTENT_TEXT,
                random_next (&turn->random));
  if (zero)
    must_equal (zram_zero (turn->game->zram, len, i * ZRAM_PAGE_SIZE + offset),
                0);
  else
    must_equal (
        zram_write (turn->game->zram, part, len, i * ZRAM_PAGE_SIZE + offset),
        0);
}

static void
play_discard (struct turn *turn, uint64_t i)
{
  memset (turn->game->disk[i], 0, ZRAM_PAGE_SIZE);
  zram_discard (turn->game->zram, ZRAM_PAGE_SIZE, i * ZRAM_PAGE_SIZE);
}

static void
play_read (struct turn *turn, uint64_t i)
{
  unsigned char page[ZRAM_PAGE_SIZE];

  must_equal (
      zram_read (turn->game->zram, page, sizeof page, i * ZRAM_PAGE_SIZE), 0);
  if (memcmp (page, turn->game->disk[i], sizeof page) != 0)
    ck_abort_msg ("page %llu is not what was written", (unsigned long long) i);
}

/* What makes compaction pay. */
static void
play_mass_discard (struct turn *turn)
{
  uint64_t i;

  for (i = turn->me; i < GAME_PAGES; i += NR_PLAYERS)
    if (random_below (&turn->random, 100) >= KEPT)
      play_discard (turn, i);
}

static void
play (struct turn *turn)
{
  const uint64_t n = scaled (GAME_OPS);
  uint64_t done;

  for (done = 0; done < n; ++done) {
    const uint64_t i = draw_page (turn);

    switch (random_below (&turn->random, 8)) {
    case 0:
      play_part (turn, i, false);
      break;
    case 1:
      play_part (turn, i, true);
      break;
    case 2:
      play_discard (turn, i);
      break;
    case 3:
    case 4:
      play_read (turn, i);
      break;
    default:
      play_write (turn, i);
    }
    if (done % (n / 6) == n / 6 - 1)
      play_mass_discard (turn);
  }
}

static void
game_main (void *arg, unsigned me)
{
  struct game *game = arg;
  struct turn turn = {.game = game, .random = me, .me = me};

  if (me == COMPACTOR)
    while (game->compactor && game->playing > 0)
      zram_compact (game->zram, NULL);
  else {
    play (&turn);
    game->playing--;
  }
}

static bool
has_compacted (const void *arg)
{
  const struct game *game = arg;
  struct zram_stats stats;

  zram_stats (game->zram, &stats);
  return stats.pages_compacted > 0;
}

static void
check_game (struct game *game)
{
  struct turn turn = {.game = game};
  uint64_t i;

  for (i = 0; i < GAME_PAGES; ++i)
    play_read (&turn, i);
}

START_TEST (nothing_is_lost_while_pages_are_moved)
{
  const struct zram_config config = {
      .disksize = (uint64_t) GAME_PAGES * ZRAM_PAGE_SIZE,
      .compact_threshold = 1,
  };
  struct game *game = calloc (1, sizeof *game);
  struct zram_stats stats;

  ck_assert_ptr_nonnull (game);
  game->compactor = _i;
  game->playing = NR_PLAYERS;
  ck_assert_int_eq (zram_create (&game->zram, &config), 0);
  ck_assert_int_eq (zram_start (game->zram), 0);
  threads_run (NR_PLAYERS + 1, game_main, game);
  check_game (game);
  ck_assert_int_ge (wait_until (has_compacted, game), 0);
  check_game (game);
  zram_stop (game->zram);
  check_game (game);
  zram_stats (game->zram, &stats);
  printf ("%llu pages compacted meanwhile, %s\n",
          (unsigned long long) stats.pages_compacted,
          _i ? "by whoever came first" : "by the device itself");
  zram_destroy (game->zram);
  free (game);
}

int
main (void)
{
  Suite *suite = suite_create ("background");
  TCase *tc;

  tc = suite_case (suite, "when");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, a_mass_discard_is_followed_by_compaction);
  tcase_add_test (tc, large_discards_are_followed_by_compaction);
  tcase_add_test (tc, memory_goes_back_at_once_where_somebody_asks);
  tcase_add_test (tc, nothing_moves_when_the_threshold_is_0);
  tcase_add_test (tc, the_threshold_may_change);
  tcase_add_test (tc, nothing_moves_below_the_threshold);
  tcase_add_loop_test (tc, nothing_moves_in_a_device_that_was_not_started, 0,
                       2);

  tc = suite_case (suite, "start and stop");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, it_starts_and_stops_in_any_order, 0, NR_ORDERS);
  tcase_add_test (tc, no_stop_is_missed);
  tcase_add_test (tc, it_works_again_after_a_stop);
  tcase_add_test (tc, two_devices_have_a_thread_each);
  tcase_add_test (tc, stop_ends_a_long_run);
  tcase_add_test (tc, a_run_that_may_not_begin_moves_nothing);

  tc = suite_case (suite, "meanwhile");
  tcase_add_loop_test (tc, nothing_is_lost_while_pages_are_moved, 0, 2);
  return suite_run (suite);
}
