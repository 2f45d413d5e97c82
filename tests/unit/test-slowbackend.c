/* SPDX-License-Identifier: BSD-3-Clause */
/* Algorithms that sleep: nobody waits for one but who uses the same stream, or
 * the same page.
 *
 * Two are built here only.  One sleeps for 50 ms at each page, and allocates;
 * the other hands the page to a thread of its own, which does the same and
 * completes the operation later.  A page that begins with 0xff stops them,
 * until the test lets it go: whatever is done meanwhile is done while it is
 * there.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "run.h"
#include "unit.h"
#include "workpool.h"
#include "zram.h"

#define NR_PAGES 64U

/* What is stored of a page: the rest is zeros. */
#define HEAD     1000U
#define STOPPING ((char) 0xff)

/* While it is shut, a page that stops is inside. */
static _Atomic bool gate_shut;
static _Atomic unsigned inside, nr_done;

static void
pass_gate (void)
{
  atomic_fetch_add (&inside, 1);
  while (gate_shut)
    usleep (1000);
  atomic_fetch_sub (&inside, 1);
}

static void
wait_inside (unsigned n)
{
  while (inside < n)
    usleep (1000);
}

/* What both do, in their time. */
static int
do_slowly (struct zcomp_op *op, bool compress)
{
  char *const copy = malloc (HEAD);

  if (!copy)
    return -EIO;
  memcpy (copy, op->src, HEAD);
  if (copy[0] == STOPPING)
    pass_gate ();
  usleep (50000);
  memcpy (op->dst, copy, HEAD);
  free (copy);
  if (compress)
    op->len = HEAD;
  else
    memset ((char *) op->dst + HEAD, 0, ZRAM_PAGE_SIZE - HEAD);
  nr_done++;
  return 0;
}

static int
compress_slowly (struct zcomp_op *op)
{
  return op->capacity < HEAD ? -ENOSPC : do_slowly (op, true);
}

static int
decompress_slowly (struct zcomp_op *op)
{
  return op->len == HEAD ? do_slowly (op, false) : -EIO;
}

/* The thread of an operation; as many as are under way. */
struct job {
  struct zcomp_op *op;
  int (*fn) (struct zcomp_op *op);
};

static void *
complete_later (void *arg)
{
  const struct job job = *(struct job *) arg;

  free (arg);
  zcomp_op_complete (job.op, job.fn (job.op));
  return NULL;
}

static int
start (struct zcomp_op *op, int (*fn) (struct zcomp_op *op))
{
  struct job *const job = malloc (sizeof *job);
  pthread_attr_t detached;
  pthread_t thread;

  *job = (struct job){op, fn};
  pthread_attr_init (&detached);
  pthread_attr_setdetachstate (&detached, PTHREAD_CREATE_DETACHED);
  must_equal (pthread_create (&thread, &detached, complete_later, job), 0);
  pthread_attr_destroy (&detached);
  return ZCOMP_PENDING;
}

static int
start_compressing (struct zcomp_op *op)
{
  return start (op, compress_slowly);
}

static int
start_decompressing (struct zcomp_op *op)
{
  return start (op, decompress_slowly);
}

static struct zcomp_levels
one_level (void)
{
  return (struct zcomp_levels){.min = 1, .max = 1, .usual = 1};
}

static size_t
some_context (const struct zcomp_setup *setup)
{
  (void) setup;
  return 64;
}

static const struct zcomp_backend backends[] = {
    {.name = "sleeps",
     .levels = one_level,
     .compress_size = some_context,
     .decompress_size = some_context,
     .compress = compress_slowly,
     .decompress = decompress_slowly},
    {.name = "completes later",
     .levels = one_level,
     .compress_size = some_context,
     .decompress_size = some_context,
     .compress = start_compressing,
     .decompress = start_decompressing},
};

#define BACKENDS (sizeof backends / sizeof *backends)

static struct zram *zram;

static void
make_device (const struct zcomp_backend *primary,
             const struct zcomp_backend *secondary, struct workpool *workers)
{
  const struct zram_config config = {.disksize = NR_PAGES * ZRAM_PAGE_SIZE,
                                     .algorithms[0].backend = primary,
                                     .algorithms[1].backend = secondary,
                                     .workers = workers,
                                     .spread_threshold = NR_PAGES};

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  gate_shut = false;
  inside = nr_done = 0;
}

/* A page whose first byte is FIRST. */
static void
fill_page (char page[ZRAM_PAGE_SIZE], char first, uint64_t seed)
{
  memset (page, 0, ZRAM_PAGE_SIZE);
  content_fill (page, HEAD, CONTENT_NOISE, seed);
  page[0] = first;
}

static void
write_page (uint64_t index, char first, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE];

  fill_page (page, first, seed);
  must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
}

static void
must_read (uint64_t index, char first, uint64_t seed)
{
  char page[ZRAM_PAGE_SIZE], read[ZRAM_PAGE_SIZE];

  fill_page (page, first, seed);
  must_equal (zram_read (zram, read, sizeof read, index * sizeof read), 0);
  must (memcmp (page, read, sizeof page) == 0);
}

/* All that one can do to pages other than 5, which somebody is stopped with; on
 * one CPU there is only the stream that he has. */
static void
do_everything_else (void)
{
  struct zram_stats stats;
  struct zram_page page;
  uint64_t index = 0;
  char part[100] = {1};
  bool hole;

  if (zram_streams (zram) > 1) {
    write_page (7, 1, 70);
    must_equal (zram_write (zram, part, sizeof part, 8 * ZRAM_PAGE_SIZE), 0);
    must_equal (zram_zero (zram, 100, 8 * ZRAM_PAGE_SIZE), 0);
    must_read (7, 1, 70);
    must_read (6, 1, 6);
  }
  else {
    puts ("SKIP: other pages meanwhile: there is one CPU, and one stream");
  }
  zram_discard (zram, ZRAM_PAGE_SIZE, 7 * ZRAM_PAGE_SIZE);
  zram_extent (zram, NR_PAGES * ZRAM_PAGE_SIZE, 0, &hole);
  zram_stats (zram, &stats);
  must (zram_next_page (zram, &index, &page));
  zram_compact (zram, NULL);
  must_equal (inside, 1);
}

/* Thread 0 is stopped with page 5, by FN; the other does everything else. */
struct stop {
  void (*fn) (void);
  bool page_is_free; /* nobody has its slot */
};

static void
stop_and_go_on (void *arg, unsigned me)
{
  const struct stop *const stop = arg;

  if (me == 0) {
    stop->fn ();
    return;
  }
  wait_inside (1);
  do_everything_else ();
  if (stop->page_is_free) {
    must_read (5, 1, 5);
    zram_discard (zram, ZRAM_PAGE_SIZE, 5 * ZRAM_PAGE_SIZE);
    must_equal (inside, 1);
  }
  gate_shut = false;
}

static void
write_stopping (void)
{
  write_page (5, STOPPING, 50);
}

static void
read_stopping (void)
{
  must_read (5, STOPPING, 50);
}

static void
write_part (void)
{
  const char first = STOPPING;

  must_equal (zram_write (zram, &first, 1, 5 * ZRAM_PAGE_SIZE), 0);
}

START_TEST (a_write_holds_up_nobody)
{
  struct stop stop = {.fn = write_stopping, .page_is_free = true};

  make_device (&backends[_i], NULL, NULL);
  write_page (5, 1, 5);
  write_page (6, 1, 6);
  gate_shut = true;
  threads_run (2, stop_and_go_on, &stop);
  must_read (5, STOPPING, 50);
  zram_destroy (zram);
}

START_TEST (a_read_holds_up_its_page_only)
{
  struct stop stop = {.fn = read_stopping};

  make_device (&backends[_i], NULL, NULL);
  write_page (5, STOPPING, 50);
  write_page (6, 1, 6);
  gate_shut = true;
  threads_run (2, stop_and_go_on, &stop);
  zram_destroy (zram);
}

START_TEST (a_write_of_part_holds_up_its_page_only)
{
  struct stop stop = {.fn = write_part};

  make_device (&backends[_i], NULL, NULL);
  write_page (5, 1, 5);
  write_page (6, 1, 6);
  gate_shut = true;
  threads_run (2, stop_and_go_on, &stop);
  must_read (5, STOPPING, 5);
  zram_destroy (zram);
}

/* Only page 5 stops, and only it is to be recompressed. */
static struct zram_recompressed done;

static void
recompress_page (void)
{
  const struct zram_recompress what = {
      .idle = true, .max_pages = 1, .priority = 1};

  must_equal (zram_recompress (zram, &what, NULL, &done), 0);
}

static void
recompress_and_go_on (void *arg, unsigned me)
{
  const bool used = *(const bool *) arg;

  if (me == 0) {
    recompress_page ();
    return;
  }
  wait_inside (1);
  /* What the fast algorithm has stored, this page with it. */
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (used || i != 5)
      must_read (i, i == 5 ? STOPPING : 1, i);
  do_everything_else ();
  gate_shut = false;
}

/* Alone or by workers; the page in hand is read meanwhile, or not. */
START_TEST (recompression_holds_up_nobody)
{
  const bool with_workers = _i & 1;
  bool used = _i & 2;
  struct workpool *workers = NULL;

  if (with_workers) {
    ck_assert_int_eq (workpool_create (&workers, 1), 0);
    ck_assert_int_eq (workpool_start (workers), 0);
  }
  make_device (zcomp_backend_find ("zstd"), &backends[_i / 4], workers);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    write_page (i, i == 5 ? STOPPING : 1, i);
  ck_assert_int_eq (zram_idle (zram, ZRAM_IDLE_ALL, NULL), 0);
  for (uint64_t i = 0; i < NR_PAGES; i++)
    if (i != 5)
      must_read (i, 1, i);
  gate_shut = true;
  threads_run (2, recompress_and_go_on, &used);
  ck_assert_uint_eq (done.tried, 1);
  ck_assert_uint_eq (done.gained, !used);
  must_read (5, STOPPING, 5);
  zram_destroy (zram);
  workpool_destroy (workers);
}

static void
use_pages (void *arg, unsigned me)
{
  (void) arg;
  for (uint64_t i = 0; i < 2; i++) {
    const uint64_t index = me * 2 + i;

    write_page (index, 1, index);
    must_read (index, 1, index);
  }
}

/* More threads than streams, each in its time. */
START_TEST (all_come_to_their_end)
{
  make_device (&backends[_i], NULL, NULL);
  threads_run (6, use_pages, NULL);
  ck_assert_uint_eq (nr_done, 24);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *const suite = suite_create ("slowbackend");
  TCase *const tc = suite_case (suite, "slowbackend");

  tcase_add_loop_test (tc, a_write_holds_up_nobody, 0, BACKENDS);
  tcase_add_loop_test (tc, a_read_holds_up_its_page_only, 0, BACKENDS);
  tcase_add_loop_test (tc, a_write_of_part_holds_up_its_page_only, 0, BACKENDS);
  tcase_add_loop_test (tc, recompression_holds_up_nobody, 0, 4 * BACKENDS);
  tcase_add_loop_test (tc, all_come_to_their_end, 0, BACKENDS);
  return suite_run (suite);
}
