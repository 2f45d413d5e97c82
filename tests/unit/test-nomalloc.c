/* SPDX-License-Identifier: BSD-3-Clause */
/* Once a device has been made, its I/O calls malloc no more: a server that
 * holds its machine's swap must not ask for memory to take a page.
 *
 * This program's malloc takes the place of the C library's, for libzstd and
 * liblz4 too, and counts what the marked parts of the program ask for.
 */
#include <config.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"
#include "zcomp.h"
#include "zcompdict.h"
#include "zram.h"

#if SANITIZED

int
main (void)
{
  return skip ("the sanitizer has a malloc of its own");
}

#else

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *p, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);

/* This thread is in a part that must not ask; how often it has, anywhere.
 * Volatile, since the compiler knows malloc and thinks that it reads nothing.
 */
static __thread volatile bool counting;
static _Atomic unsigned asked;

static void
count (void)
{
  if (counting)
    atomic_fetch_add (&asked, 1);
}

void *
malloc (size_t size)
{
  count ();
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  count ();
  return __libc_calloc (n, size);
}

void *
realloc (void *p, size_t size)
{
  count ();
  return __libc_realloc (p, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  count ();
  return __libc_memalign (alignment, size);
}

int
posix_memalign (void **p, size_t alignment, size_t size)
{
  count ();
  *p = __libc_memalign (alignment, size);
  return 0;
}

START_TEST (malloc_is_counted)
{
  void *volatile p;

  asked = 0;
  counting = true;
  p = malloc (1);
  free (p);
  p = calloc (1, 1);
  /* cppcheck-suppress memleakOnRealloc; calls of realloc are counted */
  p = realloc (p, 100);
  free (p);
  p = aligned_alloc (64, 64);
  free (p);
  counting = false;
  ck_assert_uint_eq (asked, 4);
}

static void
use_streams (void *arg, unsigned me)
{
  char in[ZRAM_PAGE_SIZE], small[ZRAM_PAGE_SIZE], out[ZRAM_PAGE_SIZE];
  unsigned i;

  for (i = 0; i < 1000; ++i) {
    struct zcomp_stream *stream;
    size_t len;

    content_fill (in, sizeof in, (enum content) (i % CONTENT_KINDS), me + i);
    counting = true;
    stream = zcomp_stream_get (arg, ZCOMP_COMPRESS);
    if (zcomp_compress (stream, in, small, sizeof small, &len) < 0)
      len = 0;
    zcomp_stream_put (stream);
    stream = zcomp_stream_get (arg, ZCOMP_DECOMPRESS);
    zcomp_decompress (stream, small, len, out);
    zcomp_stream_put (stream);
    counting = false;
  }
}

static void
make_and_use (const struct zcomp_backend *backend,
              const struct zcomp_params *params)
{
  struct zcomp *comp;

  ck_assert_int_eq (zcomp_create (&comp, backend, params, 2, &comp), 0);
  ck_assert_int_eq (zcomp_prepare (comp), 0);
  asked = 0;
  threads_run (4, use_streams, comp);
  ck_assert_uint_eq (asked, 0);
  zcomp_destroy (comp);
}

START_TEST (streams_ask_for_no_memory)
{
  make_and_use (zcomp_backends[_i], NULL);
}

START_TEST (nor_do_they_with_a_dictionary)
{
  struct zcomp_params params = {0};
  char bytes[ZRAM_PAGE_SIZE];

  if (!zcomp_backend_takes_dict (zcomp_backends[_i]))
    return;
  content_fill (bytes, sizeof bytes, CONTENT_TEXT, 1);
  ck_assert_int_eq (zcomp_dict_create (&params.dict, bytes, sizeof bytes), 0);
  make_and_use (zcomp_backends[_i], &params);
  zcomp_dict_put (params.dict);
}

#define DISKSIZE (UINT64_C (16) << 20)
#define LONGEST  (5 * ZRAM_PAGE_SIZE)

static void
do_io (void *arg, unsigned me)
{
  char in[LONGEST], out[LONGEST];
  struct zram_stats stats;
  uint64_t random = me;
  unsigned i;

  for (i = 0; i < 3000; ++i) {
    const uint64_t size = 1 + random_below (&random, LONGEST);
    const uint64_t offset = random_below (&random, DISKSIZE - size);
    bool hole;

    content_fill (in, size, (enum content) (i % CONTENT_KINDS), i);
    counting = true;
    must_equal (zram_write (arg, in, size, offset), 0);
    must_equal (zram_read (arg, out, size, offset), 0);
    if (i % 3 == 0)
      must_equal (zram_zero (arg, size, offset), 0);
    if (i % 5 == 0)
      zram_discard (arg, DISKSIZE / 2, offset / 2);
    zram_extent (arg, size, offset, &hole);
    zram_stats (arg, &stats);
    counting = false;
  }
}

START_TEST (a_device_asks_for_no_memory)
{
  const struct zram_config config = {
      .disksize = DISKSIZE,
      .algorithms[0].backend = zcomp_backends[_i],
  };
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  asked = 0;
  threads_run (4, do_io, zram);
  ck_assert_uint_eq (asked, 0);
  zram_destroy (zram);
}

START_TEST (a_run_asks_for_no_memory)
{
  const struct zram_config config = {
      .disksize = DISKSIZE,
      .algorithms[1].backend = zcomp_backends[_i],
  };
  const struct zram_recompress what = {.max_pages = UINT64_MAX, .priority = 1};
  struct zram_recompressed done;
  struct zram *zram;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  /* Streams are made by the first one, unless they were filled before. */
  ck_assert_int_eq (zram_recompress (zram, &what, NULL, &done), 0);
  for (unsigned i = 0; i < 1000; i++) {
    char page[ZRAM_PAGE_SIZE];

    content_fill (page, sizeof page, CONTENT_TEXT, i);
    must_equal (zram_write (zram, page, sizeof page, i * sizeof page), 0);
  }
  asked = 0;
  counting = true;
  must_equal (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  must_equal (zram_recompress (zram, &what, NULL, &done), 0);
  counting = false;
  ck_assert_uint_eq (asked, 0);
  ck_assert_uint_eq (done.tried, 1000);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *suite;
  int n = 0;
  TCase *tc;

  if (instrumented ())
    return skip ("valgrind has a malloc of its own");
  suite = suite_create ("nomalloc");
  while (zcomp_backends[n])
    ++n;
  tc = suite_case (suite, "malloc");
  tcase_add_test (tc, malloc_is_counted);
  tcase_add_loop_test (tc, streams_ask_for_no_memory, 0, n);
  tcase_add_loop_test (tc, nor_do_they_with_a_dictionary, 0, n);
  tcase_add_loop_test (tc, a_run_asks_for_no_memory, 0, n);
  tcase_add_loop_test (tc, a_device_asks_for_no_memory, 0, n);
  return suite_run (suite);
}

#endif
