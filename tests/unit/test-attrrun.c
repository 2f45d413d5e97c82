/* SPDX-License-Identifier: BSD-3-Clause */
/* compact, idle, recompress: what they take, what they say. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "run.h"
#include "unit.h"
#include "zsmalloc.h"

#define NR_PAGES 100U

static struct attr_error error;
static struct disk disk;
static char outcome[RUN_OUTCOME_SIZE];

static int
run (const char *name, const char *value, const _Atomic bool *stop)
{
  const struct run told = {.stop = stop, .outcome = outcome};

  outcome[0] = '\0';
  error = (struct attr_error){0};
  return attr_set (&disk, name, value, &told, &error) < 0 ? error.code : 0;
}

static int
set (const char *name, const char *value)
{
  return run (name, value, NULL);
}

static void
must_say (const char *text)
{
  ck_assert_msg (strstr (error.message, text) != NULL, "'%s' does not say '%s'",
                 error.message, text);
}

/* lz4, then zstd by priority 1 and lz4hc by 3; half text, every tenth noise. */
static void
setup (void)
{
  char page[ZRAM_PAGE_SIZE];

  disk_init (&disk, "zram0");
  ck_assert_int_eq (set ("recomp_algorithm", "algo=zstd"), 0);
  ck_assert_int_eq (set ("recomp_algorithm", "algo=lz4hc priority=3"), 0);
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++) {
    content_fill (page, sizeof page, i % 10 ? CONTENT_TEXT : CONTENT_NOISE, i);
    must_equal (zram_write (disk.zram, page, sizeof page, i * sizeof page), 0);
  }
}

static void
teardown (void)
{
  disk_destroy (&disk);
}

/* That many pages were tried; the outcome says the same as the statistics do.
 */
static void
must_have_tried (uint64_t n)
{
  struct zram_stats stats;
  char want[RUN_OUTCOME_SIZE];

  zram_stats (disk.zram, &stats);
  snprintf (want, sizeof want,
            "tried %" PRIu64 " gained %" PRIu64 " saved %" PRIu64,
            stats.recomp_tried, stats.recomp_gained, stats.recomp_saved);
  ck_assert_str_eq (outcome, want);
  ck_assert_uint_eq (stats.recomp_tried, n);
}

START_TEST (all_is_recompressed)
{
  ck_assert_int_eq (set ("recompress", ""), 0);
  must_have_tried (NR_PAGES);
  ck_assert_int_eq (set ("recompress", "type=idle"), 0);
  ck_assert_str_eq (outcome, "tried 0 gained 0 saved 0");
}

static const struct {
  const char *value;
  unsigned tried;
} selections[] = {
    {"type=huge", 10},
    {"type=idle", 50},
    {"type=huge_idle", 5},
    {"threshold=3000", 10},
    {"max_pages=7", 7},
    {"max_pages=0", 0},
    {"type=idle max_pages=3 threshold=100", 3},
    {"algo=zstd", 100},
    {"priority=1", 100},
    {"algo=zstd priority=1", 100},
    {"algo=lz4hc type=huge", 10},
    {"priority=3 type=huge", 10},
};

START_TEST (some_are_selected)
{
  char page[ZRAM_PAGE_SIZE];

  ck_assert_int_eq (set ("idle", "all"), 0);
  for (uint64_t i = 0; i < NR_PAGES / 2; i++)
    must_equal (zram_read (disk.zram, page, sizeof page, i * sizeof page), 0);
  ck_assert_int_eq (set ("recompress", selections[_i].value), 0);
  must_have_tried (selections[_i].tried);
}

static const struct {
  const char *name, *value, *says;
} bad[] = {
    {"idle", "", "idle: '' is not right: give all, or a number of seconds"},
    {"idle", "All", "give all, or"},
    {"idle", "-1", "give all, or"},
    {"idle", "1s", "give all, or"},
    {"idle", "18446744073709551616", "give all, or"},
    {"recompress", "idle", "'idle' is unknown: it takes type, threshold, "},
    {"recompress", "type=foo", "choose from idle, huge and huge_idle"},
    {"recompress", "type", "type has no value"},
    {"recompress", "threshold=x", "threshold: 'x' is not right"},
    {"recompress", "threshold=4096", "takes less than"},
    {"recompress", "threshold=99999999999", "takes less than"},
    {"recompress", "max_pages=-1", "max_pages: '-1' is not right"},
    {"recompress", "algo=foo", "unknown algorithm 'foo'"},
    {"recompress", "algo=lz4", "no priority of 1 to 3 has algo 'lz4'"},
    {"recompress", "priority=0", "give 1 to 3"},
    {"recompress", "priority=4", "give 1 to 3"},
    {"recompress", "priority=2", "priority 2 has no algorithm"},
    {"recompress", "priority=3 algo=zstd", "priority 3 is lz4hc, not zstd"},
};

START_TEST (what_is_wrong_is_said)
{
  struct zram_stats stats;

  ck_assert_int_eq (set (bad[_i].name, bad[_i].value), EINVAL);
  must_say (bad[_i].name);
  must_say (bad[_i].says);
  zram_stats (disk.zram, &stats);
  ck_assert_uint_eq (stats.recomp_tried, 0);
}

START_TEST (without_a_device_there_is_nothing_to_do)
{
  static const char *const names[] = {"compact", "idle", "recompress"};

  ck_assert_int_eq (set ("reset", "1"), 0);
  ck_assert_int_eq (set (names[_i], "all"), EINVAL);
  must_say ("not initialised");
}

START_TEST (who_is_interrupted_says_so)
{
  static const struct {
    const char *name, *value, *says;
  } runs[] = {
      {"compact", "1", "compact: was interrupted"},
      {"idle", "all", "idle: was interrupted"},
      {"recompress", "", "was interrupted: tried 0 gained 0 saved 0"},
  };
  static const _Atomic bool stop = true;

  ck_assert_int_eq (run (runs[_i].name, runs[_i].value, &stop), EINTR);
  must_say (runs[_i].says);
  ck_assert_str_eq (outcome, "");
}

/* A run that goes on until its disk is to go, and somebody who uses the disk
 * meanwhile, and then resets it. */

static _Atomic bool begun;

static void
wait_for_the_end (void *arg, uint64_t n, uint64_t total)
{
  (void) arg;
  (void) n;
  (void) total;
  begun = true;
  while (!disk.ending)
    usleep (1000);
}

static void
run_or_reset (void *arg, unsigned me)
{
  const struct run told = {.progress = wait_for_the_end};
  struct attr_error mine;
  FILE *null;

  (void) arg;
  if (me == 0) {
    must_equal (attr_set (&disk, "recompress", "", &told, &mine), -1);
    must_equal (mine.code, EINTR);
    must (strstr (mine.message, "was interrupted: tried 1 "));
    return;
  }
  while (!begun)
    usleep (1000);
  null = fopen ("/dev/null", "w");
  must_equal (attr_set (&disk, "mem_limit", "1G", NULL, &mine), 0);
  must_equal (attr_get (&disk, "mm_stat", null, &mine), 0);
  must_equal (attr_set (&disk, "idle", "all", NULL, &mine), 0);
  fclose (null);
  must_equal (attr_set (&disk, "reset", "1", NULL, &mine), 0);
}

START_TEST (nobody_waits_for_a_run_and_a_reset_ends_it)
{
  begun = false;
  threads_run (2, run_or_reset, NULL);
  ck_assert_ptr_null (disk.zram);
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (set ("idle", "all"), 0);
}

/* Whoever is told something replaces the configuration, which a run therefore
 * may not look at but with the lock.  ThreadSanitizer sees whether one has, and
 * it does so each time: by what is told after it, the threads agree about
 * nothing that the run has done since it had the lock. */

static const struct {
  const char *name, *value;
  int code;
} unlocked[] = {
    {"compact", "1", 0},
    {"idle", "all", 0},
    {"recompress", "", 0},
    {"writeback", "idle", ENODEV},
};

static _Atomic bool has_run;

static void
run_and_be_told (void *arg, unsigned me)
{
  struct attr_error mine = {0};
  const size_t *const n = arg;

  if (me == 0) {
    attr_set (&disk, unlocked[*n].name, unlocked[*n].value, NULL, &mine);
    must_equal (mine.code, unlocked[*n].code);
    atomic_store_explicit (&has_run, true, memory_order_relaxed);
    return;
  }
  while (!atomic_load_explicit (&has_run, memory_order_relaxed))
    usleep (1000);
  must_equal (attr_set (&disk, "mem_limit", "1G", NULL, &mine), 0);
}

START_TEST (a_run_looks_at_nothing_that_may_be_told)
{
  size_t n = (size_t) _i;

  has_run = false;
  threads_run (2, run_and_be_told, &n);
}

int
main (void)
{
  Suite *const suite = suite_create ("attrrun");
  TCase *const tc = suite_case (suite, "attrrun");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, all_is_recompressed);
  tcase_add_loop_test (tc, some_are_selected, 0,
                       sizeof selections / sizeof *selections);
  tcase_add_loop_test (tc, what_is_wrong_is_said, 0, sizeof bad / sizeof *bad);
  tcase_add_loop_test (tc, without_a_device_there_is_nothing_to_do, 0, 3);
  tcase_add_loop_test (tc, who_is_interrupted_says_so, 0, 3);
  tcase_add_test (tc, nobody_waits_for_a_run_and_a_reset_ends_it);
  tcase_add_loop_test (tc, a_run_looks_at_nothing_that_may_be_told, 0,
                       sizeof unlocked / sizeof *unlocked);
  return suite_run (suite);
}
