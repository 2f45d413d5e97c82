/* SPDX-License-Identifier: BSD-3-Clause */
/* Growing and giving back when many threads do it at once: the limit refuses
 * only what does not fit, nothing is made that is not needed, and what is no
 * longer needed goes, whoever is last to look.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "zram.h"
#include "zscheck.h"
#include "zsmalloc.h"

#define THREADS 16
#define MIB     (UINT64_C (1) << 20)

static pthread_barrier_t barrier;

struct writer {
  pthread_t thread;
  struct zram *zram;
  uint64_t index;
  int result;
};

static void *
write_one_page (void *arg)
{
  struct writer *writer = arg;
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, CONTENT_TEXT, writer->index);
  pthread_barrier_wait (&barrier);
  writer->result =
      zram_write (writer->zram, page, sizeof page, writer->index * sizeof page);
  return NULL;
}

/* One zspage is allowed, and it has room for what all of them write. */
START_TEST (the_limit_refuses_only_what_does_not_fit)
{
  const struct zram_config config = {.disksize = MIB, .mem_limit = 64 << 10};
  struct writer writers[THREADS];
  uint64_t round;
  int i;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS), 0);
  for (round = 0; round < scaled (300); ++round) {
    struct zram *zram;

    ck_assert_int_eq (zram_create (&zram, &config), 0);
    for (i = 0; i < THREADS; ++i) {
      writers[i] = (struct writer){.zram = zram, .index = (uint64_t) i};
      pthread_create (&writers[i].thread, NULL, write_one_page, &writers[i]);
    }
    for (i = 0; i < THREADS; ++i) {
      pthread_join (writers[i].thread, NULL);
      must_equal (writers[i].result, 0);
    }
    zram_destroy (zram);
  }
  pthread_barrier_destroy (&barrier);
}

struct allocator {
  pthread_t thread;
  struct zs_pool *pool;
  uint64_t handle;
};

static void *
make_one_object (void *arg)
{
  struct allocator *allocator = arg;

  pthread_barrier_wait (&barrier);
  must_equal (zs_malloc (allocator->pool, 100, 0, &allocator->handle), 0);
  return NULL;
}

START_TEST (what_fits_one_zspage_takes_one)
{
  struct allocator allocators[THREADS];
  struct zs_pool_stats stats;
  struct zs_pool *pool;
  uint64_t round;
  int i;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS), 0);
  for (round = 0; round < scaled (300); ++round) {
    ck_assert_int_eq (zs_pool_create (&pool, 64 * MIB, &pool), 0);
    for (i = 0; i < THREADS; ++i) {
      allocators[i].pool = pool;
      pthread_create (&allocators[i].thread, NULL, make_one_object,
                      &allocators[i]);
    }
    for (i = 0; i < THREADS; ++i)
      pthread_join (allocators[i].thread, NULL);
    zs_pool_stats (pool, &stats);
    must_equal (stats.used, 64 << 10);
    must (zs_pool_check (pool, NULL) == NULL);
    zs_pool_destroy (pool);
  }
  pthread_barrier_destroy (&barrier);
}

/* Writes of less than a page, one in each MiB of a large disk, all refused:
 * nothing is stored, so the table must not take memory for them either. */
START_TEST (refused_writes_take_no_memory)
{
  const struct zram_config config = {.disksize = 32 * 1024 * MIB,
                                     .mem_limit = ZRAM_PAGE_SIZE};
  struct zram *zram;
  uint64_t i, before;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (zram_start (zram), 0);
  before = rss_bytes ();
  for (i = 0; i < 32 * 1024; ++i)
    must_equal (zram_write (zram, "something", 9, i * MIB + 5), -ENOSPC);
  /* They would have taken 128 MiB. */
  ck_assert_uint_lt (rss_bytes_later (before + 16 * MIB), before + 16 * MIB);
  zram_destroy (zram);
}

struct reader {
  pthread_t thread;
  struct zram *zram;
  _Atomic bool stop;
};

static void *
read_all (void *arg)
{
  struct reader *reader = arg;
  char page[ZRAM_PAGE_SIZE];
  uint64_t i;

  for (i = 0; !reader->stop; i = (i + 1) % 4096)
    must_equal (zram_read (reader->zram, page, sizeof page, i * MIB), 0);
  return NULL;
}

/* A reader may hold a slot at the very moment that its leaf empties. */
START_TEST (a_reader_leaves_no_memory_behind)
{
  const struct zram_config config = {.disksize = 4096 * MIB};
  struct reader reader = {.stop = false};
  char page[ZRAM_PAGE_SIZE];
  uint64_t i, before;

  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  ck_assert_int_eq (zram_create (&reader.zram, &config), 0);
  ck_assert_int_eq (zram_start (reader.zram), 0);
  before = rss_bytes ();
  pthread_create (&reader.thread, NULL, read_all, &reader);
  for (i = 0; i < scaled (100000); ++i) {
    must_equal (zram_write (reader.zram, page, sizeof page, i % 4096 * MIB), 0);
    zram_discard (reader.zram, sizeof page, i % 4096 * MIB);
  }
  reader.stop = true;
  pthread_join (reader.thread, NULL);
  zram_discard (reader.zram, 4096 * MIB, 0);
  ck_assert_uint_lt (rss_bytes_later (before + 2 * MIB), before + 2 * MIB);
  zram_destroy (reader.zram);
}

/* Raw pages, then all but one of each zspage trimmed, then blocks that no hole
 * of a page fits: the pool is at its longest, and no write is refused. */
START_TEST (addresses_do_not_run_out)
{
  const uint64_t pages = scaled (16384);
  const struct zram_config config = {.disksize = pages * ZRAM_PAGE_SIZE};
  char noise[ZRAM_PAGE_SIZE], mixed[ZRAM_PAGE_SIZE];
  struct zram *zram;
  unsigned grain;
  uint64_t i;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  content_fill (noise, sizeof noise, CONTENT_NOISE, 1);
  for (i = 0; i < pages; ++i) {
    noise[0] = (char) i;
    must_equal (zram_write (zram, noise, sizeof noise, i * sizeof noise), 0);
  }
  for (i = 0; i < pages; ++i)
    if (i % 16)
      zram_discard (zram, sizeof noise, i * sizeof noise);
  memcpy (mixed, noise, sizeof mixed);
  for (grain = 0; grain < 8; ++grain) {
    /* A little less noise each time: every block a little shorter, or longer,
     * than the holes that the last round left. */
    memset (mixed, 0, 100 + 30 * ((grain * 5) % 8));
    for (i = 0; i < pages; ++i)
      if (i % 16 && (i + grain) % 2)
        must_equal (zram_write (zram, mixed, sizeof mixed, i * sizeof mixed),
                    0);
    memcpy (mixed, noise, sizeof mixed);
  }
  zram_destroy (zram);
}

int
main (void)
{
  Suite *suite = suite_create ("growth");
  TCase *tc = suite_case (suite, "growth");

  tcase_add_test (tc, the_limit_refuses_only_what_does_not_fit);
  tcase_add_test (tc, what_fits_one_zspage_takes_one);
  if (instrumented ())
    puts ("SKIP: two tests of memory: that of who watches grows with it");
  else {
    tcase_add_test (tc, refused_writes_take_no_memory);
    tcase_add_test (tc, a_reader_leaves_no_memory_behind);
  }
  tcase_add_test (tc, addresses_do_not_run_out);
  return suite_run (suite);
}
