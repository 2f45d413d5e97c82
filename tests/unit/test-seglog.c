/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling segments: every object that was put is settled once, lies where it is
 * said to lie, with nothing but zeros beside; and nothing leaks when a write
 * fails.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "memorystore.h"
#include "seglog.h"
#include "segments.h"
#include "unit.h"

#define NR_SEGMENTS 40U
#define NR_OBJECTS  1000U
#define BLOCK       4096U

static const char device;
static struct store *store;
static struct segments *segments;
static struct seglog *filling;

/* What has become of object I. */
static struct {
  unsigned settled;
  uint64_t where;
} objects[NR_OBJECTS];

static bool wanted;
static int64_t charged;

static bool
settle (void *arg, const struct packed *header, uint64_t where)
{
  (void) arg;
  must (header->owner < NR_OBJECTS);
  objects[header->owner].settled++;
  objects[header->owner].where = where;
  return wanted;
}

static void
charge (void *arg, int64_t bytes)
{
  (void) arg;
  charged += bytes;
}

static void
make (void)
{
  const uint64_t size = (NR_SEGMENTS + 1) * (uint64_t) SEGMENT_MIN;

  store = memory_store_make (size, BLOCK);
  must_equal (store_start (store), 0);
  must_equal (segments_create (&segments, size, SEGMENT_MAX, &device), 0);
  must_equal (seglog_create (&filling, store, segments, 3, false), 0);
  seglog_set_user (filling, (struct seglog_user){NULL, settle, charge});
  wanted = true;
  charged = 0;
  memset (objects, 0, sizeof objects);
}

static void
destroy (void)
{
  store_stop (store);
  seglog_destroy (filling);
  segments_destroy (segments);
  store_close (store);
}

static uint32_t
len_of (unsigned i)
{
  return 1 + i * 7 % ZRAM_PAGE_SIZE;
}

static int
put (unsigned i)
{
  char object[ZRAM_PAGE_SIZE];

  content_fill (object, sizeof object, CONTENT_NOISE, i);
  return seglog_put (filling, i, 0, object, len_of (i));
}

static void
must_be_there (unsigned i)
{
  const char *const at = memory_store_bytes (store) + objects[i].where;
  char object[ZRAM_PAGE_SIZE];

  content_fill (object, sizeof object, CONTENT_NOISE, i);
  must_equal (objects[i].settled, 1);
  must (packed_check (at, packed_size (len_of (i)),
                      segments_seed (segments, objects[i].where), i,
                      len_of (i)));
  must (memcmp (at + PACKED_HEADER, object, len_of (i)) == 0);
}

static struct segments_stats
stats (void)
{
  struct segments_stats s;

  segments_stats (segments, &s);
  return s;
}

START_TEST (objects_are_settled_once_where_they_are)
{
  uint64_t live = 0;

  for (unsigned i = 0; i < NR_OBJECTS; i++) {
    ck_assert_int_eq (put (i), 0);
    live += packed_size (len_of (i));
    if (i % 300 == 299)
      ck_assert_int_eq (seglog_flush (filling), 0);
  }
  ck_assert_int_eq (seglog_flush (filling), 0);
  for (unsigned i = 0; i < NR_OBJECTS; i++)
    must_be_there (i);
  ck_assert_uint_eq (stats ().live, live);
  ck_assert_int_ge (charged, (int64_t) live);
  ck_assert_int_le (charged, (int64_t) (live + live / 20));
}

/* A batch that is not full is followed by another in the same segment. */
START_TEST (small_batches_share_a_segment)
{
  for (unsigned i = 0; i < SEGMENT_MIN / BLOCK; i++) {
    const uint64_t cost = seglog_cost (filling, len_of (i));
    const int64_t before = charged;

    ck_assert_int_eq (put (i), 0);
    ck_assert_int_eq (seglog_flush (filling), 0);
    ck_assert_int_eq (charged - before, (int64_t) cost);
    ck_assert_uint_eq (objects[i].where % BLOCK, 0);
    ck_assert_uint_eq (segments_at (segments, objects[i].where), 1);
    must_be_there (i);
  }
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS - 1);
}

/* What was in a buffer before is not written again as something's tail. */
START_TEST (what_is_not_an_object_is_zeros)
{
  const char *bytes = memory_store_bytes (store);
  uint64_t end;

  for (unsigned i = 900; i < NR_OBJECTS; i++)
    ck_assert_int_eq (put (i), 0);
  ck_assert_int_eq (seglog_flush (filling), 0);
  for (unsigned round = 0; round < 3; round++) {
    ck_assert_int_eq (put (round), 0);
    ck_assert_int_eq (seglog_flush (filling), 0);
    end = objects[round].where + packed_size (len_of (round));
    ck_assert (all_zero (bytes + end, (size_t) (-end % BLOCK)));
  }
}

START_TEST (what_is_not_wanted_is_not_alive)
{
  wanted = false;
  for (unsigned i = 0; i < 500; i++)
    ck_assert_int_eq (put (i), 0);
  ck_assert_int_eq (seglog_flush (filling), 0);
  ck_assert_uint_eq (stats ().live, 0);
  ck_assert_int_eq (charged, 0);
  /* The one that is being filled. */
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS - 1);
}

/* Each write in turn. */
START_TEST (a_write_that_fails_is_told)
{
  for (int n = 0;; n++) {
    unsigned nowhere = 0;
    int r;

    memset (objects, 0, sizeof objects);
    memory_store_fail_write (store, n, -EIO);
    for (unsigned i = 0; i < 300; i++)
      ck_assert_int_eq (put (i), 0);
    r = seglog_flush (filling);
    for (unsigned i = 0; i < 300; i++) {
      must_equal (objects[i].settled, 1);
      nowhere += objects[i].where == 0;
      if (objects[i].where != 0)
        segments_dead (segments, objects[i].where, packed_size (len_of (i)));
    }
    ck_assert_uint_eq (stats ().live, 0);
    if (r == 0) {
      ck_assert_int_ge (n, 2);
      ck_assert_uint_eq (nowhere, 0);
      break;
    }
    ck_assert_int_eq (r, -EIO);
    ck_assert_uint_gt (nowhere, 0);
  }
  /* It is told once. */
  ck_assert_int_eq (seglog_flush (filling), 0);
}

/* What it has left there ends anywhere: behind it no batch would be found. */
START_TEST (nothing_follows_a_write_that_failed)
{
  ck_assert_int_eq (put (0), 0);
  ck_assert_int_eq (seglog_flush (filling), 0);
  memory_store_fail_write (store, 0, -EIO);
  ck_assert_int_eq (put (1), 0);
  ck_assert_int_eq (seglog_flush (filling), -EIO);
  ck_assert_int_eq (put (2), 0);
  ck_assert_int_eq (seglog_flush (filling), 0);
  ck_assert_uint_ne (segments_at (segments, objects[2].where),
                     segments_at (segments, objects[0].where));
  must_be_there (0);
  must_be_there (2);
  for (unsigned i = 0; i <= 2; i += 2)
    segments_dead (segments, objects[i].where, packed_size (len_of (i)));
  /* Only the one that is filled is not free. */
  ck_assert_uint_eq (stats ().free, NR_SEGMENTS - 1);
}

START_TEST (a_full_store_is_told)
{
  unsigned n = 0;

  while (n < NR_OBJECTS && put (NR_OBJECTS - 1) == 0)
    n++;
  ck_assert_uint_lt (n, NR_OBJECTS);
  ck_assert_int_eq (seglog_flush (filling), 0);
  ck_assert_uint_eq (objects[NR_OBJECTS - 1].settled, n);
  ck_assert_uint_eq (stats ().free, SEGMENTS_SPARE);
}

int
main (void)
{
  Suite *const suite = suite_create ("seglog");
  TCase *const tc = suite_case (suite, "seglog");

  tcase_add_checked_fixture (tc, make, destroy);
  tcase_add_test (tc, objects_are_settled_once_where_they_are);
  tcase_add_test (tc, small_batches_share_a_segment);
  tcase_add_test (tc, what_is_not_an_object_is_zeros);
  tcase_add_test (tc, what_is_not_wanted_is_not_alive);
  tcase_add_test (tc, a_write_that_fails_is_told);
  tcase_add_test (tc, nothing_follows_a_write_that_failed);
  tcase_add_test (tc, a_full_store_is_told);
  return suite_run (suite);
}
