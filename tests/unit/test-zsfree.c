/* SPDX-License-Identifier: BSD-3-Clause */
/* Freeing many objects together does what freeing them one at a time does, and
 * what waits to be freed is as live as any object.
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "compacting.h"
#include "unit.h"
#include "zspool.h"

#define NR_SLOTS 2000
#define MAX_SIZE (UINT64_C (64) << 20)

/* Slot I's object waits to be freed. */
static void
drop_later (struct slots *slots, unsigned i, struct zs_freeing *freeing)
{
  struct test_slot *const slot = &slots->slot[i];
  const uint64_t handle = slot->handle;

  if (!handle)
    return;
  slot->handle = 0;
  zs_free_later (slots->pool, freeing, handle, slot->len);
}

static uint32_t
some_len (uint64_t *random)
{
  return random_below (random, 8) == 0
             ? ZRAM_PAGE_SIZE
             : 1 + (uint32_t) random_below (random, ZRAM_PAGE_SIZE);
}

static void
fill (struct slots *slots, uint64_t *random)
{
  for (unsigned i = 0; i < slots->count; i++)
    if (!slots->slot[i].handle)
      must_equal (slots_put (slots, i, some_len (random)), 0);
}

/* Of all kinds, in any order, with others between that stay; again and again,
 * and all of them at last. */
START_TEST (what_is_freed_together_is_gone_and_nothing_else)
{
  uint64_t random = 1;
  struct zs_freeing freeing = {.n = 0};
  struct slots slots;

  slots_make (&slots, NR_SLOTS, MAX_SIZE);
  for (unsigned round = 0; round < 10; round++) {
    fill (&slots, &random);
    for (unsigned i = 0; i < NR_SLOTS / 2; i++)
      drop_later (&slots, (unsigned) random_below (&random, NR_SLOTS),
                  &freeing);
    zs_free_all (slots.pool, &freeing);
    slots_check_all (&slots);
  }
  for (unsigned i = 0; i < NR_SLOTS; i++)
    drop_later (&slots, i, &freeing);
  zs_free_all (slots.pool, &freeing);
  slots_check_all (&slots);
  ck_assert_uint_eq (slots_stats (&slots).live, 0);
  ck_assert_uint_eq (slots_stats (&slots).used, 0);
  slots_destroy (&slots);
}

START_TEST (they_are_freed_when_there_is_room_for_no_more)
{
  uint64_t random = 2, live;
  struct zs_freeing freeing = {.n = 0};
  struct slots slots;

  slots_make (&slots, ZS_FREEING + 1, MAX_SIZE);
  fill (&slots, &random);
  live = slots_stats (&slots).live;
  for (unsigned i = 0; i < ZS_FREEING - 1; i++)
    drop_later (&slots, i, &freeing);
  ck_assert_uint_eq (freeing.n, ZS_FREEING - 1);
  ck_assert_uint_eq (slots_stats (&slots).live, live);
  drop_later (&slots, ZS_FREEING - 1, &freeing);
  ck_assert_uint_eq (freeing.n, 0);
  ck_assert_uint_lt (slots_stats (&slots).live, live);
  slots_check_all (&slots);
  zs_free_all (slots.pool, &freeing);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* Many are emptied at once, and there is no room for others: they must have
 * come back when all are filled anew. */
START_TEST (zspages_that_are_emptied_together_can_be_had_again)
{
  static const struct {
    uint32_t len;
    unsigned zspages; /* that ZS_FREEING of them take */
  } cases[] = {{ZS_MAX_ALLOC_SIZE, ZS_FREEING}, {ZRAM_PAGE_SIZE, 2}};
  struct zs_freeing freeing = {.n = 0};
  struct slots slots;

  slots_make (&slots, ZS_FREEING, cases[_i].zspages * ZSPAGE_SIZE);
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < ZS_FREEING; i++)
      must_equal (slots_put (&slots, i, cases[_i].len), 0);
    for (unsigned i = 0; i < ZS_FREEING; i++)
      drop_later (&slots, i, &freeing);
    ck_assert_uint_eq (slots_stats (&slots).used, 0);
    slots_check_all (&slots);
  }
  slots_destroy (&slots);
}

/* Compaction finds them in nobody's slot. */
START_TEST (what_waits_to_be_freed_is_not_moved)
{
  uint64_t random = 3;
  struct zs_freeing freeing = {.n = 0};
  struct slots slots;

  slots_make (&slots, NR_SLOTS, MAX_SIZE);
  fill (&slots, &random);
  slots_drop_random (&slots, 60, &random);
  for (unsigned i = 0; i < NR_SLOTS && freeing.n < ZS_FREEING - 1; i += 7)
    drop_later (&slots, i, &freeing);
  ck_assert_int_gt (zs_compact (slots.pool, NULL), 0);
  ck_assert_uint_gt (slots.foreign, 0);
  slots_check (&slots);
  zs_free_all (slots.pool, &freeing);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

static unsigned
shard_of (const struct slots *slots, unsigned i)
{
  const zs_ref ref = zs_handle_ref (slots->slot[i].handle);

  return slots->pool->zspages[zs_ref_zspage (ref)].shard;
}

/* Every second slot, from FIRST on. */
struct filler {
  struct slots *slots;
  unsigned first;
  pthread_t thread;
};

/* A CPU that may be used and whose threads ask SHARD first; -1: none. */
static int
cpu_of (const struct zs_pool *pool, unsigned shard)
{
  cpu_set_t cpus;

  must_equal (sched_getaffinity (0, sizeof cpus, &cpus), 0);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET (cpu, &cpus) && cpu % pool->nr_shards == shard)
      return (int) cpu;
  return -1;
}

static void *
filler_main (void *arg)
{
  const struct filler *const filler = arg;
  const int cpu = cpu_of (filler->slots->pool, filler->first);
  cpu_set_t one;

  CPU_ZERO (&one);
  if (cpu >= 0) {
    CPU_SET (cpu, &one);
    must_equal (sched_setaffinity (0, sizeof one, &one), 0);
  }
  for (unsigned i = filler->first; i < filler->slots->count; i += 2)
    must_equal (slots_put (filler->slots, i, 1000), 0);
  return NULL;
}

static void
fill_from_two_cpus (struct slots *slots)
{
  struct filler fillers[2] = {{slots, 0, 0}, {slots, 1, 0}};

  for (unsigned i = 0; i < 2; i++)
    must_equal (
        pthread_create (&fillers[i].thread, NULL, filler_main, &fillers[i]), 0);
  for (unsigned i = 0; i < 2; i++)
    must_equal (pthread_join (fillers[i].thread, NULL), 0);
}

START_TEST (objects_of_several_shards_can_be_freed_together)
{
  struct zs_freeing freeing = {.n = 0};
  struct slots slots;
  unsigned shards = 0, expected = 0;

  slots_make (&slots, NR_SLOTS, MAX_SIZE);
  fill_from_two_cpus (&slots);
  for (unsigned i = 0; i < NR_SLOTS; i++)
    shards |= 1U << shard_of (&slots, i);
  for (unsigned shard = 0; shard < slots.pool->nr_shards; shard++)
    expected |= (unsigned) (cpu_of (slots.pool, shard) >= 0) << shard;
  ck_assert_uint_eq (shards, expected);
  for (unsigned i = 0; i < NR_SLOTS; i++)
    if (i % 5 != 0)
      drop_later (&slots, i, &freeing);
  zs_free_all (slots.pool, &freeing);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *const suite = suite_create ("zsfree");
  TCase *const tc = suite_case (suite, "together");

  tcase_add_test (tc, what_is_freed_together_is_gone_and_nothing_else);
  tcase_add_test (tc, they_are_freed_when_there_is_room_for_no_more);
  tcase_add_loop_test (tc, zspages_that_are_emptied_together_can_be_had_again,
                       0, 2);
  tcase_add_test (tc, what_waits_to_be_freed_is_not_moved);
  tcase_add_test (tc, objects_of_several_shards_can_be_freed_together);
  return suite_run (suite);
}
