/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction, where what it moves fits no hole: when it makes a zspage for that
 * and when not, how that is counted, and when a run ends for want of room.
 */
#include <config.h>

#include <string.h>

#include "compacting.h"
#include "run.h"
#include "unit.h"
#include "vmem.h"
#include "zsbudget.h"
#include "zspool.h"

#define ZSPAGE UINT64_C (65536)
#define ANY    1000
#define MIB    (UINT64_C (1) << 20)

/* With their tags, 32 small objects fill a zspage, or two long ones; no hole
 * that small ones leave between others takes a long one. */
#define SMALL 2040
#define LONG  32760

/* Zspages: a letter for each object, a point or a line for one that has gone.
 */
#define ONE_SMALL      "s..............................."
#define TWENTY_SMALL   "ssssssssssssssssssss............"
#define ONE_LONG       "L-"
#define TWO_LONG       "LL"
#define SMALL_AND_LONG "sL..............."

#define TWENTY_SMALL_6 \
  TWENTY_SMALL TWENTY_SMALL TWENTY_SMALL TWENTY_SMALL TWENTY_SMALL TWENTY_SMALL

/* A pool like that, in which any hole can be had by whoever wants one, as on
 * one CPU. */
static void
make_pool (struct slots *slots, const char *zspages)
{
  slots_make (slots, (unsigned) strlen (zspages), 64 * MIB);
  slots->pool->nr_shards = 1;
  for (unsigned i = 0; zspages[i]; i++)
    ck_assert_int_eq (
        slots_put (slots, i, strchr ("L-", zspages[i]) ? LONG : SMALL), 0);
  for (unsigned i = 0; zspages[i]; i++)
    if (strchr (".-", zspages[i]))
      slots_drop (slots, i);
}

/* The zspages that a run gains, which is what it must say. */
static uint64_t
compact (struct slots *slots, const struct run *run)
{
  const uint64_t used = slots_stats (slots).used;
  const uint64_t pages = zs_compact (slots->pool, run);
  const uint64_t gained = used - slots_stats (slots).used;

  ck_assert_uint_eq (pages * ZRAM_PAGE_SIZE, gained);
  slots_check (slots);
  return gained / ZSPAGE;
}

/* Somebody begins to make the pool longer when the small object of the zspage
 * that has a long one too is moved, and is done when compaction is with that
 * zspage. */
#define BESIDE_A_LONG 32

static bool pool_grows;

static void
begin_to_grow (struct slots *slots, uint64_t owner, uint64_t from)
{
  (void) from;
  if (owner == BESIDE_A_LONG) {
    must_equal (pthread_mutex_trylock (&slots->pool->grow_lock), 0);
    pool_grows = true;
  }
}

static void
end_to_grow (void *arg, uint64_t done, uint64_t total)
{
  struct slots *const slots = arg;

  (void) done;
  (void) total;
  if (pool_grows)
    pthread_mutex_unlock (&slots->pool->grow_lock);
  pool_grows = false;
}

/* The zspage stays, and the others go. */
START_TEST (who_makes_the_pool_longer_ends_no_run)
{
  struct slots slots;
  const struct run run = {.progress = end_to_grow, .arg = &slots};

  make_pool (&slots, ONE_SMALL SMALL_AND_LONG TWENTY_SMALL_6);
  slots.before = begin_to_grow;
  ck_assert_uint_eq (compact (&slots, &run), 3);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* What happens while a zspage is made, once. */
static struct slots *meanwhile_free_in;

extern int __real_vmem_populate (void *start, size_t size);
extern int __wrap_vmem_populate (void *start, size_t size);

int
__wrap_vmem_populate (void *start, size_t size)
{
  if (meanwhile_free_in)
    slots_drop (meanwhile_free_in, meanwhile_free_in->count - 1);
  meanwhile_free_in = NULL;
  return __real_vmem_populate (start, size);
}

/* The long object that has no room gets it where another is freed. */
START_TEST (a_zspage_that_is_not_needed_does_not_count)
{
  struct slots slots;

  make_pool (&slots, ONE_LONG TWENTY_SMALL_6 TWO_LONG);
  meanwhile_free_in = &slots;
  ck_assert_uint_eq (compact (&slots, NULL), 2);
  ck_assert_ptr_null (meanwhile_free_in);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* What was made for an object that stays others have taken to: it goes on
 * counting. */
static void
take_to_it (struct slots *slots, uint64_t owner, uint64_t from)
{
  if (owner != 0)
    return;
  must_equal (slots_put (slots, 1, LONG), 0);
  must (slots_zspage (slots->slot[1].handle) != slots_zspage (from));
  must_equal (pthread_mutex_trylock (&slots->slot[0].lock), 0);
}

START_TEST (a_zspage_that_others_have_taken_to_counts)
{
  struct slots slots;

  make_pool (&slots, ONE_LONG TWENTY_SMALL_6);
  slots.before = take_to_it;
  ck_assert_uint_eq (compact (&slots, NULL), 2);
  ck_assert_uint_eq (slots.locked, 1);
  pthread_mutex_unlock (&slots.slot[0].lock);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

/* On trust, nothing having been gained yet, a zspage is made if there is one
 * more for others: below the limit, and of the budget, which the pool asks for
 * what is beyond its min, and in the reserve if it grows from nothing else. All
 * in zspages: the pool has 20 of long holes that are too short for any of its
 * objects. */
struct trust {
  unsigned limit;   /* beyond what is used */
  unsigned min;     /* ... likewise */
  unsigned left;    /* of the budget */
  unsigned reserve; /* 0: it grows without one */
  bool grows;
};

static const struct trust trusts[] = {
    /* clang-format off */
    {0, 0, ANY, 0, false}, {1, 0, ANY, 0, false}, {2, 0, ANY, 0, true},
    {ANY, 0, 0, 0, false}, {ANY, 0, 1, 0, false}, {ANY, 0, 2, 0, true},
    {ANY, 1, 0, 0, false}, {ANY, 1, 1, 0, true},
    {ANY, 2, 0, 0, true},  {1, 2, 0, 0, false},
    {ANY, 0, ANY, 1, false}, {ANY, 0, ANY, 2, true},
    /* clang-format on */
};

#define NR_TRUSTS ((int) (sizeof trusts / sizeof trusts[0]))

#define UNFITTING 20

/* What the pool will use is taken of its reserve, and LEFT are left then. */
static void
reserve_only (struct zs_pool *pool, unsigned left)
{
  zs_pool_set_reserve (pool, (UNFITTING + left) * ZSPAGE);
  while (zs_pool_refill (pool) == 1)
    ;
  ck_assert_int_eq (zs_pool_set_reserve_only (pool), 0);
}

START_TEST (on_trust_nothing_is_made_that_others_could_not_have_then)
{
  const struct trust *const trust = &trusts[_i];
  struct zs_budget budget = {.total = ANY * ZSPAGE};
  const uint64_t min = (UNFITTING + trust->min) * ZSPAGE;
  struct slots slots;

  slots_make (&slots, 2 * UNFITTING, 64 * MIB);
  must (zs_budget_claim (&budget, min));
  zs_pool_set_budget (slots.pool, &budget, min);
  if (trust->reserve > 0)
    reserve_only (slots.pool, trust->reserve);
  for (unsigned i = 0; i < slots.count; i++)
    ck_assert_int_eq (slots_put (&slots, i, 25000), 0);
  ck_assert_uint_eq (slots_stats (&slots).used, UNFITTING * ZSPAGE);
  budget.total = budget.claimed + trust->left * ZSPAGE;
  zs_pool_set_limit (slots.pool, (UNFITTING + trust->limit) * ZSPAGE);

  compact (&slots, NULL);
  ck_assert_uint_eq (slots_stats (&slots).max_used,
                     (UNFITTING + trust->grows) * ZSPAGE);
  ck_assert_int_eq (slots.moved > 0, trust->grows);
  ck_assert_uint_eq (budget.claimed, min);
  slots_destroy (&slots);
}

/* Long objects come first, being in the emptiest zspage, and there is no room
 * for them; for the small ones there is. */
START_TEST (no_room_for_the_first_ends_no_run)
{
  struct slots slots;

  make_pool (&slots, ONE_LONG TWENTY_SMALL_6);
  zs_pool_set_limit (slots.pool, slots_stats (&slots).used);
  ck_assert_uint_eq (compact (&slots, NULL), 2);
  ck_assert_uint_ne (slots.slot[0].handle, 0);
  slots_check_all (&slots);
  slots_destroy (&slots);
}

static void
count (void *arg, uint64_t done, uint64_t total)
{
  unsigned *const told = arg;

  (void) done;
  (void) total;
  ++*told;
}

/* It is told of each zspage. */
START_TEST (no_room_when_some_was_made_ends_a_run)
{
  unsigned told = 0;
  const struct run run = {.progress = count, .arg = &told};
  struct slots slots;

  slots_make (&slots, 400, 64 * MIB);
  for (unsigned i = 0; i < slots.count; i++)
    ck_assert_int_eq (slots_put (&slots, i, 25000), 0);
  ck_assert_uint_eq (compact (&slots, &run), 0);
  ck_assert_uint_gt (slots.moved, 0);
  ck_assert_uint_ge (told, 2);
  ck_assert_uint_le (told, 10);
  slots_destroy (&slots);
}

int
main (void)
{
  Suite *suite = suite_create ("zscompactgrows");
  TCase *tc = suite_case (suite, "what fits no hole");

  tcase_add_test (tc, who_makes_the_pool_longer_ends_no_run);
  tcase_add_test (tc, a_zspage_that_is_not_needed_does_not_count);
  tcase_add_test (tc, a_zspage_that_others_have_taken_to_counts);
  tcase_add_test (tc, no_room_for_the_first_ends_no_run);
  tcase_add_test (tc, no_room_when_some_was_made_ends_a_run);
  tcase_add_loop_test (tc,
                       on_trust_nothing_is_made_that_others_could_not_have_then,
                       0, NR_TRUSTS);
  return suite_run (suite);
}
