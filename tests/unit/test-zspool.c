/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool in long runs: against a shadow, by density, and with many threads.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "zscheck.h"
#include "zsmalloc.h"

#define ZSPAGE (UINT64_C (64) << 10)
#define MIB    (UINT64_C (1) << 20)

static const char device;

/* What an object should be.  Its bytes follow from its number. */
struct shadow {
  uint64_t handle; /* 0: there is none */
  uint32_t len;
  uint64_t number;
};

/* A pool and all that should be in it. */
struct filling {
  struct zs_pool *pool;
  struct shadow *shadows;
  unsigned count;
  uint64_t (*draw_len) (uint64_t *random);
  uint64_t random;
  uint64_t numbers; /* how many objects there have been */
  uint64_t live;
  uint64_t bytes; /* what was asked for, of all that live */
};

static struct filling
filling_make (unsigned count, uint64_t (*draw_len) (uint64_t *), uint64_t seed)
{
  struct filling filling = {.count = count, .draw_len = draw_len};

  filling.random = seed;
  filling.shadows = calloc (count, sizeof *filling.shadows);
  ck_assert_ptr_nonnull (filling.shadows);
  ck_assert_int_eq (zs_pool_create (&filling.pool, 1024 * MIB, &device), 0);
  return filling;
}

static void
filling_destroy (struct filling *filling)
{
  zs_pool_destroy (filling->pool);
  free (filling->shadows);
}

static void
shadow_check (const struct filling *filling, const struct shadow *shadow)
{
  char bytes[ZS_MAX_ALLOC_SIZE];
  const void *there = zs_obj_read_begin (filling->pool, shadow->handle);

  content_fill (bytes, shadow->len, CONTENT_NOISE, shadow->number);
  must (memcmp (there, bytes, shadow->len) == 0);
  zs_obj_read_end (filling->pool, shadow->handle);
  must_equal (zs_obj_owner (filling->pool, shadow->handle), shadow->number);
}

static void
shadow_free (struct filling *filling, struct shadow *shadow)
{
  if (!shadow->handle)
    return;
  shadow_check (filling, shadow);
  zs_free (filling->pool, shadow->handle);
  filling->live--;
  filling->bytes -= shadow->len;
  shadow->handle = 0;
}

/* Put a new object in SHADOW's place, made before the old one goes, as the
 * device does.  False if there was no room. */
static bool
shadow_replace (struct filling *filling, struct shadow *shadow)
{
  struct shadow new = {.number = ++filling->numbers};
  char bytes[ZS_MAX_ALLOC_SIZE];
  int r;

  new.len = (uint32_t) filling->draw_len (&filling->random);
  r = zs_malloc (filling->pool, new.len, new.number, &new.handle);
  if (r < 0) {
    must_equal (r, -ENOSPC);
    return false;
  }
  content_fill (bytes, new.len, CONTENT_NOISE, new.number);
  zs_obj_write (filling->pool, new.handle, bytes, new.len);
  shadow_free (filling, shadow);
  *shadow = new;
  filling->live++;
  filling->bytes += new.len;
  return true;
}

/* The pool's own check, and that it holds what it should. */
static void
filling_check (const struct filling *filling)
{
  struct zs_census census;
  struct zs_pool_stats stats;
  const char *wrong = zs_pool_check (filling->pool, &census);

  if (wrong)
    ck_abort_msg ("the pool is broken: %s", wrong);
  zs_pool_stats (filling->pool, &stats);
  must_equal (census.objects, filling->live);
  must (census.object_bytes >= filling->bytes);
  must_equal (census.object_bytes + census.free_bytes, stats.used);
  must_equal (census.zspages * ZSPAGE, stats.used);
  must_equal (census.nowhere, 0);
  must (stats.max_used >= stats.used);
  must (!stats.limit || stats.used <= stats.limit);
}

static void
filling_check_objects (const struct filling *filling)
{
  unsigned i;

  for (i = 0; i < filling->count; ++i)
    if (filling->shadows[i].handle)
      shadow_check (filling, &filling->shadows[i]);
}

/* Any length that there is, the short ones most often. */
static uint64_t
draw_any_len (uint64_t *random)
{
  switch (random_below (random, 8)) {
  case 0:
    return 1 + random_below (random, ZS_MAX_ALLOC_SIZE);
  case 1:
    return ZRAM_PAGE_SIZE;
  case 2:
    return 1 + random_below (random, 64);
  case 3:
    return 4000 + random_below (random, 200);
  default:
    return 1 + random_below (random, ZRAM_PAGE_SIZE);
  }
}

/* OPS times: make, replace or free one; the pool is checked every EVERY. */
static void
filling_churn (struct filling *filling, uint64_t ops, uint64_t every)
{
  uint64_t i;

  for (i = 1; i <= ops; ++i) {
    struct shadow *shadow =
        &filling->shadows[random_below (&filling->random, filling->count)];

    if (random_below (&filling->random, 3) == 0)
      shadow_free (filling, shadow);
    else
      shadow_replace (filling, shadow);
    if (i % every == 0)
      filling_check (filling);
  }
}

static void
filling_empty (struct filling *filling)
{
  unsigned i;

  for (i = 0; i < filling->count; ++i)
    shadow_free (filling, &filling->shadows[i]);
  filling_check (filling);
}

START_TEST (a_small_pool_agrees_with_its_shadow)
{
  struct filling filling =
      filling_make (20 + 30 * (unsigned) _i, draw_any_len, (uint64_t) _i);

  filling_churn (&filling, scaled (20000), 1);
  filling_check_objects (&filling);
  filling_empty (&filling);
  filling_destroy (&filling);
}

START_TEST (a_small_pool_at_its_limit_agrees_with_its_shadow)
{
  struct filling filling =
      filling_make (200, draw_any_len, 100 + (uint64_t) _i);

  zs_pool_set_limit (filling.pool, (uint64_t) (2 + _i) * 2 * ZSPAGE);
  filling_churn (&filling, scaled (20000), 1);
  filling_check_objects (&filling);
  filling_empty (&filling);
  filling_destroy (&filling);
}

START_TEST (a_large_pool_agrees_with_its_shadow)
{
  struct filling filling = filling_make (20000, draw_any_len, 7);

  filling_churn (&filling, scaled (200000), 1000);
  filling_check_objects (&filling);
  filling_empty (&filling);
  filling_destroy (&filling);
}

/* What the pool takes beyond what it was asked for, in parts of a thousand;
 * tells how much of that is holes, the rest being tags and rounding. */
static unsigned
overhead (const struct filling *filling, const char *when)
{
  struct zs_pool_stats stats;
  struct zs_census census;
  unsigned all, holes;

  ck_assert_ptr_null (zs_pool_check (filling->pool, &census));
  zs_pool_stats (filling->pool, &stats);
  all = (unsigned) ((stats.used - filling->bytes) * 1000 / filling->bytes);
  holes = (unsigned) (census.free_bytes * 1000 / filling->bytes);
  printf ("pool: %u objects of %llu bytes in the mean, %s: overhead %u.%u %%, "
          "of which holes %u.%u %%\n",
          filling->count,
          (unsigned long long) (filling->bytes / filling->count), when,
          all / 10, all % 10, holes / 10, holes % 10);
  return all;
}

static void
overwrite_at_random (struct filling *filling)
{
  unsigned i;

  for (i = 0; i < filling->count; ++i)
    must (shadow_replace (
        filling,
        &filling->shadows[random_below (&filling->random, filling->count)]));
}

START_TEST (the_pool_is_dense_and_stays_so)
{
  struct filling filling = filling_make (50000, draw_lz4_len, 42);
  unsigned i;

  for (i = 0; i < filling.count; ++i)
    must (shadow_replace (&filling, &filling.shadows[i]));
  filling_check (&filling);
  ck_assert_uint_lt (overhead (&filling, "new"), 30);
  for (i = 0; i < 6; ++i)
    overwrite_at_random (&filling);
  filling_check (&filling);
  filling_check_objects (&filling);
  /* 3.5 % in one shard, at most 4.6 in two; size classes come to 7 and more. */
  ck_assert_uint_lt (overhead (&filling, "overwritten six times"), 50);
  filling_destroy (&filling);
}

/* Threads that make, read and free one another's objects.  Each object has a
 * lock, as in the device each has a slot. */
#define NR_THREADS 4
#define NR_SHARED  2000

struct shared {
  struct zs_pool *pool;
  pthread_mutex_t locks[NR_SHARED];
  struct shadow shadows[NR_SHARED];
  uint64_t rounds;
};

static void
pool_check (struct zs_pool *pool)
{
  const char *const wrong = zs_pool_check (pool, NULL);

  if (wrong)
    ck_abort_msg ("the pool is broken: %s", wrong);
}

/* The caller holds the object's lock. */
static void
shared_free (struct shared *shared, struct shadow *shadow)
{
  if (shadow->handle) {
    must_equal (zs_obj_owner (shared->pool, shadow->handle), shadow->number);
    zs_free (shared->pool, shadow->handle);
  }
  shadow->handle = 0;
}

static void
shared_read (struct shared *shared, const struct shadow *shadow)
{
  const struct filling filling = {.pool = shared->pool};

  if (shadow->handle)
    shadow_check (&filling, shadow);
}

static void
shared_replace (struct shared *shared, unsigned i, uint64_t *random)
{
  struct shadow new = {.number = random_next (random) % ZS_OWNER_LIMIT};
  char bytes[ZS_MAX_ALLOC_SIZE];
  int r;

  new.len = (uint32_t) draw_any_len (random);
  r = zs_malloc (shared->pool, new.len, new.number, &new.handle);
  if (r < 0) {
    must_equal (r, -ENOSPC);
    return;
  }
  content_fill (bytes, new.len, CONTENT_NOISE, new.number);
  zs_obj_write (shared->pool, new.handle, bytes, new.len);
  pthread_mutex_lock (&shared->locks[i]);
  shared_free (shared, &shared->shadows[i]);
  shared->shadows[i] = new;
  pthread_mutex_unlock (&shared->locks[i]);
}

static void
shared_main (void *arg, unsigned me)
{
  struct shared *shared = arg;
  uint64_t random = me, round;

  for (round = 0; round < shared->rounds; ++round) {
    const unsigned i = (unsigned) random_below (&random, NR_SHARED);
    const uint64_t what = random_below (&random, 8);

    if (what < 3)
      shared_replace (shared, i, &random);
    else {
      pthread_mutex_lock (&shared->locks[i]);
      if (what < 5)
        shared_free (shared, &shared->shadows[i]);
      else
        shared_read (shared, &shared->shadows[i]);
      pthread_mutex_unlock (&shared->locks[i]);
    }
    if (round % 1000 == 999)
      pool_check (shared->pool);
  }
}

START_TEST (threads_may_free_one_anothers_objects)
{
  static struct shared shared;
  struct zs_census census;
  struct zs_pool_stats stats;
  unsigned i;

  shared.rounds = scaled (150000);
  ck_assert_int_eq (zs_pool_create (&shared.pool, 256 * MIB, &device), 0);
  if (_i == 1)
    zs_pool_set_limit (shared.pool, MIB);
  for (i = 0; i < NR_SHARED; ++i)
    pthread_mutex_init (&shared.locks[i], NULL);
  threads_run (NR_THREADS, shared_main, &shared);

  for (i = 0; i < NR_SHARED; ++i) {
    shared_read (&shared, &shared.shadows[i]);
    shared_free (&shared, &shared.shadows[i]);
  }
  ck_assert_ptr_null (zs_pool_check (shared.pool, &census));
  ck_assert_uint_eq (census.objects, 0);
  zs_pool_stats (shared.pool, &stats);
  ck_assert_uint_eq (stats.used, census.zspages * ZSPAGE);
  ck_assert_int_eq (census.nowhere, 0);
  ck_assert_uint_le (stats.used, MIB);
  if (_i == 1)
    ck_assert_uint_le (stats.max_used, MIB);
  zs_pool_destroy (shared.pool);
}

/* Threads that fill and empty the pool in turns, so that zspages come from the
 * system and go back all the time; each looks over the pool in between, while
 * the others do that. */
static void
breathe (void *arg, unsigned me)
{
  static const size_t sizes[] = {3000, ZRAM_PAGE_SIZE, 20000};
  uint64_t handles[300], round, random = me;
  unsigned i;

  for (round = 0; round < scaled (200); ++round) {
    const size_t len = sizes[random_below (&random, 3)];

    for (i = 0; i < 300; ++i) {
      must_equal (zs_malloc (arg, len, i, &handles[i]), 0);
      zs_obj_write (arg, handles[i], &round, sizeof round);
    }
    for (i = 0; i < 300; ++i) {
      const void *there = zs_obj_read_begin (arg, handles[i]);

      must (memcmp (there, &round, sizeof round) == 0);
      zs_obj_read_end (arg, handles[i]);
      zs_free (arg, handles[i]);
    }
    pool_check (arg);
  }
}

START_TEST (the_pool_breathes)
{
  struct zs_pool *pool;
  struct zs_census census;

  ck_assert_int_eq (zs_pool_create (&pool, 256 * MIB, &device), 0);
  threads_run (NR_THREADS, breathe, pool);
  ck_assert_ptr_null (zs_pool_check (pool, &census));
  ck_assert_uint_eq (census.objects, 0);
  ck_assert_uint_le (census.zspages * ZSPAGE, MIB);
  ck_assert_int_eq (census.nowhere, 0);
  zs_pool_destroy (pool);
}

int
main (void)
{
  Suite *suite = suite_create ("zspool");
  TCase *tc;

  tc = suite_case (suite, "shadow");
  tcase_add_loop_test (tc, a_small_pool_agrees_with_its_shadow, 0, 4);
  tcase_add_loop_test (tc, a_small_pool_at_its_limit_agrees_with_its_shadow, 0,
                       3);
  tcase_add_test (tc, a_large_pool_agrees_with_its_shadow);

  tc = suite_case (suite, "density");
  tcase_add_test (tc, the_pool_is_dense_and_stays_so);

  tc = suite_case (suite, "many threads");
  tcase_add_loop_test (tc, threads_may_free_one_anothers_objects, 0, 2);
  tcase_add_test (tc, the_pool_breathes);
  return suite_run (suite);
}
