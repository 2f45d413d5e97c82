/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool, call by call: what zsmalloc.h promises, each error, each limit.
 * Long runs and many threads are in test-zspool.c.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "zscheck.h"
#include "zsmalloc.h"

#define ZSPAGE     (UINT64_C (64) << 10)
#define MIB        (UINT64_C (1) << 20)
#define HANDLE_MAX (UINT64_C (1) << 46)

static const char device;

static struct zs_pool *
make_pool (uint64_t max_size)
{
  struct zs_pool *pool = NULL;

  ck_assert_int_eq (zs_pool_create (&pool, max_size, &device), 0);
  ck_assert_ptr_nonnull (pool);
  return pool;
}

static struct zs_census
check_pool (struct zs_pool *pool)
{
  struct zs_census census;
  const char *wrong = zs_pool_check (pool, &census);

  if (wrong)
    ck_abort_msg ("the pool is broken: %s", wrong);
  return census;
}

static struct zs_pool_stats
stats_of (const struct zs_pool *pool)
{
  struct zs_pool_stats stats;

  zs_pool_stats (pool, &stats);
  return stats;
}

/* An object of LEN bytes made from its own number, SEED. */
static uint64_t
make_object (struct zs_pool *pool, size_t len, uint64_t seed)
{
  char bytes[ZS_MAX_ALLOC_SIZE];
  uint64_t handle = 0;

  must_equal (zs_malloc (pool, len, seed, &handle), 0);
  content_fill (bytes, len, CONTENT_NOISE, seed);
  zs_obj_write (pool, handle, bytes, len);
  return handle;
}

static void
must_be_object (struct zs_pool *pool, uint64_t handle, size_t len,
                uint64_t seed)
{
  char bytes[ZS_MAX_ALLOC_SIZE];
  const void *there;

  content_fill (bytes, len, CONTENT_NOISE, seed);
  there = zs_obj_read_begin (pool, handle);
  must (memcmp (there, bytes, len) == 0);
  zs_obj_read_end (pool, handle);
  must_equal (zs_obj_owner (pool, handle), seed);
}

START_TEST (an_empty_pool_holds_nothing)
{
  struct zs_pool *pool = make_pool (MIB);
  const struct zs_pool_stats stats = stats_of (pool);
  const struct zs_census census = check_pool (pool);

  ck_assert_uint_eq (stats.used, 0);
  ck_assert_uint_eq (stats.max_used, 0);
  ck_assert_uint_eq (stats.limit, 0);
  ck_assert_uint_eq (census.objects, 0);
  ck_assert_uint_eq (census.object_bytes, 0);
  ck_assert_uint_eq (census.zspages, 0);
  zs_pool_destroy (pool);
  zs_pool_destroy (NULL);
}

START_TEST (sizes_of_pools)
{
  struct zs_pool *pool;
  int r;

  ck_assert_int_eq (zs_pool_create (&pool, 0, &device), -EINVAL);
  ck_assert_int_eq (zs_pool_create (&pool, (UINT64_C (64) << 40) + 1, &device),
                    -EINVAL);
  ck_assert_int_eq (zs_pool_create (&pool, UINT64_MAX, &device), -EINVAL);

  /* Half of all addresses: a sanitizer may have taken them. */
  r = zs_pool_create (&pool, UINT64_C (64) << 40, &device);
  if (r == 0) {
    zs_free (pool, make_object (pool, 100, 1));
    zs_pool_destroy (pool);
  }
  else
    ck_assert_int_eq (r, -ENOMEM);
}

/* Every length that there is, each with its content and its owner. */
START_TEST (every_length_can_be_stored)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  const size_t step = scaled (10) == 10 ? 1 : 37;
  size_t len;

  for (len = 1; len <= ZS_MAX_ALLOC_SIZE; len += len < 4200 ? 1 : step) {
    const uint64_t handle = make_object (pool, len, len);

    must (handle != 0 && handle < HANDLE_MAX);
    must_be_object (pool, handle, len, len);
    zs_free (pool, handle);
  }
  zs_free (pool, make_object (pool, ZS_MAX_ALLOC_SIZE, 1));
  ck_assert_uint_eq (check_pool (pool).objects, 0);
  zs_pool_destroy (pool);
}

START_TEST (lengths_and_owners_out_of_range_are_refused)
{
  struct zs_pool *pool = make_pool (MIB);
  uint64_t handle;

  ck_assert_int_eq (zs_malloc (pool, 0, 0, &handle), -EINVAL);
  ck_assert_int_eq (zs_malloc (pool, ZS_MAX_ALLOC_SIZE + 1, 0, &handle),
                    -EINVAL);
  ck_assert_int_eq (zs_malloc (pool, SIZE_MAX, 0, &handle), -EINVAL);
  ck_assert_int_eq (zs_malloc (pool, 100, ZS_OWNER_LIMIT, &handle), -EINVAL);
  ck_assert_int_eq (zs_malloc (pool, 100, UINT64_MAX, &handle), -EINVAL);
  ck_assert_uint_eq (stats_of (pool).used, 0);
  ck_assert_int_eq (zs_malloc (pool, 100, ZS_OWNER_LIMIT - 1, &handle), 0);
  ck_assert_uint_eq (zs_obj_owner (pool, handle), ZS_OWNER_LIMIT - 1);
  zs_free (pool, handle);
  ck_assert_int_eq (
      zs_malloc (pool, ZRAM_PAGE_SIZE, ZS_OWNER_LIMIT - 1, &handle), 0);
  ck_assert_uint_eq (zs_obj_owner (pool, handle), ZS_OWNER_LIMIT - 1);
  zs_free (pool, handle);
  zs_pool_destroy (pool);
}

/* Lengths that stand for all: around each border that one might think of. */
static const size_t lengths[] = {
    1,    2,    7,    8,    9,    15,   16,   17,    23,    24,    25,    31,
    32,   33,   100,  1350, 2048, 3000, 4072, 4080,  4081,  4088,  4089,  4095,
    4096, 4097, 5000, 8191, 8192, 8193, 9999, 16383, 16384, 30000, 32767, 32768,
};

#define NR_LENGTHS (sizeof lengths / sizeof lengths[0])

START_TEST (objects_lie_eight_bytes_apart_in_place)
{
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handles[NR_LENGTHS];
  size_t i;

  for (i = 0; i < NR_LENGTHS; ++i) {
    const void *there;

    handles[i] = make_object (pool, lengths[i], i);
    there = zs_obj_read_begin (pool, handles[i]);
    ck_assert_uint_eq ((uintptr_t) there % 8, 0);
    zs_obj_read_end (pool, handles[i]);
    check_pool (pool);
  }
  for (i = 0; i < NR_LENGTHS; ++i)
    must_be_object (pool, handles[i], lengths[i], i);
  ck_assert_uint_eq (check_pool (pool).objects, NR_LENGTHS);
  for (i = 0; i < NR_LENGTHS; i += 2)
    zs_free (pool, handles[i]);
  for (i = 1; i < NR_LENGTHS; i += 2)
    must_be_object (pool, handles[i], lengths[i], i);
  check_pool (pool);
  zs_pool_destroy (pool);
}

/* Part of an object may be written; the rest of it is undefined, but its
 * neighbours' bytes are theirs. */
START_TEST (writing_part_leaves_neighbours_alone)
{
  struct zs_pool *pool = make_pool (MIB);
  const uint64_t before = make_object (pool, 100, 1);
  const uint64_t mine = make_object (pool, 100, 2);
  const uint64_t after = make_object (pool, 100, 3);
  const char *there;

  zs_obj_write (pool, mine, "part", 4);
  there = zs_obj_read_begin (pool, mine);
  ck_assert (memcmp (there, "part", 4) == 0);
  zs_obj_read_end (pool, mine);
  zs_obj_write (pool, mine, "", 0);
  must_be_object (pool, before, 100, 1);
  must_be_object (pool, after, 100, 3);
  ck_assert_uint_eq (zs_obj_owner (pool, mine), 2);
  check_pool (pool);
  zs_pool_destroy (pool);
}

START_TEST (sixteen_raw_pages_take_64_kib)
{
  struct zs_pool *pool = make_pool (MIB);
  int i;

  for (i = 1; i <= 160; ++i) {
    make_object (pool, ZRAM_PAGE_SIZE, (uint64_t) i);
    ck_assert_uint_eq (stats_of (pool).used, (uint64_t) (i + 15) / 16 * ZSPAGE);
  }
  ck_assert_uint_eq (check_pool (pool).object_bytes, 160 * ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (check_pool (pool).free_bytes, 0);
  zs_pool_destroy (pool);
}

/* What one object of LEN bytes takes, by the census. */
static uint64_t
room_of (size_t len)
{
  struct zs_pool *pool = make_pool (MIB);
  uint64_t bytes;

  make_object (pool, len, 1);
  bytes = check_pool (pool).object_bytes;
  zs_pool_destroy (pool);
  return bytes;
}

/* How many objects of LEN bytes a megabyte takes. */
static unsigned
count_in_a_mib (size_t len)
{
  struct zs_pool *pool = make_pool (16 * MIB);
  unsigned n = 0;
  uint64_t handle;

  zs_pool_set_limit (pool, MIB);
  while (zs_malloc (pool, len, n, &handle) == 0)
    ++n;
  ck_assert_uint_le (stats_of (pool).used, MIB);
  zs_pool_destroy (pool);
  return n;
}

START_TEST (huge_size_is_where_nothing_is_saved)
{
  const size_t huge = zs_huge_size ();
  size_t len;

  ck_assert_uint_gt (huge, ZRAM_PAGE_SIZE / 2);
  ck_assert_uint_le (huge, ZRAM_PAGE_SIZE);
  ck_assert_uint_lt (room_of (huge - 1), ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (room_of (ZRAM_PAGE_SIZE), ZRAM_PAGE_SIZE);
  for (len = huge; len <= ZRAM_PAGE_SIZE; ++len) {
    ck_assert_uint_ge (room_of (len), ZRAM_PAGE_SIZE);
    ck_assert_uint_le (count_in_a_mib (len), MIB / ZRAM_PAGE_SIZE);
  }
  ck_assert_uint_eq (count_in_a_mib (ZRAM_PAGE_SIZE), MIB / ZRAM_PAGE_SIZE);

  /* What is just below it leaves room for others, and others fit there. */
  ck_assert_uint_ge (count_in_a_mib (huge - 1), MIB / ZRAM_PAGE_SIZE);
  ck_assert_uint_ge (count_in_a_mib (huge / 2), 2 * MIB / ZRAM_PAGE_SIZE);
}

/* Fill POOL with objects of LEN bytes until it says that there is no room. */
static int
fill (struct zs_pool *pool, size_t len, uint64_t *handles, unsigned max,
      unsigned *n)
{
  int r = 0;

  for (*n = 0; *n < max; ++*n) {
    r = zs_malloc (pool, len, *n, &handles[*n]);
    if (r < 0)
      break;
  }
  return r;
}

#define MAX_FILL 70000

START_TEST (the_limit_is_kept_and_changes_nothing)
{
  static uint64_t handles[MAX_FILL];
  struct zs_pool *pool = make_pool (64 * MIB);
  struct zs_pool_stats before, after;
  struct zs_census was, is;
  uint64_t handle = 12345;
  unsigned n;

  zs_pool_set_limit (pool, 2 * MIB);
  ck_assert_uint_eq (stats_of (pool).limit, 2 * MIB);
  ck_assert_int_eq (fill (pool, lengths[_i], handles, MAX_FILL, &n), -ENOSPC);
  before = stats_of (pool);
  was = check_pool (pool);
  ck_assert_uint_eq (before.used, 2 * MIB);
  ck_assert_int_eq (zs_malloc (pool, lengths[_i], 1, &handle), -ENOSPC);
  after = stats_of (pool);
  is = check_pool (pool);
  ck_assert (memcmp (&before, &after, sizeof before) == 0);
  ck_assert (memcmp (&was, &is, sizeof was) == 0);

  /* What is freed can be had again, and a higher limit gives more. */
  zs_free (pool, handles[0]);
  ck_assert_int_eq (zs_malloc (pool, lengths[_i], 1, &handles[0]), 0);
  zs_pool_set_limit (pool, 0);
  ck_assert_int_eq (zs_malloc (pool, lengths[_i], 1, &handle), 0);
  ck_assert_uint_gt (stats_of (pool).used, 2 * MIB);
  zs_pool_destroy (pool);
}

START_TEST (a_limit_below_what_is_used_frees_nothing)
{
  struct zs_pool *pool = make_pool (16 * MIB);
  uint64_t handles[32], handle;
  unsigned i;

  for (i = 0; i < 32; ++i)
    handles[i] = make_object (pool, ZRAM_PAGE_SIZE, i);
  zs_pool_set_limit (pool, ZSPAGE);
  ck_assert_uint_eq (stats_of (pool).used, 2 * ZSPAGE);
  ck_assert_int_eq (zs_malloc (pool, ZRAM_PAGE_SIZE, 0, &handle), -ENOSPC);
  for (i = 0; i < 32; ++i)
    must_be_object (pool, handles[i], ZRAM_PAGE_SIZE, i);

  /* Only growth fails: a place that is free can be had. */
  zs_free (pool, handles[7]);
  ck_assert_int_eq (zs_malloc (pool, ZRAM_PAGE_SIZE, 0, &handle), 0);
  zs_pool_destroy (pool);
}

START_TEST (the_addresses_are_a_limit_too)
{
  static uint64_t handles[MAX_FILL];
  struct zs_pool *pool = make_pool (MIB);
  uint64_t handle;
  unsigned n, i;

  ck_assert_int_eq (fill (pool, ZRAM_PAGE_SIZE, handles, MAX_FILL, &n),
                    -ENOSPC);
  ck_assert_uint_ge (n, MIB / ZRAM_PAGE_SIZE);
  check_pool (pool);
  ck_assert_int_eq (zs_malloc (pool, 1, 0, &handle), -ENOSPC);
  for (i = 0; i < n; ++i)
    zs_free (pool, handles[i]);
  ck_assert_int_eq (fill (pool, 3000, handles, MAX_FILL, &n), -ENOSPC);
  ck_assert_uint_ge (n, MIB / ZRAM_PAGE_SIZE);
  check_pool (pool);
  zs_pool_destroy (pool);
}

START_TEST (no_memory_is_an_answer_and_changes_nothing)
{
  static uint64_t handles[MAX_FILL];
  struct zs_pool *pool = make_pool (1024 * MIB);
  struct zs_pool_stats before, after;
  struct zs_census was, is;
  uint64_t handle;
  unsigned n, i;

  for (i = 0; i < 10; ++i)
    make_object (pool, 1000, i);
  memory_limit (4 * MIB);
  ck_assert_int_eq (fill (pool, ZRAM_PAGE_SIZE, handles, MAX_FILL, &n),
                    -ENOMEM);
  before = stats_of (pool);
  was = check_pool (pool);
  ck_assert_uint_eq (before.max_used, before.used);
  ck_assert_int_eq (zs_malloc (pool, ZRAM_PAGE_SIZE, 0, &handle), -ENOMEM);
  after = stats_of (pool);
  is = check_pool (pool);
  memory_limit_lift ();
  ck_assert (memcmp (&before, &after, sizeof before) == 0);
  ck_assert (memcmp (&was, &is, sizeof was) == 0);

  /* It was no lasting harm. */
  handle = make_object (pool, ZRAM_PAGE_SIZE, 99);
  must_be_object (pool, handle, ZRAM_PAGE_SIZE, 99);
  check_pool (pool);
  zs_pool_destroy (pool);
}

START_TEST (the_watermark_follows_and_can_be_set_back)
{
  static uint64_t handles[1600];
  struct zs_pool *pool = make_pool (64 * MIB);
  unsigned n, i;
  uint64_t top;

  ck_assert_int_eq (fill (pool, ZRAM_PAGE_SIZE, handles, 1600, &n), 0);
  top = stats_of (pool).used;
  ck_assert_uint_eq (top, 100 * ZSPAGE);
  ck_assert_uint_eq (stats_of (pool).max_used, top);
  for (i = 0; i < n; ++i)
    zs_free (pool, handles[i]);
  ck_assert_uint_lt (stats_of (pool).used, top);
  ck_assert_uint_eq (stats_of (pool).max_used, top);
  zs_pool_reset_max_used (pool);
  ck_assert_uint_eq (stats_of (pool).max_used, stats_of (pool).used);
  zs_pool_destroy (pool);
}

/* Freed in any order, the pool is what it was: all holes have joined. */
START_TEST (free_neighbours_join)
{
  static uint64_t handles[5000];
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t random = (uint64_t) _i, swap;
  unsigned n = 5000, i, j;

  for (i = 0; i < n; ++i)
    handles[i] = make_object (pool, 1 + random_below (&random, 4000), i);
  for (i = n - 1; i > 0; --i) {
    j = (unsigned) random_below (&random, i + 1);
    swap = handles[i];
    handles[i] = handles[j];
    handles[j] = swap;
  }
  for (i = 0; i < n; ++i) {
    zs_free (pool, handles[i]);
    if (i % 250 == 0)
      check_pool (pool);
  }
  ck_assert_uint_eq (check_pool (pool).objects, 0);
  ck_assert_uint_eq (check_pool (pool).object_bytes, 0);
  ck_assert_uint_le (stats_of (pool).used, MIB);
  zs_pool_destroy (pool);
}

/* 255 readers of one object at once. */
struct readers {
  struct zs_pool *pool;
  uint64_t handle;
  pthread_barrier_t all_in;
};

#define NR_READERS 255

static void
read_with_all_others (void *arg, unsigned me)
{
  struct readers *readers = arg;
  const unsigned char *there;

  (void) me;
  there = zs_obj_read_begin (readers->pool, readers->handle);
  pthread_barrier_wait (&readers->all_in);
  must (there[0] == 0xa5 && there[999] == 0x5a);
  pthread_barrier_wait (&readers->all_in);
  zs_obj_read_end (readers->pool, readers->handle);
}

/* Of what is not, or no longer, an object nothing is read. */
START_TEST (anything_may_be_fetched)
{
  static const uint64_t handles[] = {
      0, 1, 2, UINT64_C (1) << 20, INT64_MAX, UINT64_MAX - 1, UINT64_MAX,
  };
  struct zs_pool *pool = make_pool (64 * MIB);
  uint64_t handle;

  for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
    zs_prefetch_free (pool, handles[i], 0);
    zs_prefetch_free (pool, handles[i], ZRAM_PAGE_SIZE);
  }
  ck_assert_int_eq (zs_malloc (pool, 1000, 0, &handle), 0);
  zs_prefetch_free (pool, handle, 1000);
  zs_free (pool, handle);
  zs_prefetch_free (pool, handle, 1000);
  zs_pool_destroy (pool);
}

START_TEST (an_object_may_be_pinned_255_times)
{
  const size_t len = _i ? ZRAM_PAGE_SIZE : 1000;
  struct readers readers = {.pool = make_pool (MIB)};
  unsigned char bytes[ZRAM_PAGE_SIZE] = {0xa5};
  uint64_t before, after;

  bytes[999] = 0x5a;
  before = make_object (readers.pool, len, 1);
  ck_assert_int_eq (
      zs_malloc (readers.pool, len, ZS_OWNER_LIMIT - 1, &readers.handle), 0);
  after = make_object (readers.pool, len, 3);
  zs_obj_write (readers.pool, readers.handle, bytes, len);
  ck_assert_int_eq (pthread_barrier_init (&readers.all_in, NULL, NR_READERS),
                    0);
  threads_run (NR_READERS, read_with_all_others, &readers);
  ck_assert_uint_eq (zs_obj_owner (readers.pool, readers.handle),
                     ZS_OWNER_LIMIT - 1);
  must_be_object (readers.pool, before, len, 1);
  must_be_object (readers.pool, after, len, 3);

  /* Nobody has it pinned any more: a debug build would abort. */
  zs_free (readers.pool, readers.handle);
  check_pool (readers.pool);
  zs_pool_destroy (readers.pool);
}

/* A pin is no lock: others allocate, read and free meanwhile. */
static void
use_pool (void *arg, unsigned me)
{
  uint64_t handle = make_object (arg, 500, me);

  must_be_object (arg, handle, 500, me);
  zs_free (arg, handle);
}

START_TEST (no_call_waits_for_a_reader)
{
  struct zs_pool *pool = make_pool (MIB);
  const uint64_t handle = make_object (pool, 500, 9);
  const void *there = zs_obj_read_begin (pool, handle);

  ck_assert_ptr_nonnull (there);
  threads_run (4, use_pool, pool);
  zs_obj_read_end (pool, handle);
  zs_pool_destroy (pool);
}

START_TEST (two_pools_are_independent)
{
  struct zs_pool *a = make_pool (MIB), *b = make_pool (MIB);
  const uint64_t in_a = make_object (a, 1000, 1);
  const uint64_t in_b = make_object (b, 1000, 2);

  must_be_object (a, in_a, 1000, 1);
  must_be_object (b, in_b, 1000, 2);
  zs_pool_set_limit (a, 1);
  ck_assert_uint_eq (stats_of (b).limit, 0);
  zs_free (a, in_a);
  zs_pool_destroy (a);
  must_be_object (b, in_b, 1000, 2);
  zs_pool_destroy (b);
}

int
main (void)
{
  Suite *suite = suite_create ("zsmalloc");
  TCase *tc;

  tc = suite_case (suite, "objects");
  tcase_add_test (tc, an_empty_pool_holds_nothing);
  tcase_add_test (tc, sizes_of_pools);
  tcase_add_test (tc, every_length_can_be_stored);
  tcase_add_test (tc, lengths_and_owners_out_of_range_are_refused);
  tcase_add_test (tc, objects_lie_eight_bytes_apart_in_place);
  tcase_add_test (tc, writing_part_leaves_neighbours_alone);
  tcase_add_test (tc, anything_may_be_fetched);
  tcase_add_loop_test (tc, an_object_may_be_pinned_255_times, 0, 2);
  tcase_add_test (tc, no_call_waits_for_a_reader);
  tcase_add_test (tc, two_pools_are_independent);

  tc = suite_case (suite, "memory");
  tcase_add_test (tc, sixteen_raw_pages_take_64_kib);
  tcase_add_test (tc, huge_size_is_where_nothing_is_saved);
  tcase_add_loop_test (tc, the_limit_is_kept_and_changes_nothing, 0,
                       NR_LENGTHS);
  tcase_add_test (tc, a_limit_below_what_is_used_frees_nothing);
  tcase_add_test (tc, the_addresses_are_a_limit_too);
  if (memory_can_be_limited ())
    tcase_add_test (tc, no_memory_is_an_answer_and_changes_nothing);
  tcase_add_test (tc, the_watermark_follows_and_can_be_set_back);
  tcase_add_loop_test (tc, free_neighbours_join, 0, 3);
  return suite_run (suite);
}
