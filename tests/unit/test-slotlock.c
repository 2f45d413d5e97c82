/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot lock: it excludes, keeps the slot's flags, and wakes everybody.
 *
 * A lost wake-up hides where lockers keep coming, since the next release wakes
 * the forgotten sleeper.  So the lock is handed round in rounds: each thread
 * takes it once, and nobody begins a round before all have had the lock in the
 * last one.  A thread that is forgotten then sleeps for ever, and a watchdog
 * sees that nothing moves.
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "slotlock.h"
#include "unit.h"

#define NR_THREADS 4
#define LOCK_BITS  (SLOT_LOCKED | SLOT_WAITERS)

/* How many handovers to a thread that sleeps there must be. */
#define HANDOVERS 1000000

/* How often each thread takes the lock where it need not sleep. */
#define TURNS 100000

/* Nothing moves for so long: a wake-up was lost. */
#define STALL_SECONDS 60

/* One slot and what the threads that fight for it count.  The plain members
 * are only touched under the lock, which is what they test. */
struct arena {
  struct slot slot;
  uint64_t entered;   /* how often somebody took the lock */
  uint64_t handovers; /* how often it was let go for a sleeper */
  uint32_t flags;     /* what was last made of the flags */
  bool finished;
  uint64_t random;

  sem_t coming; /* up for each thread that goes to lock */
  pthread_barrier_t round;
  _Atomic uint64_t progress; /* goes up whenever a thread moves */
  _Atomic unsigned running;
};

/* Look at everything and change it; the caller has just taken the slot. */
static void
use_slot (struct arena *arena, uint32_t flags)
{
  if (flags != arena->flags)
    ck_abort_msg ("flags are 0x%x, but were left as 0x%x", flags, arena->flags);
  must (!(flags & LOCK_BITS));
  must (atomic_load (&arena->slot.flags) & SLOT_LOCKED);
  arena->entered++;
  arena->flags = (uint32_t) random_next (&arena->random) & ~LOCK_BITS;
}

static void
let_go (struct arena *arena)
{
  if (atomic_load (&arena->slot.flags) & SLOT_WAITERS)
    arena->handovers++;
  slot_unlock (arena, &arena->slot, arena->flags);
  atomic_fetch_add (&arena->progress, 1);
}

/* The first to take the lock holds it until all others have come for it, so
 * that they sleep.  They all have it in turn; then the next round begins. */
static void
sleep_in_rounds (struct arena *arena)
{
  unsigned i;

  do {
    sem_post (&arena->coming);
    use_slot (arena, slot_lock (arena, &arena->slot));
    if (arena->entered % NR_THREADS == 1)
      for (i = 0; i < NR_THREADS; ++i)
        sem_wait (&arena->coming);
    if (arena->handovers >= scaled (HANDOVERS))
      arena->finished = true;
    let_go (arena);
    pthread_barrier_wait (&arena->round);
    /* Nobody writes it before this thread has come again. */
  } while (!arena->finished);
}

/* On one CPU a thread that sleeps is the sooner followed by the next. */
static void
stay_on_one_cpu (void)
{
  cpu_set_t set;
  int cpu = 0;

  must_equal (sched_getaffinity (0, sizeof set, &set), 0);
  while (!CPU_ISSET (cpu, &set))
    cpu++;
  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  must_equal (sched_setaffinity (0, sizeof set, &set), 0);
}

/* For so many turns of a loop as others take to come, so that they come just
 * when the slot is let go; now and then, across a sleep. */
static void
hold_for_a_moment (struct arena *arena)
{
  const struct timespec moment = {0, 1};
  volatile uint64_t turns = random_below (&arena->random, 300);

  if (random_below (&arena->random, 100) == 0)
    nanosleep (&moment, NULL);
  else
    while (turns > 0)
      turns--;
}

/* Everybody at once, on all CPUs, in rounds or without. */
static void
race (struct arena *arena, bool in_rounds)
{
  uint64_t i;

  for (i = scaled (TURNS); i > 0; --i) {
    use_slot (arena, slot_lock (arena, &arena->slot));
    hold_for_a_moment (arena);
    let_go (arena);
    if (in_rounds)
      pthread_barrier_wait (&arena->round);
  }
}

static void
try_until_taken (struct arena *arena)
{
  uint32_t flags;

  while (!slot_trylock (arena, &arena->slot, &flags))
    sched_yield ();
  use_slot (arena, flags);
}

/* As sleep_in_rounds, but the first thread takes the lock by trying, before the
 * others come, so that whoever sleeps is woken by one who tried. */
static void
sleep_on_who_tried (struct arena *arena, unsigned me)
{
  unsigned i;

  do {
    if (me == 0) {
      try_until_taken (arena);
      pthread_barrier_wait (&arena->round);
      for (i = 1; i < NR_THREADS; ++i)
        sem_wait (&arena->coming);
      /* They have come, if perhaps not yet to sleep. */
      sched_yield ();
    }
    else {
      pthread_barrier_wait (&arena->round);
      sem_post (&arena->coming);
      use_slot (arena, slot_lock (arena, &arena->slot));
    }
    if (arena->handovers >= scaled (HANDOVERS) / 10)
      arena->finished = true;
    let_go (arena);
    pthread_barrier_wait (&arena->round);
  } while (!arena->finished);
}

/* Half of them lock and half try, whenever they get to it. */
static void
race_by_trying (struct arena *arena, unsigned me)
{
  uint64_t i;

  for (i = scaled (TURNS); i > 0; --i) {
    if (me % 2 == 0)
      try_until_taken (arena);
    else
      use_slot (arena, slot_lock (arena, &arena->slot));
    hold_for_a_moment (arena);
    let_go (arena);
  }
}

/* Watch the others from outside, without a lock. */
static void
watch (struct arena *arena)
{
  const struct timespec second = {1, 0};
  uint64_t last = 0;
  int stalled = 0;

  while (atomic_load (&arena->running) > 0) {
    const uint64_t progress = atomic_load (&arena->progress);

    stalled = progress == last ? stalled + 1 : 0;
    last = progress;
    if (stalled >= STALL_SECONDS)
      ck_abort_msg ("a wake-up was lost: nothing moved for %d seconds after "
                    "%llu times the lock; the flags are 0x%x",
                    STALL_SECONDS, (unsigned long long) progress,
                    (unsigned) atomic_load (&arena->slot.flags));
    nanosleep (&second, NULL);
  }
}

static void
sleepers_main (void *arg, unsigned me)
{
  struct arena *arena = arg;

  if (me == NR_THREADS)
    watch (arena);
  else {
    stay_on_one_cpu ();
    sleep_in_rounds (arena);
    atomic_fetch_sub (&arena->running, 1);
  }
}

static void
racers_in_rounds_main (void *arg, unsigned me)
{
  struct arena *arena = arg;

  if (me == NR_THREADS)
    watch (arena);
  else {
    race (arena, true);
    atomic_fetch_sub (&arena->running, 1);
  }
}

static void
racers_main (void *arg, unsigned me)
{
  struct arena *arena = arg;

  if (me == NR_THREADS)
    watch (arena);
  else {
    race (arena, false);
    atomic_fetch_sub (&arena->running, 1);
  }
}

static void
sleepers_on_who_tried_main (void *arg, unsigned me)
{
  struct arena *arena = arg;

  if (me == NR_THREADS)
    watch (arena);
  else {
    stay_on_one_cpu ();
    sleep_on_who_tried (arena, me);
    atomic_fetch_sub (&arena->running, 1);
  }
}

static void
racers_by_trying_main (void *arg, unsigned me)
{
  struct arena *arena = arg;

  if (me == NR_THREADS)
    watch (arena);
  else {
    race_by_trying (arena, me);
    atomic_fetch_sub (&arena->running, 1);
  }
}

/* Run NR_THREADS of MAIN, and one that watches them, in a new arena. */
static struct arena *
run_in_arena (void (*arena_main) (void *arg, unsigned me))
{
  static struct arena arena;

  memset (&arena, 0, sizeof arena);
  arena.running = NR_THREADS;
  ck_assert_int_eq (sem_init (&arena.coming, 0, 0), 0);
  ck_assert_int_eq (pthread_barrier_init (&arena.round, NULL, NR_THREADS), 0);
  threads_run (NR_THREADS + 1, arena_main, &arena);
  printf ("slot lock: taken %llu times by %d threads, let go for a sleeper "
          "%llu times\n",
          (unsigned long long) arena.entered, NR_THREADS,
          (unsigned long long) arena.handovers);
  ck_assert_uint_eq (arena.entered, arena.progress);
  ck_assert_uint_eq (arena.slot.flags, arena.flags);
  return &arena;
}

START_TEST (a_million_handovers_lose_no_wake_up)
{
  ck_assert_uint_ge (run_in_arena (sleepers_main)->handovers,
                     scaled (HANDOVERS));
}

START_TEST (races_in_rounds_lose_no_wake_up)
{
  ck_assert_uint_eq (run_in_arena (racers_in_rounds_main)->entered,
                     NR_THREADS * scaled (TURNS));
}

START_TEST (races_exclude)
{
  ck_assert_uint_eq (run_in_arena (racers_main)->entered,
                     NR_THREADS * scaled (TURNS));
}

START_TEST (who_tried_wakes_who_sleeps)
{
  ck_assert_uint_ge (run_in_arena (sleepers_on_who_tried_main)->handovers,
                     scaled (HANDOVERS) / 10);
}

START_TEST (races_by_trying_exclude)
{
  ck_assert_uint_eq (run_in_arena (racers_by_trying_main)->entered,
                     NR_THREADS * scaled (TURNS));
}

START_TEST (flags_are_what_was_left)
{
  static const uint32_t all[] = {
      0, 1, SLOT_SIZE_MASK, SLOT_SAME, SLOT_HUGE, SLOT_PRIORITY, ~LOCK_BITS,
  };
  struct slot slot = {.word = 0};
  size_t i;

  for (i = 0; i < sizeof all / sizeof all[0]; ++i) {
    slot_lock (&slot, &slot);
    ck_assert_uint_eq (slot.flags & LOCK_BITS, SLOT_LOCKED);
    slot_unlock (&slot, &slot, all[i]);
    ck_assert_uint_eq (slot.flags, all[i]);
    ck_assert_uint_eq (slot_lock (&slot, &slot), all[i]);
    slot_unlock (&slot, &slot, all[i]);
  }
  ck_assert_uint_eq (slot.word, 0);
}

START_TEST (trylock_takes_only_what_is_free)
{
  struct slot slot = {.flags = 17};
  uint32_t flags = 0;

  ck_assert (slot_trylock (&slot, &slot, &flags));
  ck_assert_uint_eq (flags, 17);
  ck_assert_uint_eq (slot.flags, SLOT_LOCKED | 17);
  ck_assert (!slot_trylock (&slot, &slot, &flags));
  ck_assert_uint_eq (slot.flags, SLOT_LOCKED | 17);
  slot_unlock (&slot, &slot, 18);
  ck_assert_uint_eq (slot.flags, 18);

  ck_assert_uint_eq (slot_lock (&slot, &slot), 18);
  ck_assert (!slot_trylock (&slot, &slot, &flags));
  slot_unlock (&slot, &slot, 19);
  ck_assert (slot_trylock (&slot, &slot, &flags));
  ck_assert_uint_eq (flags, 19);
  slot_unlock (&slot, &slot, 19);

  /* Waiters of before are none of the flags, and are not forgotten. */
  slot.flags = SLOT_WAITERS | 20;
  ck_assert (slot_trylock (&slot, &slot, &flags));
  ck_assert_uint_eq (flags, 20);
  ck_assert_uint_eq (slot.flags, SLOT_LOCKED | SLOT_WAITERS | 20);
  slot_unlock (&slot, &slot, 21);
  ck_assert_uint_eq (slot.flags, 21);
}

/* A waiters bit that somebody left behind is not the slot's business. */
START_TEST (a_stale_waiters_bit_does_no_harm)
{
  struct slot slot = {.flags = SLOT_WAITERS | 5};

  ck_assert_uint_eq (slot_lock (&slot, &slot), 5);
  slot_unlock (&slot, &slot, 6);
  ck_assert_uint_eq (slot.flags, 6);
}

START_TEST (a_slot_is_sixteen_bytes)
{
  ck_assert_uint_eq (sizeof (struct slot), 16);
}

/* Every bit of the flag word has one meaning. */
START_TEST (flag_bits_do_not_overlap)
{
  static const uint32_t parts[] = {
      SLOT_SIZE_MASK, SLOT_SAME,   SLOT_HUGE,
      SLOT_PRIORITY,  SLOT_LOCKED, SLOT_WAITERS,
  };
  uint32_t seen = 0;
  size_t i;

  for (i = 0; i < sizeof parts / sizeof parts[0]; ++i) {
    ck_assert_uint_ne (parts[i], 0);
    ck_assert_uint_eq (seen & parts[i], 0);
    seen |= parts[i];
  }
  ck_assert_uint_ge (SLOT_SIZE_MASK, ZRAM_PAGE_SIZE);
}

START_TEST (a_slot_knows_whether_it_is_allocated)
{
  ck_assert (!slot_allocated (0));
  ck_assert (!slot_allocated (LOCK_BITS));
  ck_assert (!slot_allocated (SLOT_PRIORITY));
  ck_assert (slot_allocated (1));
  ck_assert (slot_allocated (SLOT_SAME));
  ck_assert (slot_allocated (SLOT_HUGE | ZRAM_PAGE_SIZE));
  ck_assert_uint_eq (slot_size (SLOT_HUGE | ZRAM_PAGE_SIZE), ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (slot_size (SLOT_SAME | LOCK_BITS), 0);
}

int
main (void)
{
  Suite *suite = suite_create ("slotlock");
  TCase *tc;

  tc = suite_case (suite, "flags");
  tcase_add_test (tc, flags_are_what_was_left);
  tcase_add_test (tc, trylock_takes_only_what_is_free);
  tcase_add_test (tc, a_stale_waiters_bit_does_no_harm);
  tcase_add_test (tc, a_slot_is_sixteen_bytes);
  tcase_add_test (tc, flag_bits_do_not_overlap);
  tcase_add_test (tc, a_slot_knows_whether_it_is_allocated);

  tc = suite_case (suite, "contended");
  tcase_add_test (tc, a_million_handovers_lose_no_wake_up);
  tcase_add_test (tc, races_in_rounds_lose_no_wake_up);
  tcase_add_test (tc, races_exclude);
  tcase_add_test (tc, who_tried_wakes_who_sleeps);
  tcase_add_test (tc, races_by_trying_exclude);
  return suite_run (suite);
}
