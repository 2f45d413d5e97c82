/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot table under many threads: nothing is lost, whoever shrinks it, or
 * tries to borrow, meanwhile.
 */
#include <config.h>

#include <stdatomic.h>

#include "slot.h"
#include "slottable.h"
#include "slotting.h"
#include "unit.h"

#define NR_THREADS 4

/* Threads that each own every NR_THREADS'th slot, and shrink each other's. */
#define NR_RACED (NR_THREADS * 700)

struct race {
  struct slot_table *table;
  uint64_t words[NR_RACED]; /* what the owner made of it; 0: empty */
  uint64_t rounds;
};

static void
race_once (struct race *race, unsigned me, uint64_t *random)
{
  const uint64_t index =
      random_below (random, NR_RACED / NR_THREADS) * NR_THREADS + me;

  switch (random_below (random, 7)) {
  case 0:
  case 1:
    race->words[index] = random_next (random) | 1;
    set_slot (race->table, index, race->words[index]);
    break;
  case 2:
  case 3:
  case 4:
    race->words[index] = 0;
    clear_slot (race->table, index);
    break;
  case 5:
    slot_table_shrink (race->table);
    break;
  default:
    if (race->words[index])
      must_be_set (race->table, index, race->words[index]);
    else
      must_be_empty (race->table, index);
    must (slot_is_hole (race->table, index) == !race->words[index]);
    must (!race->words[index] ||
          slot_table_next (race->table, index, NR_RACED) == index);
  }
}

/* All that this thread owns must be as it left it. */
static void
race_check (struct race *race, unsigned me)
{
  uint64_t index;

  for (index = me; index < NR_RACED; index += NR_THREADS)
    if (race->words[index])
      must_be_set (race->table, index, race->words[index]);
    else
      must_be_empty (race->table, index);
}

static void
race_main (void *arg, unsigned me)
{
  struct race *race = arg;
  uint64_t random = me, i;

  for (i = 0; i < race->rounds; ++i) {
    race_once (race, me, &random);
    if (i % 10000 == 0)
      race_check (race, me);
  }
  race_check (race, me);
}

START_TEST (shrinking_loses_no_slot_that_others_use)
{
  static struct race race;

  race.table = make_table (NR_RACED);
  race.rounds = scaled (400000);
  threads_run (NR_THREADS, race_main, &race);
  slot_table_destroy (race.table);
}

/* Empty parts come and go under threads that all want the same few slots. */
struct churn {
  struct slot_table *table;
  uint64_t rounds;
  uint64_t counts[4]; /* guarded by the slot that it counts for */
};

static void
churn_main (void *arg, unsigned me)
{
  struct churn *churn = arg;
  uint64_t random = me, i;

  for (i = 0; i < churn->rounds; ++i) {
    const uint64_t which = random_below (&random, 4);
    uint32_t flags;
    struct slot *slot = slot_borrow_new (churn->table, which * 1000, &flags);

    must (slot != NULL);
    must_equal (flags, slot->word ? SLOT_SAME : 0);
    churn->counts[which]++;
    slot->word = churn->counts[which] % 3;
    slot_return (churn->table, which * 1000, slot, slot->word ? SLOT_SAME : 0);
    slot_table_shrink (churn->table);
  }
}

START_TEST (slots_that_come_and_go_stay_locked)
{
  static struct churn churn;

  churn.table = make_table (4000);
  churn.rounds = scaled (100000);
  threads_run (NR_THREADS, churn_main, &churn);
  ck_assert_uint_eq (churn.counts[0] + churn.counts[1] + churn.counts[2] +
                         churn.counts[3],
                     NR_THREADS * churn.rounds);
  slot_table_destroy (churn.table);
}

/* Some own slots, which they set and clear; the others try to borrow them, as
 * compaction does, and change a set slot's word to another that is as good. */
struct trying {
  struct slot_table *table;
  uint64_t rounds;
  _Atomic uint64_t borrowed;
};

#define NR_TRIED 512

static void
try_once (struct trying *trying, uint64_t index)
{
  uint32_t flags;
  struct slot *slot = slot_try_borrow (trying->table, index, &flags);

  if (!slot)
    return;
  if (flags == SLOT_SAME) {
    must_equal (slot->word % NR_TRIED, index);
    slot->word += NR_TRIED;
    trying->borrowed++;
  }
  else
    must_equal (flags, 0);
  slot_return (trying->table, index, slot, flags);
}

static void
own_once (struct trying *trying, uint64_t index, uint64_t *random)
{
  uint32_t flags;
  struct slot *slot;

  if (random_below (random, 2) == 0) {
    set_slot (trying->table, index, index + NR_TRIED);
    slot = slot_borrow (trying->table, index, &flags);
    must (slot != NULL && flags == SLOT_SAME);
    must_equal (slot->word % NR_TRIED, index);
    slot_return (trying->table, index, slot, flags);
  }
  else {
    clear_slot (trying->table, index);
    slot_table_shrink (trying->table);
    must_be_empty (trying->table, index);
  }
}

static void
trying_main (void *arg, unsigned me)
{
  struct trying *trying = arg;
  uint64_t random = me, i;

  for (i = 0; i < trying->rounds; ++i)
    if (me % 2 == 0)
      own_once (trying, random_below (&random, NR_TRIED / 4) * 4 + me, &random);
    else
      try_once (trying, random_below (&random, NR_TRIED));
}

START_TEST (who_tries_loses_nothing_and_keeps_nothing)
{
  static struct trying trying;
  uint64_t i;

  trying.table = make_table (NR_TRIED);
  trying.rounds = scaled (200000);
  /* There is something to borrow from the first moment on: who tries may have
   * done so before an owner runs at all. */
  for (i = 0; i < NR_TRIED; ++i)
    set_slot (trying.table, i, i + NR_TRIED);
  threads_run (NR_THREADS, trying_main, &trying);
  ck_assert_uint_gt (trying.borrowed, 0);
  for (i = 0; i < NR_TRIED; ++i)
    clear_slot (trying.table, i);
  slot_table_shrink (trying.table);
  ck_assert_uint_eq (slot_table_next (trying.table, 0, NR_TRIED), NR_TRIED);
  slot_table_destroy (trying.table);
}

int
main (void)
{
  Suite *suite = suite_create ("slottableraces");
  TCase *tc = suite_case (suite, "slottableraces");

  tcase_add_test (tc, shrinking_loses_no_slot_that_others_use);
  tcase_add_test (tc, slots_that_come_and_go_stay_locked);
  tcase_add_test (tc, who_tries_loses_nothing_and_keeps_nothing);
  return suite_run (suite);
}
