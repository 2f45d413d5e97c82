/* SPDX-License-Identifier: BSD-3-Clause */
/* writtenback: what writing back costs, on a file, lz4, the engine alone.
 *
 *   enginebench writtenback [-t MS] KIND FILE CORPUS
 *
 *   written    bytes written for each byte of an object
 *   rate       pages a second, and one at a time
 *   read       pages a second from there, 32 at a time
 *   latency    what who reads from memory notices
 *
 * "written" writes all pages back once; and then, for stores of which 60 and
 * 80 % are in use, overwrites pages at random, or nine times in ten one of a
 * tenth of them, and writes those back, until several times the store has been
 * written, of which the first half is not counted.
 *
 * "rate" and "read" print two numbers, for a script that has them take turns
 * with something else.  The second of "rate" is of what writes a block of 4096
 * bytes for each page, one after the other, as the kernel's zram does.  "read"
 * has 32 threads ask for a page each, and then one that asks for 32 in one
 * request, which lie all over the store.
 * "latency" prints the 99th percentile of reads of the lower half of the pages,
 * in microseconds: alone, and while the upper half is written back.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "median.h"
#include "random.h"
#include "segments.h"
#include "store.h"

/* Of "read". */
#define DEPTH 32

/* Of "written": a run for so many pages, and how often a store is filled. */
#define BATCHES 64
#define TIMES   8

static const char *file;
static struct corpus corpus;
static uint32_t nr_pages;
static uint64_t seed = 1;
static unsigned ms = 2000; /* that reads are timed */

static uint64_t
disk_bytes (void)
{
  return (uint64_t) nr_pages * ZRAM_PAGE_SIZE;
}

static const char *
page_at (uint32_t i)
{
  return corpus_page (&corpus, i);
}

/* A disk with a store of so many bytes. */
static struct zram *
make_disk (uint64_t store_bytes)
{
  const struct store_config where = {
      .backing_dev = file, .size = store_bytes, .overwrite = true};
  struct zram_config config = {.disksize = disk_bytes (),
                               .algorithms[0].backend =
                                   algorithm_named ("lz4")};
  struct zram *zram;
  char *why;

  if (store_open (&config.store, &where, &why) != 0)
    fail ("%s", why ? why : "store_open");
  zram = device_new (&config);
  if (zram_start (zram) != 0)
    fail ("zram_start");
  return zram;
}

static void
write_all (struct zram *zram)
{
  for (uint32_t i = 0; i < nr_pages; i++)
    device_write (zram, i, page_at (i));
}

/* Whatever is in memory; how many pages. */
static uint64_t
write_back (struct zram *zram)
{
  const struct zram_writeback all = {.end = nr_pages};
  struct zram_written done;

  const int r = zram_writeback (zram, &all, NULL, &done);

  if (r == -ENOSPC)
    fail ("the store is full: a corpus of 8 MiB or more leaves room to clean");
  if (r != 0)
    fail ("zram_writeback: %s", strerror (-r));
  return done.pages;
}

/* A store that has room for all, and to spare; and not so small that it is
 * written in smaller pieces than most are. */
static uint64_t
large (void)
{
  const uint64_t room =
      disk_bytes () + disk_bytes () / 4 + 16 * (uint64_t) SEGMENT_MAX;

  return room > UINT64_C (1) << 30 ? room : UINT64_C (1) << 30;
}

/* What is written for each byte of an object. */

/* Write each page once; returns the bytes that are in use then. */
static uint64_t
measure_first (void)
{
  struct zram *const zram = make_disk (large ());
  struct zram_stats before, after;

  write_all (zram);
  before = device_stats (zram);
  write_back (zram);
  after = device_stats (zram);
  printf ("once             %.3f (a block for each page: %.2f)\n",
          (double) after.bd_writes / (double) before.compr_data_size,
          (double) (after.bd_count * ZRAM_PAGE_SIZE) /
              (double) before.compr_data_size);
  zram_destroy (zram);
  return after.bd_live;
}

static uint32_t
choose_page (bool skewed)
{
  const uint32_t hot = nr_pages / 10;

  if (!skewed)
    return random_below (&seed, nr_pages);
  return random_below (&seed, 10) > 0
             ? random_below (&seed, hot)
             : hot + random_below (&seed, nr_pages - hot);
}

/* Overwrite pages, and write them back, until BYTES have been written. */
static double
overwrite (struct zram *zram, uint64_t bytes, bool skewed)
{
  const uint64_t start = device_stats (zram).bd_writes;
  uint64_t written = 0, objects = 0;

  while (written < bytes) {
    for (uint32_t i = 0; i < nr_pages / BATCHES; i++)
      device_write (zram, choose_page (skewed),
                    page_at (random_below (&seed, nr_pages)));
    objects += device_stats (zram).compr_data_size;
    write_back (zram);
    written = device_stats (zram).bd_writes - start;
  }
  return (double) written / (double) objects;
}

static void
measure_full (uint64_t live, unsigned percent, bool skewed)
{
  const uint64_t room = live * 100 / percent;
  const uint32_t segment = segments_size_for (room, SEGMENT_MAX);
  const uint64_t size = room / segment * segment;
  struct zram *const zram = make_disk (size + segment);
  double per_byte;

  write_all (zram);
  write_back (zram);
  overwrite (zram, TIMES / 2 * size, skewed);
  per_byte = overwrite (zram, TIMES / 2 * size, skewed);
  printf ("%u %% full, %-7s %.2f\n", percent, skewed ? "90/10" : "uniform",
          per_byte);
  zram_destroy (zram);
}

static void
measure_written (void)
{
  const uint64_t live = measure_first ();

  measure_full (live, 60, false);
  measure_full (live, 80, false);
  measure_full (live, 80, true);
}

/* How fast. */

/* As zram does: each page is decompressed, and a block of its own. */
static void
write_one_by_one (struct zram *zram, int fd)
{
  char *const page = new_buffer (ZRAM_PAGE_SIZE);

  for (uint32_t i = 0; i < nr_pages; i++) {
    const uint64_t offset = (uint64_t) i * ZRAM_PAGE_SIZE;

    if (zram_read (zram, page, ZRAM_PAGE_SIZE, offset) != 0 ||
        pwrite (fd, page, ZRAM_PAGE_SIZE, (off_t) offset) != ZRAM_PAGE_SIZE)
      fail ("one by one: %s", strerror (errno));
  }
  free (page);
}

static void
measure_rate (void)
{
  struct zram *const zram = make_disk (large ());
  const int fd = open (file, O_RDWR | O_DIRECT | O_CLOEXEC);
  double start, alone;
  uint64_t pages;

  if (fd < 0)
    fail ("%s: %s", file, strerror (errno));
  write_all (zram);
  start = now ();
  write_one_by_one (zram, fd);
  alone = nr_pages / (now () - start);
  start = now ();
  pages = write_back (zram);
  printf ("%.0f %.0f\n", (double) pages / (now () - start), alone);
  close (fd);
  zram_destroy (zram);
}

/* Reading back, at random. */

struct reader {
  pthread_t thread;
  struct zram *zram;
  uint32_t nr_pages; /* of a request */
  uint64_t seed;
  double end;
};

static void *
read_at_random (void *arg)
{
  struct reader *const reader = arg;
  const uint64_t n = reader->nr_pages;
  char *const pages = new_buffer (n * ZRAM_PAGE_SIZE);

  while (now () < reader->end) {
    const uint64_t index =
        random_below (&reader->seed, (uint32_t) (nr_pages / n)) * n;

    if (zram_read (reader->zram, pages, n * ZRAM_PAGE_SIZE,
                   index * ZRAM_PAGE_SIZE) != 0)
      fail ("zram_read");
  }
  free (pages);
  return NULL;
}

/* Pages a second that come from the store for so many threads. */
static double
read_by (struct zram *zram, unsigned threads)
{
  const uint64_t before = device_stats (zram).bd_reads;
  struct reader readers[DEPTH];

  for (unsigned i = 0; i < threads; i++) {
    readers[i] = (struct reader){.zram = zram,
                                 .nr_pages = DEPTH / threads,
                                 .seed = i + 1,
                                 .end = now () + ms / 1e3};
    if (pthread_create (&readers[i].thread, NULL, read_at_random,
                        &readers[i]) != 0)
      fail ("pthread_create");
  }
  for (unsigned i = 0; i < threads; i++)
    pthread_join (readers[i].thread, NULL);
  return (double) (device_stats (zram).bd_reads - before) * 1e3 / ms;
}

static void
measure_read (void)
{
  struct zram *const zram = make_disk (large ());
  double by_page;

  write_all (zram);
  write_back (zram);
  by_page = read_by (zram, DEPTH);
  printf ("%.0f %.0f\n", by_page, read_by (zram, 1));
  zram_destroy (zram);
}

/* Reading from memory. */

#define MAX_READS 10000000

static _Atomic bool over;

static void *
write_upper_back (void *arg)
{
  const struct zram_writeback upper = {.first = nr_pages / 2, .end = nr_pages};
  struct zram_written done;

  if (zram_writeback (arg, &upper, NULL, &done) != 0)
    fail ("zram_writeback");
  over = true;
  return NULL;
}

/* Of reads of the lower half until END, or until "over". */
static double
percentile_99 (struct zram *zram, double end)
{
  double *const times = new_array (MAX_READS, sizeof *times);
  char page[ZRAM_PAGE_SIZE];
  uint32_t n = 0;
  double result;

  for (double start = now (); n == 0 || (start < end && !over && n < MAX_READS);
       n++) {
    const uint64_t index = random_below (&seed, nr_pages / 2);
    double done;

    device_read (zram, index, page);
    done = now ();
    times[n] = (done - start) * 1e6;
    start = done;
  }
  sort_median (times, n);
  result = times[n - 1 - n / 100];
  free (times);
  return result;
}

static void
measure_latency (void)
{
  struct zram *const zram = make_disk (large ());
  pthread_t writer;
  double alone, beside;

  write_all (zram);
  alone = percentile_99 (zram, now () + ms / 4e3);
  if (pthread_create (&writer, NULL, write_upper_back, zram) != 0)
    fail ("pthread_create");
  beside = percentile_99 (zram, now () + 60);
  pthread_join (writer, NULL);
  printf ("%.2f %.2f\n", alone, beside);
  zram_destroy (zram);
}

static const struct kind {
  const char *name;
  void (*measure) (void);
} kinds[] = {{"written", measure_written},
             {"rate", measure_rate},
             {"read", measure_read},
             {"latency", measure_latency}};

#define NR_KINDS (sizeof kinds / sizeof *kinds)

void
bench_writtenback (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_NUMBER ('t', "MS", "that reads are timed", &ms, 1, 600000),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "written|rate|read|latency FILE CORPUS", 3, false,
      "What writing back to FILE costs, with lz4:\n"
      "  written  bytes written for each byte of an object\n"
      "  rate     pages a second that leave, and one at a time\n"
      "  read     pages a second that come back, 32 at a time, by 32 threads\n"
      "           and by one\n"
      "  latency  the 99th percentile of reads from memory, in microseconds,\n"
      "           alone and beside it",
      arguments};
  char **const operands = arguments_parse (&synopsis, argc, argv);
  size_t i = 0;

  while (i < NR_KINDS && strcmp (kinds[i].name, operands[0]) != 0)
    i++;
  if (i == NR_KINDS)
    fail ("\"%s\" is not one of written, rate, read and latency", operands[0]);
  file = operands[1];
  corpus = corpus_load (operands[2], 1);
  nr_pages = corpus.nr_pages;
  kinds[i].measure ();
}
