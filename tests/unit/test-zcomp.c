/* SPDX-License-Identifier: BSD-3-Clause */
/* Every algorithm: what goes in comes out, what does not fit says so, and
 * damage stays inside the page.  Memory that must not be touched lies on both
 * sides of each buffer.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"
#include "zcomp.h"

#define MAX_BACKENDS 8

static const char device;

/* A page to read, one to write, and two pages' end and start: nothing beyond
 * any of them may be touched. */
static char *page_in, *page_out, *fence_after, *fence_before;
static struct zcomp *comp;

static int
count_backends (void)
{
  int n = 0;

  while (zcomp_backends[n])
    ++n;
  return n;
}

static struct zcomp *
make_comp (const struct zcomp_backend *backend, unsigned nr_streams)
{
  struct zcomp *made = NULL;

  ck_assert_int_eq (zcomp_create (&made, backend, NULL, nr_streams, &device),
                    0);
  ck_assert_ptr_nonnull (made);
  ck_assert_int_eq (zcomp_prepare (made), 0);
  return made;
}

static void
setup (void)
{
  page_in = guarded_end (ZRAM_PAGE_SIZE);
  page_out = guarded_end (ZRAM_PAGE_SIZE);
  fence_after = (char *) guarded_end (2 * ZRAM_PAGE_SIZE) + 2 * ZRAM_PAGE_SIZE;
  fence_before = guarded_start (2 * ZRAM_PAGE_SIZE);
}

static int
compress (struct zcomp *with, const void *src, void *dst, size_t capacity,
          size_t *len)
{
  struct zcomp_stream *stream = zcomp_stream_get (with, ZCOMP_COMPRESS);
  const int r = zcomp_compress (stream, src, dst, capacity, len);

  zcomp_stream_put (stream);
  return r;
}

static int
decompress (struct zcomp *with, const void *src, size_t len, void *dst)
{
  struct zcomp_stream *stream = zcomp_stream_get (with, ZCOMP_DECOMPRESS);
  const int r = zcomp_decompress (stream, src, len, dst);

  zcomp_stream_put (stream);
  return r;
}

START_TEST (backends_are_found_by_name)
{
  int i;

  ck_assert_int_gt (count_backends (), 0);
  ck_assert_int_le (count_backends (), MAX_BACKENDS);
  for (i = 0; zcomp_backends[i]; ++i)
    ck_assert_ptr_eq (
        zcomp_backend_find (zcomp_backend_name (zcomp_backends[i])),
        zcomp_backends[i]);
  ck_assert_ptr_nonnull (zcomp_backend_find ("lz4"));
  ck_assert_ptr_nonnull (zcomp_backend_find ("zstd"));
  ck_assert_str_eq (zcomp_backend_name (zcomp_backend_find ("zstd")), "zstd");
  ck_assert_ptr_null (zcomp_backend_find (""));
  ck_assert_ptr_null (zcomp_backend_find ("lz"));
  ck_assert_ptr_null (zcomp_backend_find ("lz44"));
  ck_assert_ptr_null (zcomp_backend_find ("LZ4"));
  ck_assert_ptr_null (zcomp_backend_find (" lz4"));
}

START_TEST (there_is_at_least_one_stream)
{
  struct zcomp *made = NULL;

  ck_assert_int_eq (zcomp_create (&made, zcomp_backends[_i], NULL, 0, &device),
                    -EINVAL);
  ck_assert_ptr_null (made);
  zcomp_destroy (NULL);
}

START_TEST (no_memory_is_an_answer)
{
  struct zcomp *made = NULL;

  ck_assert_int_eq (
      zcomp_create (&made, zcomp_backends[_i], NULL, 1000, &device), 0);
  memory_limit (1 << 20);
  ck_assert_int_eq (zcomp_prepare (made), -ENOMEM);
  memory_limit_lift ();
  ck_assert_int_eq (zcomp_prepare (made), 0);
  ck_assert_int_eq (zcomp_prepare (made), 0);
  zcomp_destroy (made);
}

/* Many pages of each kind, there and back. */
START_TEST (pages_come_back)
{
  unsigned kind, seed;
  size_t len;

  comp = make_comp (zcomp_backends[_i], 2);
  for (kind = 0; kind < CONTENT_NOISE; ++kind)
    for (seed = 0; seed < scaled (500); ++seed) {
      char small[ZRAM_PAGE_SIZE];

      content_fill (page_in, ZRAM_PAGE_SIZE, (enum content) kind, seed);
      if (compress (comp, page_in, small, sizeof small, &len) != 0)
        ck_abort_msg ("a page of %s does not compress", content_names[kind]);
      must (len > 0 && len < ZRAM_PAGE_SIZE);
      memset (page_out, 0xee, ZRAM_PAGE_SIZE);
      must_equal (decompress (comp, small, len, page_out), 0);
      must (memcmp (page_in, page_out, ZRAM_PAGE_SIZE) == 0);
    }
  zcomp_destroy (comp);
}

START_TEST (text_gets_much_smaller)
{
  char small[ZRAM_PAGE_SIZE];
  size_t len;

  comp = make_comp (zcomp_backends[_i], 1);
  content_fill (page_in, ZRAM_PAGE_SIZE, CONTENT_TEXT, 1);
  ck_assert_int_eq (compress (comp, page_in, small, sizeof small, &len), 0);
  ck_assert_uint_lt (len, ZRAM_PAGE_SIZE * 2 / 3);
  content_fill (page_in, ZRAM_PAGE_SIZE, CONTENT_ZERO, 1);
  ck_assert_int_eq (compress (comp, page_in, small, sizeof small, &len), 0);
  ck_assert_uint_lt (len, 64);
  zcomp_destroy (comp);
}

/* Compress page_in to where the byte after the capacity cannot be written. */
static int
compress_fenced (size_t capacity, size_t *len)
{
  return compress (comp, page_in, fence_after - capacity, capacity, len);
}

/* Noise is never made smaller; with room enough it comes back too. */
START_TEST (noise_does_not_fit_a_page)
{
  char large[2 * ZRAM_PAGE_SIZE];
  unsigned seed;
  size_t len;

  comp = make_comp (zcomp_backends[_i], 1);
  for (seed = 0; seed < 100; ++seed) {
    content_fill (page_in, ZRAM_PAGE_SIZE, CONTENT_NOISE, seed);
    must_equal (compress_fenced (ZRAM_PAGE_SIZE - 1, &len), -ENOSPC);
    must_equal (compress (comp, page_in, large, sizeof large, &len), 0);
    must (len > 0 && len <= sizeof large);
    must_equal (decompress (comp, large, len, page_out), 0);
    must (memcmp (page_in, page_out, ZRAM_PAGE_SIZE) == 0);
  }
  zcomp_destroy (comp);
}

/* A library may want a little more room than its result takes: no more than
 * this. */
#define SLACK 32

/* What it compresses to must fit in that and hardly more, and in nothing
 * less. */
START_TEST (the_capacity_is_kept_to)
{
  char small[2 * ZRAM_PAGE_SIZE];
  unsigned kind, seed;
  size_t len, len_again, capacity;

  comp = make_comp (zcomp_backends[_i], 1);
  for (kind = 0; kind < CONTENT_KINDS; ++kind)
    for (seed = 0; seed < 20; ++seed) {
      content_fill (page_in, ZRAM_PAGE_SIZE, (enum content) kind, seed);
      must_equal (compress (comp, page_in, small, sizeof small, &len), 0);
      if (compress_fenced (len + SLACK, &len_again) != 0)
        ck_abort_msg ("%s does not fit %zu bytes and some slack",
                      content_names[kind], len);
      must_equal (len_again, len);
      for (capacity = 1; capacity < len; capacity += 1 + capacity / 9)
        must_equal (compress_fenced (capacity, &len_again), -ENOSPC);
      must_equal (compress_fenced (len - 1, &len_again), -ENOSPC);
    }
  zcomp_destroy (comp);
}

/* One failure must not spoil the next page of the same stream. */
START_TEST (a_failure_leaves_the_stream_usable)
{
  char small[ZRAM_PAGE_SIZE];
  size_t len;
  int i;

  comp = make_comp (zcomp_backends[_i], 1);
  for (i = 0; i < 100; ++i) {
    content_fill (page_in, ZRAM_PAGE_SIZE, CONTENT_NOISE, (uint64_t) i);
    must_equal (compress (comp, page_in, small, 100 + (size_t) i, &len),
                -ENOSPC);
    must_equal (decompress (comp, page_in, 100 + (size_t) i, page_out), -EIO);
    content_fill (page_in, ZRAM_PAGE_SIZE, CONTENT_MIXED, (uint64_t) i);
    must_equal (compress (comp, page_in, small, sizeof small, &len), 0);
    must_equal (decompress (comp, small, len, page_out), 0);
    must (memcmp (page_in, page_out, ZRAM_PAGE_SIZE) == 0);
  }
  zcomp_destroy (comp);
}

/* Decompress LEN bytes at BYTES from a place that ends, and from one that
 * begins, where nothing may be read, into a page that is fenced on either
 * side. */
static int
decompress_fenced (const char *bytes, size_t len)
{
  const int r =
      decompress (comp, memcpy (fence_after - len, bytes, len), len, page_out);

  must_equal (
      decompress (comp, memcpy (fence_before, bytes, len), len, page_out), r);
  return r;
}

/* A page of KIND, compressed; returns how long it is. */
static size_t
make_small (char *small, size_t size, unsigned kind, uint64_t seed)
{
  size_t len;

  content_fill (page_in, ZRAM_PAGE_SIZE, (enum content) kind, seed);
  must_equal (compress (comp, page_in, small, size, &len), 0);
  return len;
}

START_TEST (too_short_or_too_long_is_an_error)
{
  char small[2 * ZRAM_PAGE_SIZE];
  unsigned kind;
  size_t len, cut;

  comp = make_comp (zcomp_backends[_i], 1);
  for (kind = 0; kind < CONTENT_NOISE; ++kind) {
    len = make_small (small, ZRAM_PAGE_SIZE, kind, 1);
    memset (small + len, 0, sizeof small - len);
    must_equal (decompress_fenced (small, len), 0);
    for (cut = 0; cut < len; cut += cut < 300 || cut > len - 100 ? 1 : 17)
      must_equal (decompress_fenced (small, cut), -EIO);
    for (cut = len + 1; cut < len + 20; ++cut)
      must_equal (decompress_fenced (small, cut), -EIO);
  }
  zcomp_destroy (comp);
}

static void
must_be_harmless (const char *bytes, size_t len)
{
  const int r = decompress_fenced (bytes, len);

  must (r == 0 || r == -EIO);
}

START_TEST (damage_is_harmless)
{
  char small[2 * ZRAM_PAGE_SIZE];
  uint64_t random = 1, i;
  unsigned kind;
  size_t len, at;

  comp = make_comp (zcomp_backends[_i], 1);
  for (kind = 0; kind < CONTENT_KINDS; ++kind) {
    for (i = 0; i < scaled (3000); ++i) {
      len = make_small (small, sizeof small, kind, i % 10);
      at = random_below (&random, len);
      small[at] ^= (char) (1 << random_below (&random, 8));
      must_be_harmless (small, len);
      small[random_below (&random, len)] = (char) random_next (&random);
      small[random_below (&random, len)] = (char) random_next (&random);
      must_be_harmless (small, len);
    }
    /* Every bit of what is read first. */
    len = make_small (small, sizeof small, kind, 0);
    for (i = 0; i < 8 * (len < 64 ? len : 64); ++i) {
      small[i / 8] ^= (char) (1 << i % 8);
      must_be_harmless (small, len);
      small[i / 8] ^= (char) (1 << i % 8);
    }
  }
  zcomp_destroy (comp);
}

START_TEST (rubbish_is_harmless)
{
  char rubbish[ZRAM_PAGE_SIZE];
  uint64_t random = 2, i;

  comp = make_comp (zcomp_backends[_i], 1);
  for (i = 0; i < scaled (20000); ++i) {
    const size_t len = random_below (&random, sizeof rubbish);

    content_fill (rubbish, len, i % 2 ? CONTENT_NOISE : CONTENT_TEXT, i);
    must_be_harmless (rubbish, len);
  }
  memset (rubbish, 0, sizeof rubbish);
  must_be_harmless (rubbish, sizeof rubbish);
  memset (rubbish, 0xff, sizeof rubbish);
  must_be_harmless (rubbish, sizeof rubbish);
  must_equal (decompress_fenced (rubbish, 0), -EIO);
  zcomp_destroy (comp);
}

/* Pages there and back on this thread, for a while. */
static void
work (void *arg, unsigned me)
{
  char in[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE], out[ZRAM_PAGE_SIZE];
  uint64_t random = me, i;
  size_t len;

  for (i = 0; i < scaled (1000); ++i) {
    content_fill (in, sizeof in, i % 2 ? CONTENT_TEXT : CONTENT_MIXED,
                  random_next (&random));
    must_equal (compress (arg, in, small, sizeof small, &len), 0);
    must_equal (decompress (arg, small, len, out), 0);
    must (memcmp (in, out, sizeof in) == 0);
  }
}

START_TEST (many_threads_share_few_streams)
{
  unsigned nr_streams;

  for (nr_streams = 1; nr_streams <= 3; ++nr_streams) {
    comp = make_comp (zcomp_backends[_i], nr_streams);
    threads_run (8, work, comp);
    zcomp_destroy (comp);
  }
}

/* One that holds each stream across a sleep, so that others find it taken. */
static void
work_slowly (void *arg, unsigned me)
{
  char in[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE];
  unsigned i;

  content_fill (in, sizeof in, CONTENT_TEXT, me);
  for (i = 0; i < scaled (500); ++i) {
    struct zcomp_stream *stream = zcomp_stream_get (arg, ZCOMP_COMPRESS);
    size_t len;

    sched_yield ();
    must_equal (zcomp_compress (stream, in, small, sizeof small, &len), 0);
    sched_yield ();
    zcomp_stream_put (stream);
    must_equal (decompress (arg, small, len, in), 0);
  }
}

START_TEST (a_stream_may_be_held_across_a_sleep)
{
  comp = make_comp (zcomp_backends[_i], 2);
  threads_run (8, work_slowly, comp);
  zcomp_destroy (comp);
}

/* Move the whole process from CPU to CPU while it works.  The threads that it
 * moves are its own. */
static void
work_and_wander (void *arg, unsigned me)
{
  char in[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE], out[ZRAM_PAGE_SIZE];
  cpu_set_t all, one;
  size_t len;
  int i, cpu;

  ck_assert_int_eq (sched_getaffinity (0, sizeof all, &all), 0);
  content_fill (in, sizeof in, CONTENT_MIXED, me);
  for (i = 0; i < 300; ++i)
    for (cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      struct zcomp_stream *stream;

      if (!CPU_ISSET (cpu, &all))
        continue;
      stream = zcomp_stream_get (arg, ZCOMP_COMPRESS);
      CPU_ZERO (&one);
      CPU_SET (cpu, &one);
      must_equal (sched_setaffinity (0, sizeof one, &one), 0);
      must_equal (zcomp_compress (stream, in, small, sizeof small, &len), 0);
      zcomp_stream_put (stream);
      must_equal (decompress (arg, small, len, out), 0);
      must (memcmp (in, out, sizeof in) == 0);
    }
  must_equal (sched_setaffinity (0, sizeof all, &all), 0);
}

START_TEST (threads_may_change_cpus)
{
  comp =
      make_comp (zcomp_backends[_i], (unsigned) sysconf (_SC_NPROCESSORS_CONF));
  threads_run (4, work_and_wander, comp);
  zcomp_destroy (comp);

  /* Fewer streams than CPUs: a CPU that came later. */
  comp = make_comp (zcomp_backends[_i], 1);
  threads_run (4, work_and_wander, comp);
  zcomp_destroy (comp);
}

/* With every stream of one direction taken, the other goes on. */
struct stored {
  char small[ZRAM_PAGE_SIZE];
  size_t len;
};

static void
decompress_stored (void *arg, unsigned me)
{
  const struct stored *stored = arg;
  char out[ZRAM_PAGE_SIZE];

  (void) me;
  must_equal (decompress (comp, stored->small, stored->len, out), 0);
}

static void
compress_something (void *arg, unsigned me)
{
  char in[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE];
  size_t len;

  (void) arg;
  content_fill (in, sizeof in, CONTENT_TEXT, me);
  must_equal (compress (comp, in, small, sizeof small, &len), 0);
}

START_TEST (a_compressor_holds_up_no_reader)
{
  struct stored stored;
  struct zcomp_stream *stream;

  comp = make_comp (zcomp_backends[_i], 1);
  stored.len = make_small (stored.small, sizeof stored.small, CONTENT_TEXT, 1);
  stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  threads_run (3, decompress_stored, &stored);
  zcomp_stream_put (stream);
  stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  threads_run (3, compress_something, NULL);
  zcomp_stream_put (stream);
  zcomp_destroy (comp);
}

START_TEST (two_sets_of_streams_are_independent)
{
  struct zcomp *other = make_comp (zcomp_backends[_i], 1);
  struct zcomp_stream *stream;

  comp = make_comp (zcomp_backends[0], 1);
  stream = zcomp_stream_get (other, ZCOMP_COMPRESS);
  threads_run (3, compress_something, NULL);
  zcomp_stream_put (stream);
  zcomp_destroy (comp);
  zcomp_destroy (other);
}

/* Page faults. */

#define NR_FILLED 3U

struct first_use {
  struct zcomp *warm; /* used before */
  struct zcomp *comp;
  enum zcomp_direction direction;
  pthread_barrier_t all_hold;
  long faults[NR_FILLED];
};

/* Pages of all kinds through one stream of WITH, which is its first use if
 * WITH is what is looked at: all streams are held then.  How many faults? */
static long
use_stream (struct first_use *use, struct zcomp *with)
{
  char page[ZRAM_PAGE_SIZE], small[2 * ZRAM_PAGE_SIZE];
  struct zcomp_stream *stream;
  long taken = 0;
  unsigned kind;
  size_t len;

  for (kind = 0; kind < CONTENT_KINDS; ++kind) {
    content_fill (page, sizeof page, (enum content) kind, kind);
    must_equal (compress (use->warm, page, small, sizeof small, &len), 0);
    stream = zcomp_stream_get (with, use->direction);
    if (with == use->comp)
      pthread_barrier_wait (&use->all_hold);
    taken -= thread_faults ();
    if (use->direction == ZCOMP_COMPRESS)
      must_equal (zcomp_compress (stream, page, small, sizeof small, &len), 0);
    else
      must_equal (zcomp_decompress (stream, small, len, page), 0);
    taken += thread_faults ();
    if (with == use->comp)
      pthread_barrier_wait (&use->all_hold);
    zcomp_stream_put (stream);
  }
  return taken;
}

/* The library's code and this thread's stack have been used before. */
static void
use_first (void *arg, unsigned me)
{
  struct first_use *use = arg;

  use_stream (use, use->warm);
  use->faults[me] = use_stream (use, use->comp);
}

/* The faults that the first use of all streams of DIRECTION takes. */
static long
count_faults (const struct zcomp_backend *backend,
              enum zcomp_direction direction, bool populate)
{
  struct first_use use = {.direction = direction};
  long sum = 0;
  unsigned i;

  use.warm = make_comp (backend, 1);
  use.comp = make_comp (backend, NR_FILLED);
  pthread_barrier_init (&use.all_hold, NULL, NR_FILLED);
  if (populate)
    ck_assert_int_eq (zcomp_populate (use.comp), 0);
  threads_run (NR_FILLED, use_first, &use);
  for (i = 0; i < NR_FILLED; ++i)
    sum += use.faults[i];
  zcomp_destroy (use.comp);
  zcomp_destroy (use.warm);
  return sum;
}

START_TEST (a_filled_stream_takes_no_page_fault)
{
  const struct zcomp_backend *backend = zcomp_backends[_i];

  ck_assert_int_ge (count_faults (backend, ZCOMP_COMPRESS, false), NR_FILLED);
  ck_assert_int_eq (count_faults (backend, ZCOMP_COMPRESS, true), 0);
  ck_assert_int_eq (count_faults (backend, ZCOMP_DECOMPRESS, true), 0);
}

/* Before the first use, and between two. */
START_TEST (filling_changes_nothing)
{
  char small[ZRAM_PAGE_SIZE];
  size_t len;
  int i;

  comp = make_comp (zcomp_backends[_i], 2);
  for (i = 0; i < 3; ++i) {
    ck_assert_int_eq (zcomp_populate (comp), 0);
    len = make_small (small, sizeof small, CONTENT_MIXED, (uint64_t) i);
    memset (page_out, 0xee, ZRAM_PAGE_SIZE);
    must_equal (decompress (comp, small, len, page_out), 0);
    must (memcmp (page_in, page_out, ZRAM_PAGE_SIZE) == 0);
  }
  zcomp_destroy (comp);
}

int
main (void)
{
  Suite *suite = suite_create ("zcomp");
  const int n = count_backends ();
  TCase *tc;

  tc = suite_case (suite, "backends");
  tcase_add_test (tc, backends_are_found_by_name);
  tcase_add_loop_test (tc, there_is_at_least_one_stream, 0, n);
  if (memory_can_be_limited ())
    tcase_add_loop_test (tc, no_memory_is_an_answer, 0, n);

  tc = suite_case (suite, "pages");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, pages_come_back, 0, n);
  tcase_add_loop_test (tc, text_gets_much_smaller, 0, n);
  tcase_add_loop_test (tc, noise_does_not_fit_a_page, 0, n);
  tcase_add_loop_test (tc, the_capacity_is_kept_to, 0, n);
  tcase_add_loop_test (tc, a_failure_leaves_the_stream_usable, 0, n);

  tc = suite_case (suite, "damage");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, too_short_or_too_long_is_an_error, 0, n);
  tcase_add_loop_test (tc, damage_is_harmless, 0, n);
  tcase_add_loop_test (tc, rubbish_is_harmless, 0, n);

  tc = suite_case (suite, "threads");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, many_threads_share_few_streams, 0, n);
  tcase_add_loop_test (tc, a_stream_may_be_held_across_a_sleep, 0, n);
  tcase_add_loop_test (tc, threads_may_change_cpus, 0, n);
  tcase_add_loop_test (tc, a_compressor_holds_up_no_reader, 0, n);
  tcase_add_loop_test (tc, two_sets_of_streams_are_independent, 0, n);

  tc = suite_case (suite, "memory");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, filling_changes_nothing, 0, n);
  if (instrumented ())
    puts ("SKIP: a test of page faults: who watches takes some, too");
  else
    tcase_add_loop_test (tc, a_filled_stream_takes_no_page_fault, 0, n);
  return suite_run (suite);
}
