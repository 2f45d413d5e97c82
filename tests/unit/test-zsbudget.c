/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools that share a budget: none takes what another is sure of, all that is
 * free can be had by any, and what is given back can be had again.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "unit.h"
#include "zsbudget.h"
#include "zsmalloc.h"

#define ZSPAGE (UINT64_C (64) << 10)

/* Of this length, one object and no more is in a zspage. */
#define LONE_LEN ZS_MAX_ALLOC_SIZE

#define POOLS   3
#define OBJECTS 64

static const char devices[POOLS];

static struct zs_budget budget;

/* A pool, and what is in it: a zspage each. */
struct sharer {
  struct zs_pool *pool;
  uint64_t handles[OBJECTS];
  size_t n;
};

static struct sharer sharers[POOLS];

/* A pool that is sure of MIN zspages of the budget. */
static void
join (struct sharer *sharer, uint64_t min)
{
  *sharer = (struct sharer){.n = 0};
  ck_assert (zs_budget_claim (&budget, min * ZSPAGE));
  ck_assert_int_eq (zs_pool_create (&sharer->pool, OBJECTS * ZSPAGE,
                                    &devices[sharer - sharers]),
                    0);
  zs_pool_set_budget (sharer->pool, &budget, min * ZSPAGE);
}

/* A zspage more: 0 or a negative errno. */
static int
grow (struct sharer *sharer)
{
  const int r =
      zs_malloc (sharer->pool, LONE_LEN, 0, &sharer->handles[sharer->n]);

  if (r == 0)
    sharer->n++;
  return r;
}

/* How many more it can have. */
static size_t
grow_all (struct sharer *sharer)
{
  const size_t before = sharer->n;
  int r = 0;

  while (r == 0 && sharer->n < OBJECTS)
    r = grow (sharer);
  ck_assert_int_eq (r, -ENOSPC);
  return sharer->n - before;
}

static void
shrink (struct sharer *sharer, size_t n)
{
  while (n-- > 0)
    zs_free (sharer->pool, sharer->handles[--sharer->n]);
}

static void
leave (struct sharer *sharer, uint64_t min)
{
  zs_pool_destroy (sharer->pool);
  zs_budget_release (&budget, min * ZSPAGE);
}

static void
set_total (uint64_t zspages)
{
  budget = (struct zs_budget){.total = zspages * ZSPAGE};
}

START_TEST (claimed_and_released)
{
  set_total (4);
  ck_assert (zs_budget_claim (&budget, 3 * ZSPAGE));
  ck_assert (!zs_budget_claim (&budget, 2 * ZSPAGE));
  ck_assert_uint_eq (budget.claimed, 3 * ZSPAGE);
  ck_assert (zs_budget_claim (&budget, ZSPAGE));
  zs_budget_release (&budget, 4 * ZSPAGE);
  ck_assert_uint_eq (budget.claimed, 0);
}

START_TEST (greedy_leaves_others_their_min)
{
  set_total (20);
  for (size_t i = 0; i < POOLS; i++)
    join (&sharers[i], 4);
  /* 8 are nobody's. */
  ck_assert_uint_eq (grow_all (&sharers[0]), 4 + 8);
  ck_assert_uint_eq (grow_all (&sharers[1]), 4);
  ck_assert_uint_eq (grow_all (&sharers[2]), 4);
  ck_assert_uint_eq (budget.claimed, budget.total);
  for (size_t i = 0; i < POOLS; i++)
    leave (&sharers[i], 4);
  ck_assert_uint_eq (budget.claimed, 0);
}

START_TEST (given_back_is_had_again)
{
  set_total (12);
  join (&sharers[0], 2);
  join (&sharers[1], 2);
  ck_assert_uint_eq (grow_all (&sharers[0]), 2 + 8);
  ck_assert_uint_eq (grow_all (&sharers[1]), 2);
  shrink (&sharers[0], 3);
  ck_assert_uint_eq (grow_all (&sharers[1]), 3);
  /* Down into the min and up again: that much nobody else may have had. */
  shrink (&sharers[0], 7);
  ck_assert_uint_eq (grow_all (&sharers[1]), 5);
  ck_assert_uint_eq (grow_all (&sharers[0]), 2);
  leave (&sharers[0], 2);
  leave (&sharers[1], 2);
  ck_assert_uint_eq (budget.claimed, 0);
}

/* The pool's own limit holds within the budget. */
START_TEST (limit_holds_besides)
{
  set_total (12);
  join (&sharers[0], 4);
  zs_pool_set_limit (sharers[0].pool, 2 * ZSPAGE);
  ck_assert_uint_eq (grow_all (&sharers[0]), 2);
  zs_pool_set_limit (sharers[0].pool, 6 * ZSPAGE);
  ck_assert_uint_eq (grow_all (&sharers[0]), 4);
  ck_assert_uint_eq (budget.claimed, 6 * ZSPAGE);
  leave (&sharers[0], 4);
}

#define ROUNDS (SANITIZED ? 2000 : 20000)

/* Grow and shrink about the min, where claims begin and end. */
static void *
breathe (void *arg)
{
  struct sharer *const sharer = arg;
  unsigned seed = (unsigned) (sharer - sharers);

  for (unsigned i = 0; i < ROUNDS; i++)
    if (rand_r (&seed) % 2 == 0 && sharer->n < OBJECTS)
      grow (sharer);
    else if (sharer->n > 0)
      shrink (sharer, 1);
  return NULL;
}

/* Whoever comes and goes, the sum is right in the end, and was never more than
 * the total: a claim would then have wrapped and given all. */
START_TEST (sum_is_right_beside_others)
{
  pthread_t threads[POOLS];

  set_total (12);
  for (size_t i = 0; i < POOLS; i++)
    join (&sharers[i], 2);
  for (size_t i = 0; i < POOLS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, breathe, &sharers[i]),
                      0);
  for (size_t i = 0; i < POOLS; i++)
    pthread_join (threads[i], NULL);

  uint64_t want = 0;
  for (size_t i = 0; i < POOLS; i++)
    want += (sharers[i].n > 2 ? sharers[i].n : 2) * ZSPAGE;
  ck_assert_uint_eq (budget.claimed, want);
  ck_assert_uint_le (budget.claimed, budget.total);
  for (size_t i = 0; i < POOLS; i++)
    leave (&sharers[i], 2);
  ck_assert_uint_eq (budget.claimed, 0);
}

int
main (void)
{
  Suite *const suite = suite_create ("zsbudget");
  TCase *const tcase = suite_case (suite, "budget");

  tcase_add_test (tcase, claimed_and_released);
  tcase_add_test (tcase, greedy_leaves_others_their_min);
  tcase_add_test (tcase, given_back_is_had_again);
  tcase_add_test (tcase, limit_holds_besides);
  tcase_add_test (tcase, sum_is_right_beside_others);
  return suite_run (suite);
}
