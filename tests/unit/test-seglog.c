/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling segments, of the least and of a larger size: every object that was
 * put is settled once, lies where it is said to lie, with nothing but zeros
 * beside; and nothing leaks when a write fails.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "memorystore.h"
#include "seglog.h"
#include "segments.h"
#include "unit.h"

#define NR_OBJECTS 2000U
#define BLOCK      4096U

/* One that is as long as a page: see len_of. */
#define LONGEST 585U

static const char device;
static struct store *store;
static struct segments *segments;
static struct seglog *filling;
static uint32_t nr_segments;

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

/* The last error of a write. */
static int error;

static void
failed (void *arg, int code)
{
  (void) arg;
  must (code < 0);
  error = code;
}

static bool
gives_up (void *arg)
{
  (void) arg;
  return false;
}

/* And what has failed since the last time. */
static int
flush (void)
{
  int r;

  seglog_flush (filling);
  r = error;
  error = 0;
  return r;
}

static void
make (uint32_t nr, uint32_t segment)
{
  const uint64_t size = (nr + 1) * (uint64_t) segment;

  nr_segments = nr;
  store = memory_store_make (size, BLOCK);
  must_equal (store_start (store), 0);
  must_equal (segments_create (&segments, size, SEGMENT_MAX, &device), 0);
  must_equal (segments_size (segments), segment);
  must_equal (seglog_create (&filling, store, segments, 3, false), 0);
  seglog_set_user (filling, (struct seglog_user){.settle = settle,
                                                 .charge = charge,
                                                 .failed = failed,
                                                 .gives_up = gives_up});
  wanted = true;
  charged = 0;
  error = 0;
  memset (objects, 0, sizeof objects);
}

static void
make_small (void)
{
  make (80, SEGMENT_MIN);
}

/* ThreadSanitizer takes its time for a store of 1 GiB. */
static void
make_large (void)
{
  make (1023, SANITIZED ? 2 * SEGMENT_MIN : SEGMENT_MAX);
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
      ck_assert_int_eq (flush (), 0);
  }
  ck_assert_int_eq (flush (), 0);
  for (unsigned i = 0; i < NR_OBJECTS; i++)
    must_be_there (i);
  ck_assert_uint_eq (stats ().live, live);
  ck_assert_int_ge (charged, (int64_t) live);
  ck_assert_int_le (charged, (int64_t) (live + live / 20));
}

/* A batch that is not full is followed by another in the same segment. */
START_TEST (small_batches_share_a_segment)
{
  for (unsigned i = 0; i < segments_size (segments) / BLOCK; i++) {
    const uint64_t cost = seglog_cost (filling, len_of (i));
    const int64_t before = charged;

    ck_assert_int_eq (put (i), 0);
    ck_assert_int_eq (flush (), 0);
    ck_assert_int_eq (charged - before, (int64_t) cost);
    ck_assert_uint_eq (objects[i].where % BLOCK, 0);
    ck_assert_uint_eq (segments_at (segments, objects[i].where), 1);
    must_be_there (i);
  }
  ck_assert_uint_eq (stats ().free, nr_segments - 1);
}

/* What was in a buffer before is not written again as something's tail. */
START_TEST (what_is_not_an_object_is_zeros)
{
  const char *bytes = memory_store_bytes (store);
  uint64_t end;

  for (unsigned i = NR_OBJECTS - 100; i < NR_OBJECTS; i++)
    ck_assert_int_eq (put (i), 0);
  ck_assert_int_eq (flush (), 0);
  for (unsigned round = 0; round < 3; round++) {
    ck_assert_int_eq (put (round), 0);
    ck_assert_int_eq (flush (), 0);
    end = objects[round].where + packed_size (len_of (round));
    ck_assert (all_zero (bytes + end, (size_t) (-end % BLOCK)));
  }
}

START_TEST (what_is_not_wanted_is_not_alive)
{
  wanted = false;
  for (unsigned i = 0; i < 500; i++)
    ck_assert_int_eq (put (i), 0);
  ck_assert_int_eq (flush (), 0);
  ck_assert_uint_eq (stats ().live, 0);
  ck_assert_int_eq (charged, 0);
  /* The one that is being filled. */
  ck_assert_uint_eq (stats ().free, nr_segments - 1);
}

/* How many objects fill BYTES? */
static unsigned
objects_of (uint64_t bytes)
{
  uint64_t sum = 0;
  unsigned nr = 0;

  while (sum < bytes)
    sum += packed_size (len_of (nr++));
  must (nr <= NR_OBJECTS);
  return nr;
}

/* Each write in turn. */
START_TEST (a_write_that_fails_is_told)
{
  const unsigned nr = objects_of (3 * (uint64_t) segments_size (segments));

  for (int n = 0;; n++) {
    unsigned nowhere = 0;
    int r;

    memset (objects, 0, sizeof objects);
    memory_store_fail_write (store, n, -EIO);
    for (unsigned i = 0; i < nr; i++)
      ck_assert_int_eq (put (i), 0);
    r = flush ();
    for (unsigned i = 0; i < nr; i++) {
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
  ck_assert_int_eq (flush (), 0);
}

/* What it has left there ends anywhere: behind it no batch would be found. */
START_TEST (nothing_follows_a_write_that_failed)
{
  ck_assert_int_eq (put (0), 0);
  ck_assert_int_eq (flush (), 0);
  memory_store_fail_write (store, 0, -EIO);
  ck_assert_int_eq (put (1), 0);
  ck_assert_int_eq (flush (), -EIO);
  ck_assert_int_eq (put (2), 0);
  ck_assert_int_eq (flush (), 0);
  ck_assert_uint_ne (segments_at (segments, objects[2].where),
                     segments_at (segments, objects[0].where));
  must_be_there (0);
  must_be_there (2);
  for (unsigned i = 0; i <= 2; i += 2)
    segments_dead (segments, objects[i].where, packed_size (len_of (i)));
  /* Only the one that is filled is not free. */
  ck_assert_uint_eq (stats ().free, nr_segments - 1);
}

START_TEST (a_full_store_is_told)
{
  unsigned n = 0;

  while (n < NR_OBJECTS && put (LONGEST) == 0)
    n++;
  ck_assert_uint_lt (n, NR_OBJECTS);
  ck_assert_int_eq (flush (), 0);
  ck_assert_uint_eq (objects[LONGEST].settled, n);
  ck_assert_uint_eq (stats ().free, SEGMENTS_SPARE);
}

static TCase *
add_case (Suite *suite, const char *name, void (*make_store) (void))
{
  TCase *const tc = suite_case (suite, name);

  tcase_add_checked_fixture (tc, make_store, destroy);
  tcase_add_test (tc, objects_are_settled_once_where_they_are);
  tcase_add_test (tc, small_batches_share_a_segment);
  tcase_add_test (tc, what_is_not_an_object_is_zeros);
  tcase_add_test (tc, what_is_not_wanted_is_not_alive);
  tcase_add_test (tc, a_write_that_fails_is_told);
  tcase_add_test (tc, nothing_follows_a_write_that_failed);
  return tc;
}

int
main (void)
{
  Suite *const suite = suite_create ("seglog");
  TCase *const small = add_case (suite, "small", make_small);

  add_case (suite, "large", make_large);
  tcase_add_test (small, a_full_store_is_told);
  return suite_run (suite);
}
