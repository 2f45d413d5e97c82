/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction: what it must leave where it is, because it is pinned, or its slot
 * is locked or names something else, or because the run is told to stop.
 */
#include <config.h>

#include <semaphore.h>

#include "compacting.h"
#include "run.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)

START_TEST (one_move_gains_a_zspage)
{
  struct slots slots;
  const unsigned lone = slots_make_nearly_one (&slots, &kinds[_i]);
  const uint64_t handle = slots.slot[lone].handle;

  ck_assert_uint_eq (slots_compact (&slots), 16);
  ck_assert_uint_eq (slots.moved, 1);
  ck_assert_uint_eq (slots_stats (&slots).used, ZSPAGE);
  ck_assert_uint_ne (slots.slot[lone].handle, handle);
  slots_destroy (&slots);
}

/* A thread that has an object pinned until it is told to let go: compaction is
 * no business of a thread that holds one itself. */
struct pin {
  struct zs_pool *pool;
  uint64_t handle;
  const void *bytes;
  pthread_t thread;
  sem_t pinned;
  sem_t let_go;
};

static void *
pin_main (void *arg)
{
  struct pin *const pin = arg;

  pin->bytes = zs_obj_read_begin (pin->pool, pin->handle);
  sem_post (&pin->pinned);
  sem_wait (&pin->let_go);
  zs_obj_read_end (pin->pool, pin->handle);
  return NULL;
}

static void
pin_begin (struct pin *pin, struct zs_pool *pool, uint64_t handle)
{
  pin->pool = pool;
  pin->handle = handle;
  ck_assert_int_eq (sem_init (&pin->pinned, 0, 0), 0);
  ck_assert_int_eq (sem_init (&pin->let_go, 0, 0), 0);
  ck_assert_int_eq (pthread_create (&pin->thread, NULL, pin_main, pin), 0);
  sem_wait (&pin->pinned);
}

static void
pin_end (struct pin *pin)
{
  sem_post (&pin->let_go);
  pthread_join (pin->thread, NULL);
  sem_destroy (&pin->pinned);
  sem_destroy (&pin->let_go);
}

START_TEST (a_pinned_object_stays_until_it_is_not)
{
  struct slots slots;
  const unsigned lone = slots_make_nearly_one (&slots, &kinds[_i]);
  const struct test_slot was = slots.slot[lone];
  struct pin pin;

  pin_begin (&pin, slots.pool, was.handle);
  ck_assert_uint_eq (slots_compact (&slots), 0);
  ck_assert_uint_eq (slots.pinned, 1);
  ck_assert_uint_eq (slots.slot[lone].handle, was.handle);
  slots_must_be (&was, pin.bytes);
  pin_end (&pin);
  ck_assert_uint_eq (slots_compact (&slots), 16);
  ck_assert_uint_eq (slots.moved, 1);
  slots_destroy (&slots);
}

START_TEST (the_last_of_several_pins_holds_too)
{
  struct slots slots;
  const unsigned lone = slots_make_nearly_one (&slots, &kinds[_i]);
  const uint64_t handle = slots.slot[lone].handle;
  struct pin pins[10];

  for (int i = 0; i < 10; i++)
    pin_begin (&pins[i], slots.pool, handle);
  for (int i = 0; i < 9; i++)
    pin_end (&pins[i]);
  ck_assert_uint_eq (slots_compact (&slots), 0);
  ck_assert_uint_eq (slots.pinned, 1);
  pin_end (&pins[9]);
  ck_assert_uint_eq (slots_compact (&slots), 16);
  slots_destroy (&slots);
}

START_TEST (a_locked_slot_is_skipped)
{
  struct slots slots;
  const unsigned lone = slots_make_nearly_one (&slots, &kinds[_i]);
  const uint64_t handle = slots.slot[lone].handle;

  pthread_mutex_lock (&slots.slot[lone].lock);
  ck_assert_uint_eq (zs_compact (slots.pool, NULL), 0);
  pthread_mutex_unlock (&slots.slot[lone].lock);
  slots_check_all (&slots);
  ck_assert_uint_eq (slots.locked, 1);
  ck_assert_uint_eq (slots.slot[lone].handle, handle);
  ck_assert_uint_eq (slots_compact (&slots), 16);
  slots_destroy (&slots);
}

/* Its slot names nothing yet, or something else already. */
START_TEST (an_object_that_no_slot_names_is_skipped)
{
  struct slots slots;
  const unsigned lone = slots_make_nearly_one (&slots, &kinds[_i % NR_KINDS]);
  struct test_slot *const slot = &slots.slot[lone];
  const uint64_t handle = slot->handle;

  slot->handle = _i < NR_KINDS ? 0 : slots.slot[1].handle;
  ck_assert_uint_eq (zs_compact (slots.pool, NULL), 0);
  ck_assert_uint_eq (slots.foreign, 1);
  ck_assert_uint_eq (slots.moved, 0);
  slot->handle = handle;
  slots_check_all (&slots);
  ck_assert_uint_eq (slots_compact (&slots), 16);
  slots_destroy (&slots);
}

START_TEST (without_a_relocate_function_nothing_is_moved)
{
  struct slots slots;
  uint64_t used;

  slots_make_nearly_one (&slots, &kinds[_i]);
  used = slots_stats (&slots).used;
  zs_pool_set_relocate (slots.pool, NULL, NULL);
  ck_assert_uint_eq (slots_compact (&slots), 0);
  ck_assert_uint_eq (slots_stats (&slots).used, used);
  slots_destroy (&slots);
}

static void
stop_after_five (struct slots *slots, uint64_t owner, uint64_t from)
{
  _Atomic bool *const stop = slots->arg;

  (void) owner;
  (void) from;
  if (slots->asked == 5)
    *stop = true;
}

START_TEST (a_run_can_be_stopped)
{
  _Atomic bool stop = true;
  const struct run run = {.stop = &stop};
  struct slots slots;

  slots_make_quarter_full (&slots, &kinds[_i]);
  ck_assert_uint_eq (zs_compact (slots.pool, &run), 0);
  ck_assert_uint_eq (slots.asked, 0);
  stop = false;
  slots.arg = &stop;
  slots.before = stop_after_five;
  zs_compact (slots.pool, &run);
  ck_assert_uint_eq (slots.asked, 5);
  slots_check_all (&slots);
  stop = false;
  slots.before = NULL;
  ck_assert_int_gt (zs_compact (slots.pool, &run), 0);
  slots_check_all (&slots);
  ck_assert_uint_eq (slots_stats (&slots).used,
                     (slots_cost (&slots) + ZSPAGE - 1) / ZSPAGE * ZSPAGE);
  slots_destroy (&slots);
}

/* Holes that are too short for what is left, so that it needs zspages more, in
 * each of which the first object is nobody's in those that come first: what was
 * made for these is given back, and made for others. */
START_TEST (what_stays_takes_no_zspage_from_others)
{
  const unsigned pairs = 13, nr_zspages = 10;
  uint64_t nobodys[2];
  struct slots slots;

  slots_make (&slots, 2 * pairs * nr_zspages, 64 * ZSPAGE);
  for (unsigned i = 0; i < slots.count; i++)
    ck_assert_int_eq (slots_put (&slots, i, i % 2 ? 2000 : 3000), 0);
  for (unsigned i = 1; i < slots.count; i += 2)
    slots_drop (&slots, i);
  for (unsigned i = 0; i < 2; i++) {
    nobodys[i] = slots.slot[2 * pairs * i].handle;
    slots.slot[2 * pairs * i].handle = 0;
  }
  ck_assert_uint_ne (slots_zspage (nobodys[0]), slots_zspage (nobodys[1]));
  ck_assert_int_gt (zs_compact (slots.pool, NULL), 0);
  ck_assert_uint_eq (slots.foreign, 2);
  for (unsigned i = 0; i < 2; i++)
    zs_free (slots.pool, nobodys[i]);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zscompactstays");
  TCase *tc = suite_case (suite, "what stays");

  tcase_add_loop_test (tc, one_move_gains_a_zspage, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_pinned_object_stays_until_it_is_not, 0, NR_KINDS);
  tcase_add_loop_test (tc, the_last_of_several_pins_holds_too, 0, NR_KINDS);
  tcase_add_loop_test (tc, a_locked_slot_is_skipped, 0, NR_KINDS);
  tcase_add_loop_test (tc, an_object_that_no_slot_names_is_skipped, 0,
                       2 * NR_KINDS);
  tcase_add_loop_test (tc, without_a_relocate_function_nothing_is_moved, 0,
                       NR_KINDS);
  tcase_add_test (tc, what_stays_takes_no_zspage_from_others);
  tcase_add_loop_test (tc, a_run_can_be_stopped, 0, NR_KINDS);
  return suite_run (suite);
}
