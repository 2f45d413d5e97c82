/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction: what it gains, and what it moves for that.  What it must leave
 * where it is, is in test-zscompactstays.c, what others may do meanwhile in
 * test-zscompactbeside.c, and a pool that gets no more in
 * test-zscompactlimit.c.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compacting.h"
#include "run.h"
#include "unit.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

START_TEST (after_freeing_at_random_little_is_lost)
{
  const struct sizes *const sizes = &all_sizes[_i];
  uint64_t random = 5, bytes, used;
  struct slots slots;

  slots_make_random (&slots, sizes, &random);
  slots_drop_random (&slots, 60, &random);
  bytes = slots_bytes (&slots);
  ck_assert_uint_gt (slots_stats (&slots).used, bytes * 2);
  ck_assert_uint_gt (slots_compact (&slots), 0);
  used = slots_stats (&slots).used;
  printf ("compact: sizes %d: %llu KiB asked for, overhead %.1f %%, %llu "
          "moves\n",
          _i, (unsigned long long) bytes >> 10,
          (double) (used - bytes) * 100 / (double) bytes,
          (unsigned long long) slots.moved);
  ck_assert_uint_le (used, bytes + bytes * sizes->permille / 1000);
  slots_destroy (&slots);
}

/* What is left after that is as good as any pool: it can be used on, emptied,
 * and all of it goes. */
START_TEST (a_compacted_pool_works_on)
{
  const struct sizes *const sizes = &all_sizes[_i];
  uint64_t random = 6;
  struct slots slots;

  slots_make_random (&slots, sizes, &random);
  for (int round = 0; round < 3; round++) {
    slots_drop_random (&slots, 60, &random);
    slots_compact (&slots);
    for (unsigned i = 0; i < slots.count; i += 2)
      must_equal (slots_put (&slots, i, (uint32_t) sizes->draw_len (&random)),
                  0);
    slots_check_all (&slots);
  }
  slots_drop_random (&slots, 100, &random);
  ck_assert_uint_eq (slots_stats (&slots).used, 0);
  ck_assert_uint_eq (slots_stats (&slots).live, 0);
  slots_destroy (&slots);
}

/* What a run empties goes back to the system, at its end at the latest, and
 * while it goes on: there is never much that is nobody's.  All in zspages. */
#define MOST_KEPT     8
#define MOST_TOGETHER 150

struct watch {
  const struct slots *slots;
  uint64_t most;
};

static void
watch_reserve (void *arg, uint64_t done, uint64_t total)
{
  struct watch *const watch = arg;
  const uint64_t reserve = slots_stats (watch->slots).reserve / ZSPAGE;

  (void) done;
  (void) total;
  if (reserve > watch->most)
    watch->most = reserve;
}

START_TEST (what_a_run_empties_goes_back)
{
  const unsigned n = _i ? 900 : 40;
  struct slots slots;
  struct watch watch = {.slots = &slots};
  const struct run run = {.progress = watch_reserve, .arg = &watch};

  slots_make_full (&slots, n, &kinds[0]);
  for (unsigned i = 0; i < slots.count; i++)
    if (i % 4)
      slots_drop (&slots, i);
  ck_assert_int_eq (zs_compact (slots.pool, &run), (int64_t) n / 4 * 3 * 16);
  ck_assert_uint_gt (watch.most, MOST_KEPT);
  ck_assert_uint_lt (watch.most, MOST_TOGETHER);
  ck_assert_uint_le (slots_stats (&slots).reserve, MOST_KEPT * ZSPAGE);
  slots_destroy (&slots);
}

/* What is moved. */

static int
compare_uint64 (const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return x < y ? -1 : x > y;
}

/* What lives in the N emptiest zspages together. */
static uint64_t
emptiest_hold (const struct slots *slots, uint64_t n)
{
  uint64_t *const held = calloc (16384, sizeof *held);
  uint64_t sum = 0;

  ck_assert_ptr_nonnull (held);
  for (unsigned i = 0; i < slots->count; i++)
    if (slots->slot[i].handle) {
      must (slots_zspage (slots->slot[i].handle) < 16384);
      held[slots_zspage (slots->slot[i].handle)] +=
          zs_cost (slots->slot[i].len);
    }
  qsort (held, 16384, sizeof *held, compare_uint64);
  for (unsigned i = 0; i < 16384 && n > 0; i++)
    if (held[i] > 0) {
      sum += held[i];
      n--;
    }
  free (held);
  return sum;
}

/* The least that must be moved to gain so much is what the emptiest zspages
 * hold; more is moved where it cannot stay. */
START_TEST (little_more_than_the_least_is_moved)
{
  const struct sizes *const sizes = &all_sizes[_i / 3];
  const unsigned percent = 20 + 20 * (unsigned) (_i % 3);
  uint64_t random = 7, pages;
  struct slots slots, before;

  slots_make_random (&slots, sizes, &random);
  slots_drop_random (&slots, percent, &random);
  before = slots;
  before.slot = malloc (slots.count * sizeof *before.slot);
  ck_assert_ptr_nonnull (before.slot);
  memcpy (before.slot, slots.slot, slots.count * sizeof *before.slot);
  pages = slots_compact (&slots);
  const uint64_t least = emptiest_hold (&before, pages / 16);

  printf ("compact: sizes %d, %u %% free: moved %.2f of the least\n", _i / 3,
          percent, (double) slots.moved_bytes / (double) least);
  ck_assert_uint_le (slots.moved_bytes, least * sizes->percent / 100);
  free (before.slot);
  slots_destroy (&slots);
}

/* Ten zspages, of which zspage i has i + 1 objects: those with the fewest are
 * the ones that go. */
START_TEST (the_emptiest_go)
{
  const struct kind *const kind = &kinds[_i];
  const unsigned per = kind->per_zspage;
  struct slots slots;
  uint64_t moved = 0;

  slots_make_full (&slots, 10, kind);
  for (unsigned i = 0; i < slots.count; i++)
    if (i % per > i / per)
      slots_drop (&slots, i);
  /* They are 55: two zspages of 32, or four of 16. */
  slots_compact (&slots);
  ck_assert_uint_eq (slots_stats (&slots).used, (55 + per - 1) / per * ZSPAGE);
  for (unsigned i = 0; i < 10 - (55 + per - 1) / per; i++)
    moved += i + 1;
  /* Some first went to one that was to go later: the more, the more often this
   * thread has been moved from one CPU to another, up to a quarter and more. */
  ck_assert_uint_ge (slots.moved, moved);
  ck_assert_uint_le (slots.moved, moved + moved / 2);
  slots_destroy (&slots);
}

START_TEST (nothing_to_gain_moves_nothing)
{
  const struct kind *const kind = &kinds[_i];
  struct slots slots;

  slots_make (&slots, 1, MIB);
  ck_assert_uint_eq (slots_compact (&slots), 0);
  slots_destroy (&slots);

  /* Full; then with as many holes as are just too few; then with more, but
   * hardly any in each zspage. */
  slots_make_full (&slots, 60, kind);
  ck_assert_uint_eq (slots_compact (&slots), 0);
  for (unsigned i = 0; i < 60; i++) {
    slots_drop (&slots, i * kind->per_zspage);
    if (i == kind->per_zspage - 2)
      ck_assert_uint_eq (slots_compact (&slots), 0);
  }
  ck_assert_uint_eq (slots_compact (&slots), 0);
  ck_assert_uint_eq (slots.asked, 0);
  slots_destroy (&slots);
}

/* Holes that together are many zspages, but each too short for any object: two
 * or one to a zspage.  Whoever finds that out may move a few. */
static const uint32_t unfitting[] = {12000, 25000, ZS_MAX_ALLOC_SIZE};

START_TEST (holes_too_short_for_anything_move_little)
{
  struct slots slots;

  slots_make (&slots, 200, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (slots_put (&slots, i, unfitting[_i]), 0);
  ck_assert_uint_eq (slots_compact (&slots), 0);
  ck_assert_uint_le (slots.moved, 10);
  slots_destroy (&slots);
}

/* Half of a zspage or nearly: those left alone in one can be put together, but
 * what that gains is no reason to move all the others from zspage to zspage. */
START_TEST (long_objects_are_not_moved_for_next_to_nothing)
{
  struct slots slots;

  slots_make (&slots, 4000, 512 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    must_equal (slots_put (&slots, i, 30000), 0);
  for (unsigned i = 0; i < slots.count; i += 100)
    slots_drop (&slots, i);
  ck_assert_uint_gt (slots_compact (&slots), 0);
  ck_assert_uint_le (slots.moved, slots.count / 10);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

START_TEST (a_second_run_finds_nothing_left)
{
  uint64_t random = 8, moved, used;
  struct slots slots;

  slots_make_random (&slots, &all_sizes[_i], &random);
  slots_drop_random (&slots, 60, &random);
  slots_compact (&slots);
  moved = slots.moved;
  used = slots_stats (&slots).used;
  slots_compact (&slots);
  ck_assert_uint_le (slots.moved - moved, moved / 20);
  ck_assert_uint_le (slots_stats (&slots).used, used);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zscompact");
  TCase *tc = suite_case (suite, "what is gained and moved");

  tcase_add_loop_test (tc, after_freeing_at_random_little_is_lost, 0, NR_SIZES);
  tcase_add_loop_test (tc, a_compacted_pool_works_on, 0, NR_SIZES);
  tcase_add_loop_test (tc, what_a_run_empties_goes_back, 0, 2);
  tcase_add_loop_test (tc, little_more_than_the_least_is_moved, 0,
                       3 * NR_SIZES);
  tcase_add_loop_test (tc, the_emptiest_go, 0, NR_KINDS);
  tcase_add_loop_test (tc, nothing_to_gain_moves_nothing, 0, NR_KINDS);
  tcase_add_loop_test (tc, holes_too_short_for_anything_move_little, 0, 3);
  tcase_add_test (tc, long_objects_are_not_moved_for_next_to_nothing);
  tcase_add_loop_test (tc, a_second_run_finds_nothing_left, 0, NR_SIZES);
  return suite_run (suite);
}
