/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that is locked in memory, as one that serves swap will be: what is
 * not touched still takes nothing, and what is discarded or compacted goes back
 * as it does without.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "filling.h"
#include "oldkernel.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

#define NR_PAGES (128 * MIB / REAL_MEAN)
#define KEPT     40

/* What this process has in memory at each step, beyond what it had. */
struct course {
  uint64_t made;
  uint64_t filled;
  uint64_t overwritten;
  uint64_t compacted;
  uint64_t emptied;
};

static uint64_t
locked_bytes (void)
{
  return proc_bytes ("/proc/self/smaps_rollup", "Locked:");
}

static uint64_t
more_than (uint64_t before)
{
  const uint64_t now = rss_bytes ();

  return now > before ? now - before : 0;
}

static void
run_course (struct course *course)
{
  const uint64_t before = rss_bytes ();
  const struct zram_config large = {.disksize = UINT64_C (1) << 40};
  struct filling filling;
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &large), 0);
  course->made = more_than (before);
  zram_destroy (zram);
  filling_make (&filling, NR_PAGES, 0);
  course->filled = more_than (before);
  filling_refill (&filling);
  course->overwritten = more_than (before);
  filling_check (&filling);
  filling_discard (&filling, KEPT);
  ck_assert_uint_gt (zram_compact (filling.zram, NULL), 0);
  course->compacted = more_than (before);
  filling_check (&filling);
  filling_discard (&filling, 0);
  zram_compact (filling.zram, NULL);
  course->emptied = more_than (before);
  filling_check (&filling);
  filling_destroy (&filling);
}

static void
print_course (const char *what, const struct course *course)
{
  printf ("%s: made %llu KiB, filled %llu, overwritten %llu, compacted %llu, "
          "emptied %llu\n",
          what, (unsigned long long) course->made >> 10,
          (unsigned long long) course->filled >> 10,
          (unsigned long long) course->overwritten >> 10,
          (unsigned long long) course->compacted >> 10,
          (unsigned long long) course->emptied >> 10);
}

/* Within a hundredth and 2 MiB. */
static void
must_be_alike (uint64_t locked, uint64_t unlocked)
{
  const uint64_t slack = unlocked / 100 + 2 * MIB;

  ck_assert_uint_le (locked, unlocked + slack);
  ck_assert_uint_ge (locked + slack, unlocked);
}

START_TEST (locked_memory_goes_back_as_any_other)
{
  struct course unlocked, locked;

  run_course (&unlocked);
  print_course ("unlocked", &unlocked);
  ck_assert_int_eq (memory_lock (), true);
  run_course (&locked);
  print_course ("locked", &locked);
  must_be_alike (locked.made, unlocked.made);
  must_be_alike (locked.filled, unlocked.filled);
  must_be_alike (locked.overwritten, unlocked.overwritten);
  must_be_alike (locked.compacted, unlocked.compacted);
  must_be_alike (locked.emptied, unlocked.emptied);
  ck_assert_uint_lt (locked.emptied, 4 * MIB);
}

/* What was given back is unlocked, and what was made since is locked, on an old
 * kernel, too. */
START_TEST (what_is_locked_is_what_is_held)
{
  struct filling filling;
  uint64_t before, full, after;

  kernel_pretend ((enum kernel_age) _i);
  ck_assert_int_eq (memory_lock (), true);
  before = locked_bytes ();
  filling_make (&filling, NR_PAGES, 0);
  full = locked_bytes () - before;
  ck_assert_uint_ge (full, 100 * MIB);
  filling_discard (&filling, KEPT);
  zram_compact (filling.zram, NULL);
  after = locked_bytes () - before;
  printf ("locked: %llu KiB full, %llu KiB compacted\n",
          (unsigned long long) full >> 10, (unsigned long long) after >> 10);
  ck_assert_uint_lt (after, full / 2);
  filling_refill (&filling);
  ck_assert_uint_ge (locked_bytes () - before, full - full / 20);
  filling_check (&filling);
  filling_destroy (&filling);
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("the memory of who watches cannot be told from the program's");
  if (!memory_lock ()) {
    fprintf (stderr, "mlockall: %s\n", strerror (errno));
    return skip ("this process may not be locked in memory");
  }
  munlockall ();
  measure_alone ();
  suite = suite_create ("lockedmemory");
  tc = suite_case (suite, "locked memory");
  tcase_add_test (tc, locked_memory_goes_back_as_any_other);
  tcase_add_loop_test (tc, what_is_locked_is_what_is_held, 0, KERNEL_AGES);
  return suite_run (suite);
}
