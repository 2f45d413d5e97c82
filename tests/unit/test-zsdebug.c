/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool's rules for its users, which a build with --enable-debug checks. */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "zsmalloc.h"
#include "zspool.h"

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

struct pin {
  struct zs_pool *pool;
  uint64_t handle;
};

static void *
pin_main (void *arg)
{
  const struct pin *pin = arg;

  zs_obj_read_begin (pin->pool, pin->handle);
  return NULL;
}

/* Pinned by another thread: who frees while it reads breaks the lock order, and
 * is told that instead. */
static void
free_pinned (const void *arg)
{
  uint64_t handle;
  struct zs_pool *pool = make_object (*(const size_t *) arg, &handle);
  struct pin pin = {pool, handle};
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, pin_main, &pin), 0);
  pthread_join (thread, NULL);
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

/* It is found out when they are freed; of an object that is alone in its
 * zspage, too, which is nobody's then. */
static void
free_twice_later (const void *arg)
{
  const size_t len = *(const size_t *) arg;
  struct zs_freeing freeing = {.n = 0};
  struct zs_pool *pool;
  uint64_t handle;

  ck_assert_int_eq (zs_pool_create (&pool, 1 << 20, &device), 0);
  ck_assert_int_eq (zs_malloc (pool, len, 7, &handle), 0);
  zs_free_later (pool, &freeing, handle, len);
  zs_free_later (pool, &freeing, handle, len);
  abort_is_next ();
  zs_free_all (pool, &freeing);
}

/* It must say who says so, in one line. */
static void
must_abort_saying_why (void (*fn) (const void *arg), const void *arg)
{
  char output[1024];
  const char *end;

  must_abort (fn, arg, output, sizeof output);
  ck_assert_msg (strncmp (output, "zsmalloc: ", 10) == 0, "it says: %s",
                 output);
  end = strchr (output, '\n');
  ck_assert_msg (end && end[1] == '\0', "it says: %s", output);
}

static const size_t lengths[] = {1, 100, 4000, ZRAM_PAGE_SIZE, 30000};

#define NR_LENGTHS ((int) (sizeof lengths / sizeof lengths[0]))

START_TEST (freeing_a_pinned_object_aborts)
{
  must_abort_saying_why (free_pinned, &lengths[_i]);
}

START_TEST (freeing_an_object_twice_aborts)
{
  must_abort_saying_why (free_twice, &lengths[_i]);
  must_abort_saying_why (free_twice_later, &lengths[_i]);
}

/* Handles that are no object's, in a pool that has both kinds of zspages, and
 * one that was given back. */
enum wild {
  WILD_ZERO,
  WILD_ZERO_RAW,
  WILD_NEVER_USED_ZSPAGE,
  WILD_NEVER_USED_ZSPAGE_RAW,
  WILD_BEYOND_THE_POOL,
  WILD_TOO_LARGE,
  WILD_TOO_LARGE_RAW,
  WILD_ALL_ONES,
  WILD_RAW_OF_A_BLOCK,
  WILD_BLOCK_OF_A_RAW,
  WILD_INSIDE_A_RAW,
  WILD_FREE_BLOCK,
  WILD_INSIDE_ZEROS,
  WILD_ZSPAGE_GIVEN_BACK,
  WILD_RAW_ZSPAGE_GIVEN_BACK,
  NR_WILD,

  /* These only zs_free can know: an object's inside may look like a tag, and a
   * raw page's tag stands beside it. */
  WILD_INSIDE_A_BLOCK = NR_WILD,
  WILD_FREE_RAW,
  NR_WILD_TO_FREE
};

struct handles {
  struct zs_pool *pool;
  uint64_t block, zeros, free_block, raw, free_raw, gone_block, gone_raw;
};

/* Bytes that look like the tag of a live block, wherever one looks. */
static void
write_like_a_tag (struct zs_pool *pool, uint64_t handle)
{
  uint64_t words[100];

  for (int i = 0; i < 100; i++)
    words[i] = zs_tag_live (5, 50);
  zs_obj_write (pool, handle, words, sizeof words);
}

static struct handles
make_handles (void)
{
  struct handles h;
  static const char zeros[800];
  uint64_t end;

  ck_assert_int_eq (zs_pool_create (&h.pool, 1 << 30, &device), 0);
  ck_assert_int_eq (zs_malloc (h.pool, 800, 1, &h.block), 0);
  ck_assert_int_eq (zs_malloc (h.pool, 800, 1, &h.free_block), 0);
  ck_assert_int_eq (zs_malloc (h.pool, 800, 1, &end), 0);
  ck_assert_int_eq (zs_malloc (h.pool, sizeof zeros, 1, &h.zeros), 0);
  zs_obj_write (h.pool, h.zeros, zeros, sizeof zeros);
  ck_assert_int_eq (zs_malloc (h.pool, ZRAM_PAGE_SIZE, 1, &h.raw), 0);
  ck_assert_int_eq (zs_malloc (h.pool, ZRAM_PAGE_SIZE, 1, &h.free_raw), 0);
  write_like_a_tag (h.pool, h.block);
  zs_free (h.pool, h.free_block);

  /* Each is alone in a zspage. */
  ck_assert_int_eq (zs_malloc (h.pool, 32000, 1, &end), 0);
  ck_assert_int_eq (zs_malloc (h.pool, 32000, 1, &end), 0);
  ck_assert_int_eq (zs_malloc (h.pool, 32000, 1, &h.gone_block), 0);
  for (int i = 0; i < 15; i++)
    ck_assert_int_eq (zs_malloc (h.pool, ZRAM_PAGE_SIZE, 1, &h.gone_raw), 0);
  zs_free (h.pool, h.gone_block);
  zs_free (h.pool, h.gone_raw);
  zs_free (h.pool, h.free_raw);
  return h;
}

static uint64_t
wild_handle (const struct handles *h, enum wild wild)
{
  switch (wild) {
  case WILD_ZERO_RAW:
    return 1;
  case WILD_NEVER_USED_ZSPAGE:
  case WILD_NEVER_USED_ZSPAGE_RAW:
    return zs_handle_make (zs_ref_make (h->pool->max_zspages - 1, 0),
                           wild == WILD_NEVER_USED_ZSPAGE_RAW);
  case WILD_BEYOND_THE_POOL:
    return zs_handle_make (zs_ref_make (h->pool->max_zspages, 0), false);
  case WILD_TOO_LARGE:
    return h->block | UINT64_C (1) << 50;
  case WILD_TOO_LARGE_RAW:
    return h->raw | UINT64_C (1) << 50;
  case WILD_ALL_ONES:
    return UINT64_MAX;
  case WILD_RAW_OF_A_BLOCK:
    return h->block | 1;
  case WILD_BLOCK_OF_A_RAW:
    return h->raw & ~UINT64_C (1);
  case WILD_INSIDE_A_RAW:
    return zs_handle_make (zs_handle_ref (h->raw) + 1, true);
  case WILD_FREE_BLOCK:
    return h->free_block;
  case WILD_INSIDE_ZEROS:
    return zs_handle_make (zs_handle_ref (h->zeros) + 10, false);
  case WILD_ZSPAGE_GIVEN_BACK:
    return h->gone_block;
  case WILD_RAW_ZSPAGE_GIVEN_BACK:
    return h->gone_raw;
  case WILD_INSIDE_A_BLOCK:
    return zs_handle_make (zs_handle_ref (h->block) + 10, false);
  case WILD_FREE_RAW:
    return h->free_raw;
  default:
    return 0;
  }
}

/* What can be done with a handle. */
static void
do_free (struct zs_pool *pool, uint64_t handle)
{
  zs_free (pool, handle);
}

static void
do_read (struct zs_pool *pool, uint64_t handle)
{
  zs_obj_read_begin (pool, handle);
}

static void
do_write (struct zs_pool *pool, uint64_t handle)
{
  zs_obj_write (pool, handle, "", 1);
}

static void
do_ask_owner (struct zs_pool *pool, uint64_t handle)
{
  zs_obj_owner (pool, handle);
}

/* It is looked at when it is told, not only when it is freed: here never. */
static void
do_free_later (struct zs_pool *pool, uint64_t handle)
{
  struct zs_freeing freeing = {.n = 0};

  zs_free_later (pool, &freeing, handle, 1);
}

static void (*const uses[]) (struct zs_pool *, uint64_t) = {
    do_free, do_read, do_write, do_ask_owner, do_free_later};

#define NR_USES ((int) (sizeof uses / sizeof uses[0]))

/* A handle, and what is done with it. */
static void
use_wild (const void *arg)
{
  const int *const nr = arg;
  const struct handles h = make_handles ();

  abort_is_next ();
  uses[nr[1]](h.pool, wild_handle (&h, (enum wild) nr[0]));
}

static void
use_nothing (const void *arg)
{
  const int *const nr = arg;
  struct zs_pool *pool;

  ck_assert_int_eq (zs_pool_create (&pool, 1 << 30, &device), 0);
  abort_is_next ();
  uses[nr[0]](pool, (uint64_t) nr[1]);
}

/* That is no test of the handles if the others abort too. */
START_TEST (what_is_no_wild_handle_may_be_used)
{
  const struct handles h = make_handles ();

  ck_assert_uint_lt (zs_ref_zspage (zs_handle_ref (h.gone_block)),
                     h.pool->frontier);
  for (int use = NR_USES; use-- > 1;) {
    uses[use](h.pool, h.block);
    if (uses[use] == do_read)
      zs_obj_read_end (h.pool, h.block);
    uses[use](h.pool, h.raw);
    if (uses[use] == do_read)
      zs_obj_read_end (h.pool, h.raw);
  }
  do_free (h.pool, h.block);
  do_free (h.pool, h.raw);
  zs_pool_destroy (h.pool);
}

START_TEST (any_use_of_a_wild_handle_aborts)
{
  const int nr[2] = {_i / NR_USES, _i % NR_USES};

  must_abort_saying_why (use_wild, nr);
}

START_TEST (freeing_a_wild_handle_aborts)
{
  const int nr[2] = {_i, 0};

  must_abort_saying_why (use_wild, nr);
}

START_TEST (no_handle_at_all_aborts_in_an_empty_pool)
{
  const int nr[2] = {_i % NR_USES, _i / NR_USES};

  must_abort_saying_why (use_nothing, nr);
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

  tc = suite_case (suite, "wild handles");
  tcase_add_test (tc, what_is_no_wild_handle_may_be_used);
  tcase_add_loop_test (tc, any_use_of_a_wild_handle_aborts, 0,
                       NR_WILD * NR_USES);
  tcase_add_loop_test (tc, no_handle_at_all_aborts_in_an_empty_pool, 0,
                       2 * NR_USES);
  tcase_add_loop_test (tc, freeing_a_wild_handle_aborts, WILD_INSIDE_A_BLOCK,
                       NR_WILD_TO_FREE);
  return suite_run (suite);
}
