/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction, and others at the same time: who compacts too, who frees what is
 * being moved, and who reads for as long as that takes.
 */
#include <config.h>

#include <errno.h>
#include <semaphore.h>
#include <time.h>

#include "background.h"
#include "compacting.h"
#include "slottable.h"
#include "unit.h"

#define MIB (UINT64_C (1) << 20)

/* Who waits this long waits for what never comes. */
#define WATCHDOG_SECONDS 100

static void *
compact_too (void *arg)
{
  const struct slots *const slots = arg;

  must_equal (zs_compact (slots->pool, NULL), -EBUSY);
  return NULL;
}

static void
compact_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  pthread_t thread;

  (void) owner;
  (void) from;
  must_equal (pthread_create (&thread, NULL, compact_too, slots), 0);
  must_equal (pthread_join (thread, NULL), 0);
}

START_TEST (of_two_runs_at_once_one_does_nothing)
{
  struct slots slots;
  uint64_t asked;

  slots_make_quarter_full (&slots, &kinds[_i]);
  slots.before = compact_beside;
  ck_assert_uint_gt (slots_compact (&slots), 0);
  asked = slots.asked;
  ck_assert_uint_eq (slots.moved, asked);
  slots_destroy (&slots);
}

/* The device's own thread looks at the pool, and is ended. */
static void
look_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  struct background *const background = slots->arg;
  struct slot_table *table;

  (void) owner;
  (void) from;
  must_equal (slot_table_create (&table, 1, slots), 0);
  must_equal (background_start (background, slots->pool, table), 0);
  while (!background->due)
    sched_yield ();
  background_stop (background);
  slot_table_destroy (table);
  slots->before = NULL;
}

/* Which gains nothing, and that says nothing of the pool: it is no reason to
 * look at it less often. */
START_TEST (a_run_that_is_not_made_was_not_in_vain)
{
  struct background background = {.compact_threshold = 1};
  struct slots slots;

  slots_make_full (&slots, 100, &kinds[_i]);
  for (unsigned i = 0; i < slots.count; i++)
    if (i % 4)
      slots_drop (&slots, i);
  slots.arg = &background;
  slots.before = look_beside;
  ck_assert_uint_gt (slots_compact (&slots), 0);
  ck_assert_uint_gt (background.due, 0);
  ck_assert_uint_eq (background.vain.until, 0);
  slots_destroy (&slots);
}

/* Each time an object of a zspage is about to be moved, others of that zspage
 * are freed, and now and then it itself; of odd slots only. */
static void
free_beside (struct slots *slots, uint64_t owner, uint64_t from)
{
  unsigned freed = 0;

  for (unsigned i = 1; i < slots->count && freed < 2; i += 2)
    if (i != owner && slots->slot[i].handle &&
        slots_zspage (slots->slot[i].handle) == slots_zspage (from)) {
      slots_drop (slots, i);
      freed++;
    }
  if (owner % 6 == 3)
    slots_drop (slots, (unsigned) owner);
  slots_check (slots);
}

START_TEST (others_may_free_in_a_zspage_that_is_leaving)
{
  uint64_t random = (uint64_t) _i;
  struct slots slots;

  slots_make (&slots, 2000, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, (uint32_t) all_sizes[_i].draw_len (&random)), 0);
  slots_drop_random (&slots, 60, &random);
  slots.before = free_beside;
  ck_assert_int_gt (zs_compact (slots.pool, NULL), 0);
  ck_assert_uint_gt (slots.asked, 0);
  slots_check_all (&slots);
  slots.before = NULL;
  slots_compact (&slots);
  slots_drop_random (&slots, 100, &random);
  ck_assert_uint_eq (slots_stats (&slots).used, 0);
  slots_destroy (&slots);
}

/* The same, and what is leaving does not get empty: it goes on being used.  The
 * locks of some even slots are kept. */
static void
free_some_and_lock (struct slots *slots, uint64_t owner, uint64_t from)
{
  free_beside (slots, owner, from);
  /* ThreadSanitizer follows a thread with no more than 64 locks. */
  if (owner % 2 == 0 && slots->locked < 40)
    pthread_mutex_trylock (&slots->slot[owner].lock);
}

START_TEST (a_zspage_that_cannot_leave_is_whole_again)
{
  uint64_t random = (uint64_t) _i;
  struct slots slots;

  slots_make (&slots, 2000, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, (uint32_t) all_sizes[_i].draw_len (&random)), 0);
  slots_drop_random (&slots, 60, &random);
  slots.before = free_some_and_lock;
  zs_compact (slots.pool, NULL);
  ck_assert_uint_gt (slots.locked, 0);
  slots_check (&slots);
  for (unsigned i = 0; i < slots.count; i++) {
    pthread_mutex_trylock (&slots.slot[i].lock);
    pthread_mutex_unlock (&slots.slot[i].lock);
  }
  slots_check_all (&slots);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (
        slots_put (&slots, i, (uint32_t) all_sizes[_i].draw_len (&random)), 0);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* A reader who sleeps. */
struct sleeper {
  struct slots slots;
  unsigned slot;
  bool keeps_lock;
  sem_t asleep;
  sem_t all_done;
};

/* Sleeps until all the others are done: if one of them waits for this reader,
 * the watchdog barks. */
static void
sleep_while_reading (struct sleeper *sleeper)
{
  struct test_slot *const slot = &sleeper->slots.slot[sleeper->slot];
  struct timespec end;
  const void *bytes;

  pthread_mutex_lock (&slot->lock);
  const uint64_t handle = slot->handle;
  bytes = zs_obj_read_begin (sleeper->slots.pool, handle);
  if (!sleeper->keeps_lock)
    pthread_mutex_unlock (&slot->lock);
  sem_post (&sleeper->asleep);
  clock_gettime (CLOCK_REALTIME, &end);
  end.tv_sec += WATCHDOG_SECONDS;
  must_equal (sem_timedwait (&sleeper->all_done, &end), 0);
  must_equal (slot->handle, handle);
  slots_must_be (slot, bytes);
  zs_obj_read_end (sleeper->slots.pool, handle);
  if (sleeper->keeps_lock)
    pthread_mutex_unlock (&slot->lock);
}

/* All that others do with the pool, beside the reader's object and around it.
 */
static void
use_the_pool (struct sleeper *sleeper)
{
  struct slots *const slots = &sleeper->slots;
  uint64_t random = 12;

  for (unsigned i = 0; i < slots->count; i++)
    if (i != sleeper->slot)
      slots_read (slots, i);
  for (unsigned i = 0; i < slots->count; i++)
    if (i != sleeper->slot && random_below (&random, 100) < 60)
      slots_drop (slots, i);
  must (zs_compact (slots->pool, NULL) > 0);
  for (unsigned i = 0; i < slots->count; i++)
    if (i != sleeper->slot)
      must_equal (slots_put (slots, i, (uint32_t) draw_lz4_len (&random)), 0);
  slots_check (slots);
}

static void
sleeper_main (void *arg, unsigned me)
{
  struct sleeper *const sleeper = arg;

  if (me == 0)
    sleep_while_reading (sleeper);
  else {
    sem_wait (&sleeper->asleep);
    use_the_pool (sleeper);
    sem_post (&sleeper->all_done);
  }
}

START_TEST (a_reader_asleep_holds_up_nobody)
{
  struct sleeper sleeper = {.keeps_lock = _i % 2};
  uint64_t random = 13;

  slots_make (&sleeper.slots, (unsigned) scaled (10000), 64 * MIB);
  for (unsigned i = 0; i < sleeper.slots.count; i++)
    must_equal (
        slots_put (&sleeper.slots, i, (uint32_t) draw_lz4_len (&random)), 0);
  sleeper.slot = sleeper.slots.count / 2;
  must_equal (
      slots_put (&sleeper.slots, sleeper.slot, _i / 2 ? ZRAM_PAGE_SIZE : 1000),
      0);
  ck_assert_int_eq (sem_init (&sleeper.asleep, 0, 0), 0);
  ck_assert_int_eq (sem_init (&sleeper.all_done, 0, 0), 0);
  threads_run (2, sleeper_main, &sleeper);
  slots_check_all (&sleeper.slots);
  slots_destroy (&sleeper.slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zscompactbeside");
  TCase *tc = suite_case (suite, "others at the same time");

  tcase_add_loop_test (tc, of_two_runs_at_once_one_does_nothing, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_run_that_is_not_made_was_not_in_vain, 0, NR_KINDS);
  tcase_add_loop_test (tc, others_may_free_in_a_zspage_that_is_leaving, 0,
                       NR_SIZES);
  tcase_add_loop_test (tc, a_zspage_that_cannot_leave_is_whole_again, 0,
                       NR_SIZES);
  tcase_add_loop_test (tc, a_reader_asleep_holds_up_nobody, 0, 4);
  return suite_run (suite);
}
