/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool's rules for its users, which a build with --enable-debug checks. */
#include <config.h>

#include <stdio.h>

#include "unit.h"
#include "zsmalloc.h"

static const char device;

/* An object of LEN bytes between two others, in a pool of its own. */
static struct zs_pool *
make_object (size_t len, uint64_t *handle)
{
  struct zs_pool *pool;
  uint64_t neighbour;

  ck_assert_int_eq (zs_pool_create (&pool, 1 << 20, &device), 0);
  ck_assert_int_eq (zs_malloc (pool, len, 1, &neighbour), 0);
  ck_assert_int_eq (zs_malloc (pool, len, 2, handle), 0);
  ck_assert_int_eq (zs_malloc (pool, len, 3, &neighbour), 0);
  return pool;
}

static void
free_pinned (const void *arg)
{
  uint64_t handle;
  struct zs_pool *pool = make_object (*(const size_t *) arg, &handle);

  zs_obj_read_begin (pool, handle);
  abort_is_next ();
  zs_free (pool, handle);
}

static void
free_twice (const void *arg)
{
  uint64_t handle;
  struct zs_pool *pool = make_object (*(const size_t *) arg, &handle);

  zs_free (pool, handle);
  abort_is_next ();
  zs_free (pool, handle);
}

static const size_t lengths[] = {1, 100, 4000, ZRAM_PAGE_SIZE, 30000};

#define NR_LENGTHS ((int) (sizeof lengths / sizeof lengths[0]))

START_TEST (freeing_a_pinned_object_aborts)
{
  char output[1024];

  must_abort (free_pinned, &lengths[_i], output, sizeof output);
  ck_assert_int_ne (output[0], '\0');
}

START_TEST (freeing_an_object_twice_aborts)
{
  char output[1024];

  must_abort (free_twice, &lengths[_i], output, sizeof output);
  ck_assert_int_ne (output[0], '\0');
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (!ZRAM_DEBUG)
    return skip ("the pool's checks of its users need configure "
                 "--enable-debug");
  suite = suite_create ("zsdebug");
  tc = suite_case (suite, "zs_free");
  tcase_add_loop_test (tc, freeing_a_pinned_object_aborts, 0, NR_LENGTHS);
  tcase_add_loop_test (tc, freeing_an_object_twice_aborts, 0, NR_LENGTHS);
  return suite_run (suite);
}
