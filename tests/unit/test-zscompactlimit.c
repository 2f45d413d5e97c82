/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction in a pool that gets no more memory, at its limit or without any to
 * be had: nothing is refused because of it, nobody waits for all of it, and
 * nothing is lost.
 */
#include <config.h>

#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "compacting.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

/* An allocation that finds no room because compaction has taken the room. */
struct refused {
  struct slots *slots;
  uint32_t len;
  sem_t go;
  _Atomic pid_t tid;
  int result;
  _Atomic bool answered;
  bool answered_in_time;
};

static void *
malloc_when_told (void *arg)
{
  struct refused *const refused = arg;
  uint64_t handle;

  sem_wait (&refused->go);
  refused->tid = (pid_t) syscall (SYS_gettid);
  refused->result = zs_malloc (refused->slots->pool, refused->len, 0, &handle);
  refused->answered = true;
  if (refused->result == 0)
    zs_free (refused->slots->pool, handle);
  return NULL;
}

/* Wait until thread TID of this process sleeps, or is gone. */
static void
wait_until_asleep (pid_t tid)
{
  char path[64], state = 0;

  snprintf (path, sizeof path, "/proc/self/task/%d/stat", (int) tid);
  while (state != 'S') {
    FILE *const fp = fopen (path, "r");

    if (!fp)
      return;
    if (fscanf (fp, "%*d (%*[^)]) %c", &state) != 1)
      state = 0;
    fclose (fp);
    sched_yield ();
  }
}

static void
malloc_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  struct refused *const refused = slots->arg;

  (void) owner;
  (void) from;
  sem_post (&refused->go);
  while (!refused->tid)
    sched_yield ();
  wait_until_asleep (refused->tid);
}

/* The last object of a zspage is being moved into the last place of the other,
 * so there is no place left; but then there is a zspage more to be had. */
static void
malloc_while_the_last_place_is_taken (bool no_memory)
{
  struct slots slots;
  struct refused refused = {.slots = &slots, .len = kinds[0].len};
  pthread_t thread;

  slots_make_nearly_one (&slots, &kinds[0]);
  if (!no_memory)
    zs_pool_set_limit (slots.pool, 2 * ZSPAGE);
  ck_assert_int_eq (sem_init (&refused.go, 0, 0), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, malloc_when_told, &refused),
                    0);
  slots.before = malloc_beside;
  slots.arg = &refused;
  if (no_memory)
    memory_limit (ZSPAGE / 2);
  zs_compact (slots.pool, NULL);
  pthread_join (thread, NULL);
  if (no_memory)
    memory_limit_lift ();
  ck_assert_uint_eq (slots.moved, 1);
  ck_assert_int_eq (refused.result, 0);
  slots_check_all (&slots);
  sem_destroy (&refused.go);
  slots_destroy (&slots);
}

START_TEST (the_limit_refuses_nothing_because_of_compaction)
{
  malloc_while_the_last_place_is_taken (false);
}

START_TEST (no_memory_refuses_nothing_because_of_compaction)
{
  malloc_while_the_last_place_is_taken (true);
}

/* Of each zspage. */
#define LEFT 8

/* Somebody begins to wait at the first move.  When the next zspage is begun the
 * answer is there, or on its way, or its thread still sleeps. */
static void
malloc_beside_then_look (struct slots *slots, uint64_t owner, uint64_t from)
{
  struct refused *const refused = slots->arg;

  if (!refused->tid)
    malloc_beside (slots, owner, from);
  if (slots->moved == LEFT) {
    wait_until_asleep (refused->tid);
    refused->answered_in_time = refused->answered;
  }
}

/* A long object, for which there is room as soon as any zspage has gone: that
 * is not to wait until all six have.  One that is just let go of may be had by
 * chance, but not time and again. */
static void
wait_for_a_zspage (void)
{
  struct slots slots;
  struct refused refused = {.slots = &slots, .len = 20000};
  pthread_t thread;

  slots_make_full (&slots, 8, &kinds[0]);
  for (unsigned i = 0; i < slots.count; i++)
    if (i % (kinds[0].per_zspage / LEFT))
      slots_drop (&slots, i);
  zs_pool_set_limit (slots.pool, slots_stats (&slots).used);
  ck_assert_int_eq (sem_init (&refused.go, 0, 0), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, malloc_when_told, &refused),
                    0);
  slots.before = malloc_beside_then_look;
  slots.arg = &refused;
  zs_compact (slots.pool, NULL);
  pthread_join (thread, NULL);
  ck_assert_int_eq (refused.result, 0);
  ck_assert_uint_gt (slots.moved, LEFT);
  ck_assert (refused.answered_in_time);
  slots_check_all (&slots);
  sem_destroy (&refused.go);
  slots_destroy (&slots);
}

START_TEST (who_waits_for_a_zspage_does_not_wait_for_all)
{
  for (int i = 0; i < 20; i++)
    wait_for_a_zspage ();
}

/* One thread makes and frees in a pool at its limit what always has room, while
 * another compacts all the time. */
struct at_limit {
  struct slots slots;
  const struct kind *kind;
  _Atomic bool stop;
};

#define LIMIT_ZSPAGES 8

static void
churn_at_limit (struct at_limit *at)
{
  const unsigned live = at->slots.count;
  uint64_t random = 9, round;

  for (round = 0; round < scaled (100000); round++)
    must_equal (slots_put (&at->slots, (unsigned) random_below (&random, live),
                           at->kind->len),
                0);
}

static void
limit_main (void *arg, unsigned me)
{
  struct at_limit *const at = arg;

  if (me == 0) {
    churn_at_limit (at);
    at->stop = true;
  }
  while (!at->stop)
    zs_compact (at->slots.pool, NULL);
}

/* With so many zspages left over, from none but for the two objects that are on
 * their way to two and a half. */
START_TEST (at_the_limit_what_fits_is_not_refused)
{
  struct at_limit at = {.kind = &kinds[_i % NR_KINDS]};
  const unsigned per = at.kind->per_zspage;
  const unsigned free_places = _i < NR_KINDS ? 2 : 5 * per / 2;

  slots_make (&at.slots, LIMIT_ZSPAGES * per - free_places, 64 * MIB);
  zs_pool_set_limit (at.slots.pool, LIMIT_ZSPAGES * ZSPAGE);
  for (unsigned i = 0; i < at.slots.count; i++)
    must_equal (slots_put (&at.slots, i, at.kind->len), 0);
  threads_run (2, limit_main, &at);
  slots_check_all (&at.slots);
  ck_assert_uint_le (slots_stats (&at.slots).max_used, LIMIT_ZSPAGES * ZSPAGE);
  slots_destroy (&at.slots);
}

/* A pool at its limit can be compacted like any other. */
START_TEST (a_pool_at_its_limit_is_compacted)
{
  uint64_t random = 10, used;
  struct slots slots;

  slots_make_random (&slots, &all_sizes[_i], &random);
  slots_drop_random (&slots, 60, &random);
  used = slots_stats (&slots).used;
  zs_pool_set_limit (slots.pool, used);
  ck_assert_uint_gt (slots_compact (&slots), 0);
  ck_assert_uint_le (slots_stats (&slots).max_used, used * 3);
  ck_assert_uint_le (slots_stats (&slots).used,
                     slots_bytes (&slots) + slots_bytes (&slots) / 20);
  slots_destroy (&slots);
}

/* No memory for a zspage more.  Long objects, whose holes take nothing, and
 * what a random drop leaves of the usual ones. */
START_TEST (without_memory_everything_is_kept)
{
  uint64_t random = 11, used;
  struct slots slots;

  slots_make (&slots, 2000, 1024 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, _i ? 25000 : (uint32_t) draw_lz4_len (&random)),
        0);
  if (_i == 0)
    slots_drop_random (&slots, 30, &random);
  used = slots_stats (&slots).used;
  memory_limit (0);
  zs_compact (slots.pool, NULL);
  memory_limit_lift ();
  ck_assert_uint_gt (slots.asked + (unsigned) _i, 0);
  ck_assert_uint_le (slots_stats (&slots).used, used);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zscompactlimit");
  TCase *tc = suite_case (suite, "no more memory");

  tcase_add_test (tc, the_limit_refuses_nothing_because_of_compaction);
  tcase_add_test (tc, who_waits_for_a_zspage_does_not_wait_for_all);
  tcase_add_loop_test (tc, at_the_limit_what_fits_is_not_refused, 0,
                       2 * NR_KINDS);
  tcase_add_loop_test (tc, a_pool_at_its_limit_is_compacted, 0, NR_SIZES);
  if (memory_can_be_limited ()) {
    tcase_add_test (tc, no_memory_refuses_nothing_because_of_compaction);
    tcase_add_loop_test (tc, without_memory_everything_is_kept, 0, 2);
  }
  return suite_run (suite);
}
