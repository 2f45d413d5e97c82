/* SPDX-License-Identifier: BSD-3-Clause */
/* All that can be done to a pool, done at once: threads that allocate, free,
 * read, and sleep with an object pinned, while one compacts and one looks the
 * pool over all the time.
 *
 * MODEL_SEED repeats a run, as far as threads repeat; MODEL_OPS makes it
 * longer: minutes, or hours.  Both are printed.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "slots.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

/* Of these threads one compacts, one looks, and the others use the pool. */
#define NR_THREADS 6
#define NR_SLOTS   4000
#define OPS        100000

/* The first slots are each one thread's alone: what it reads there nobody else
 * frees, so it may let go of the slot's lock while it reads. */
#define OWN    16
#define SHARED (NR_THREADS * OWN)

struct stress {
  struct slots slots;
  uint64_t seed;
  uint64_t ops; /* of each thread that uses the pool */
  bool limited;
  _Atomic unsigned users; /* those that are not done yet */
};

static uint32_t
draw_len (uint64_t *random)
{
  switch (random_below (random, 16)) {
  case 0:
    return 1 + (uint32_t) random_below (random, ZS_MAX_ALLOC_SIZE);
  case 1:
    return ZRAM_PAGE_SIZE;
  default:
    return (uint32_t) draw_lz4_len (random);
  }
}

static void
put (struct stress *stress, unsigned i, uint64_t *random)
{
  const int r = slots_put (&stress->slots, i, draw_len (random));

  must (r == 0 || (stress->limited && r == -ENOSPC));
}

/* Sleep in the middle of reading; with the lock, as the device does, or without
 * it: then the pin alone keeps the object where it is. */
static void
read_asleep (struct stress *stress, unsigned i, bool keep_lock)
{
  const struct timespec nap = {.tv_nsec = 200000};
  struct test_slot *const slot = &stress->slots.slot[i];

  pthread_mutex_lock (&slot->lock);
  const uint64_t handle = slot->handle;

  if (handle) {
    const void *const bytes = zs_obj_read_begin (stress->slots.pool, handle);

    if (!keep_lock)
      pthread_mutex_unlock (&slot->lock);
    nanosleep (&nap, NULL);
    if (!keep_lock)
      pthread_mutex_lock (&slot->lock);
    must_equal (slot->handle, handle);
    slots_must_be (slot, bytes);
    zs_obj_read_end (stress->slots.pool, handle);
  }
  pthread_mutex_unlock (&slot->lock);
}

/* Free many neighbours at once, as a discard does. */
static void
discard (struct stress *stress, unsigned first, unsigned n)
{
  for (unsigned i = first; i < first + n && i < NR_SLOTS; i++)
    slots_drop (&stress->slots, i);
}

static void
use (struct stress *stress, unsigned me, uint64_t *random)
{
  const unsigned i =
      SHARED + (unsigned) random_below (random, NR_SLOTS - SHARED);
  const unsigned own = me * OWN + (unsigned) random_below (random, OWN);
  const uint64_t what = random_below (random, 1000);

  if (what < 500)
    put (stress, i, random);
  else if (what < 650)
    slots_drop (&stress->slots, i);
  else if (what < 690)
    put (stress, own, random);
  else if (what == 997)
    read_asleep (stress, own, false);
  else if (what == 998)
    read_asleep (stress, i, true);
  else if (what == 999)
    discard (stress, i, 200);
  else
    slots_read (&stress->slots, i);
}

static void
look (struct stress *stress)
{
  struct zs_fragmentation f;
  struct zs_pool_stats stats;

  slots_check (&stress->slots);
  zs_pool_fragmentation (stress->slots.pool, &f);
  stats = slots_stats (&stress->slots);
  must (!stats.limit || stats.used <= stats.limit);
  must (stats.live <= stats.used);
}

static void
stress_main (void *arg, unsigned me)
{
  struct stress *const stress = arg;
  uint64_t random = stress->seed + me;

  if (me >= 2) {
    for (uint64_t i = 0; i < stress->ops; i++)
      use (stress, me, &random);
    stress->users--;
  }
  /* Once at least, should a thread come to run when the users have ended. */
  do
    if (me == 0)
      zs_compact (stress->slots.pool, NULL);
    else
      look (stress);
  while (stress->users > 0);
}

static uint64_t
environment_number (const char *name, uint64_t otherwise)
{
  const char *const text = getenv (name);

  return text ? strtoull (text, NULL, 0) : otherwise;
}

static void
stress_make (struct stress *stress, bool limited)
{
  stress->seed = environment_number ("MODEL_SEED", (uint64_t) time (NULL));
  stress->ops = environment_number ("MODEL_OPS", scaled (OPS));
  stress->limited = limited;
  stress->users = NR_THREADS - 2;
  fprintf (stderr,
           "stress: %slimited: MODEL_SEED=%" PRIu64 " MODEL_OPS=%" PRIu64 "\n",
           limited ? "" : "not ", stress->seed, stress->ops);
  slots_make (&stress->slots, NR_SLOTS, 256 * MIB);
  if (limited)
    zs_pool_set_limit (stress->slots.pool, 6 * MIB);
}

/* Everything is where it should be, and all of it goes. */
static void
stress_finish (struct stress *stress, uint64_t before)
{
  struct slots *const slots = &stress->slots;

  slots_check_all (slots);
  ck_assert_uint_gt (slots->moved, 0);
  discard (stress, 0, NR_SLOTS);
  zs_pool_shrink (slots->pool);
  slots_check_all (slots);
  ck_assert_uint_eq (slots_stats (slots).used, 0);
  ck_assert_uint_eq (slots_stats (slots).live, 0);
  if (!instrumented ())
    ck_assert_uint_le (rss_bytes (), before + 2 * MIB);
  printf ("stress: %llu moved, %llu not: %llu locked, %llu foreign, %llu "
          "pinned\n",
          (unsigned long long) slots->moved,
          (unsigned long long) (slots->asked - slots->moved),
          (unsigned long long) slots->locked,
          (unsigned long long) slots->foreign,
          (unsigned long long) slots->pinned);
  slots_destroy (slots);
}

static void
nothing (void *arg, unsigned me)
{
  (void) arg;
  (void) me;
}

START_TEST (everything_at_once)
{
  static struct stress stress;
  uint64_t before;

  stress_make (&stress, _i == 1);
  /* So that the threads' stacks are counted as before. */
  threads_run (NR_THREADS, nothing, NULL);
  before = rss_bytes ();
  threads_run (NR_THREADS, stress_main, &stress);
  stress_finish (&stress, before);
}

int
main (void)
{
  Suite *suite = suite_create ("zsstress");
  TCase *tc = suite_case (suite, "stress");

  /* Who asks for more operations has the time. */
  if (getenv ("MODEL_OPS"))
    tcase_set_timeout (tc, 0);
  tcase_add_loop_test (tc, everything_at_once, 0, 2);
  return suite_run (suite);
}
