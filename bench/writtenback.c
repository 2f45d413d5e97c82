/* SPDX-License-Identifier: BSD-3-Clause */
/* writtenback: what writing back costs, on a file, lz4, the engine alone.
 *
 *   enginebench writtenback [-s] [-t MS] KIND FILE CORPUS
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
 * The others print two numbers, for a script that has them take turns: with -s
 * the second is measured first.  The second of "rate" is of what writes a block
 * of 4096 bytes for each page, one after the other, as the kernel's zram does;
 * neither writes same-filled pages, and they are not counted.  "read" has 32
 * threads ask for a page each, or one that asks for 32 in one request, which
 * lie all over the store.  "latency" prints the 99th percentile of reads of the
 * lower half of the pages, in microseconds: alone, and while the upper half is
 * written back.
 *
 * FILE is made, and loses its name as soon as it is open: however this ends,
 * nothing of it is left.
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
#include <sys/stat.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "median.h"
#include "random.h"
#include "samefill.h"
#include "segments.h"
#include "store.h"
#include "storekind.h"

/* Of "read". */
#define DEPTH 32

/* Of "written": a run for so many pages, and how often a store is filled. */
#define BATCHES 64
#define TIMES   8

static const char *file;
static bool is_device; /* it was there, and stays */
static struct corpus corpus;
static uint32_t nr_pages;
static struct zram *disk;
static bool swapped;
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

static bool
is_same_filled (uint32_t i)
{
  uint64_t word;

  return page_is_same_filled (page_at (i), &word);
}

/* Whatever was there before is nobody's to lose, but for a disk's. */
static void
look_at_file (void)
{
  struct stat statbuf;

  if (lstat (file, &statbuf) == 0 && S_ISREG (statbuf.st_mode))
    fail ("%s: is there already, and would be lost: give a name that nothing "
          "has, or a disk's",
          file);
  is_device = stat (file, &statbuf) == 0 && S_ISBLK (statbuf.st_mode);
}

static void
forget_name (void)
{
  if (!is_device && unlink (file) != 0)
    fail ("%s: %s", file, strerror (errno));
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
  forget_name ();
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

static void
need_more_pages (void)
{
  fail ("%u pages fill too small a store for \"written\": 8 MiB of real ones "
        "are enough",
        nr_pages);
}

/* Whatever is in memory; how many pages. */
static uint64_t
write_back (struct zram *zram)
{
  const struct zram_writeback all = {.end = nr_pages};
  struct zram_written done;

  const int r = zram_writeback (zram, &all, NULL, &done);

  if (r == -ENOSPC)
    need_more_pages ();
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
  struct zram *zram;
  double per_byte;

  if (size + segment < STORE_MIN_SIZE)
    need_more_pages ();
  zram = make_disk (size + segment);
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

/* Two, as they are printed. */
struct pair {
  double first, second;
};

/* Measure them in the order that was asked for. */
static struct pair
take_turns (double (*first) (void), double (*second) (void))
{
  struct pair pair = {.first = 0};

  if (swapped)
    pair.second = second ();
  pair.first = first ();
  if (!swapped)
    pair.second = second ();
  return pair;
}

/* How fast. */

static double
rate_together (void)
{
  uint64_t pages;
  double start, rate;

  disk = make_disk (large ());
  write_all (disk);
  start = now ();
  pages = write_back (disk);
  rate = (double) pages / (now () - start);
  zram_destroy (disk);
  return rate;
}

/* Room for a block for each page, as a store of ours has it. */
static int
open_blocks (void)
{
  const int made = is_device ? 0 : O_CREAT | O_EXCL;
  const int fd = open (file, O_RDWR | O_DIRECT | O_CLOEXEC | made, 0600);

  if (fd < 0)
    fail ("%s: %s", file, strerror (errno));
  forget_name ();
  if (!is_device && fallocate (fd, 0, 0, (off_t) disk_bytes ()) != 0)
    fail ("%s: %s", file, strerror (errno));
  return fd;
}

/* As zram does: each page is decompressed, and a block of its own. */
static uint64_t
write_one_by_one (int fd)
{
  char *const page = new_buffer (ZRAM_PAGE_SIZE);
  uint64_t pages = 0;

  for (uint32_t i = 0; i < nr_pages; i++) {
    const uint64_t offset = (uint64_t) i * ZRAM_PAGE_SIZE;

    if (is_same_filled (i))
      continue;
    if (zram_read (disk, page, ZRAM_PAGE_SIZE, offset) != 0 ||
        pwrite (fd, page, ZRAM_PAGE_SIZE, (off_t) offset) != ZRAM_PAGE_SIZE)
      fail ("one by one: %s", strerror (errno));
    pages++;
  }
  free (page);
  return pages;
}

static double
rate_one_by_one (void)
{
  const int fd = open_blocks ();
  uint64_t pages;
  double start, rate;

  disk = device_for ("lz4", nr_pages);
  write_all (disk);
  start = now ();
  pages = write_one_by_one (fd);
  rate = (double) pages / (now () - start);
  zram_destroy (disk);
  close (fd);
  return rate;
}

static void
measure_rate (void)
{
  const struct pair pages = take_turns (rate_together, rate_one_by_one);

  printf ("%.0f %.0f\n", pages.first, pages.second);
}

/* Reading back, at random. */

struct reader {
  pthread_t thread;
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

    if (zram_read (disk, pages, n * ZRAM_PAGE_SIZE, index * ZRAM_PAGE_SIZE) !=
        0)
      fail ("zram_read");
  }
  free (pages);
  return NULL;
}

/* Pages a second that come from the store for so many threads. */
static double
read_by (unsigned threads)
{
  const uint64_t before = device_stats (disk).bd_reads;
  struct reader readers[DEPTH];

  for (unsigned i = 0; i < threads; i++) {
    readers[i] = (struct reader){
        .nr_pages = DEPTH / threads, .seed = i + 1, .end = now () + ms / 1e3};
    if (pthread_create (&readers[i].thread, NULL, read_at_random,
                        &readers[i]) != 0)
      fail ("pthread_create");
  }
  for (unsigned i = 0; i < threads; i++)
    pthread_join (readers[i].thread, NULL);
  return (double) (device_stats (disk).bd_reads - before) * 1e3 / ms;
}

static double
read_by_many (void)
{
  return read_by (DEPTH);
}

static double
read_by_one (void)
{
  return read_by (1);
}

static void
measure_read (void)
{
  struct pair pages;

  disk = make_disk (large ());
  write_all (disk);
  write_back (disk);
  pages = take_turns (read_by_many, read_by_one);
  printf ("%.0f %.0f\n", pages.first, pages.second);
  zram_destroy (disk);
}

/* Reading from memory. */

#define MAX_READS 10000000

static _Atomic bool over;

static void *
write_upper_back (void *arg)
{
  (void) arg;
  const struct zram_writeback upper = {.first = nr_pages / 2, .end = nr_pages};
  struct zram_written done;

  if (zram_writeback (disk, &upper, NULL, &done) != 0)
    fail ("zram_writeback");
  over = true;
  return NULL;
}

/* Of reads of the lower half until END, or until "over". */
static double
percentile_99 (double end)
{
  double *const times = new_array (MAX_READS, sizeof *times);
  char page[ZRAM_PAGE_SIZE];
  uint32_t n = 0;
  double result;

  for (double start = now (); n == 0 || (start < end && !over && n < MAX_READS);
       n++) {
    const uint64_t index = random_below (&seed, nr_pages / 2);
    double done;

    device_read (disk, index, page);
    done = now ();
    times[n] = (done - start) * 1e6;
    start = done;
  }
  sort_median (times, n);
  result = times[n - 1 - n / 100];
  free (times);
  return result;
}

static double
latency_alone (void)
{
  over = false;
  return percentile_99 (now () + ms / 1e3);
}

static double
latency_beside (void)
{
  pthread_t writer;
  double latency;

  over = false;
  if (pthread_create (&writer, NULL, write_upper_back, NULL) != 0)
    fail ("pthread_create");
  latency = percentile_99 (now () + 60);
  pthread_join (writer, NULL);
  return latency;
}

static void
measure_latency (void)
{
  struct pair us;

  disk = make_disk (large ());
  write_all (disk);
  us = take_turns (latency_alone, latency_beside);
  printf ("%.2f %.2f\n", us.first, us.second);
  zram_destroy (disk);
}

static const struct kind {
  const char *name;
  void (*measure) (void);
} kinds[] = {{"written", measure_written},
             {"rate", measure_rate},
             {"read", measure_read},
             {"latency", measure_latency}};

#define NR_KINDS (sizeof kinds / sizeof *kinds)

static const struct kind *
kind_named (const char *name)
{
  for (size_t i = 0; i < NR_KINDS; i++)
    if (strcmp (kinds[i].name, name) == 0)
      return &kinds[i];
  fail ("\"%s\" is not one of written, rate, read and latency", name);
}

/* Enough of it must go to the store. */
static void
take_corpus (const char *name)
{
  uint32_t pages = 0;

  corpus = corpus_load (name, 1);
  nr_pages = corpus.nr_pages;
  for (uint32_t i = 0; i < nr_pages; i++)
    pages += !is_same_filled (i);
  if (pages < DEPTH)
    fail ("%s: %u of its pages are not same-filled, and %u are needed", name,
          pages, DEPTH);
}

void
bench_writtenback (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_FLAG ('s', "measure the second of two numbers first", &swapped),
      ARGUMENT_NUMBER ('t', "MS",
                       "that reads are timed, beside nothing or of the store",
                       &ms, 1, 600000),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "written|rate|read|latency FILE CORPUS", 3, false,
      "What writing back to FILE costs, with lz4.  FILE is made, and gone "
      "when\n"
      "this ends; or it is a disk's, whose contents are lost.\n"
      "  written  bytes written for each byte of an object\n"
      "  rate     pages a second that leave, and one at a time\n"
      "  read     pages a second that come back, 32 at a time, by 32 threads\n"
      "           and by one\n"
      "  latency  the 99th percentile of reads from memory, in microseconds,\n"
      "           alone, and beside it for as long as it lasts",
      arguments};
  char **const operands = arguments_parse (&synopsis, argc, argv);
  const struct kind *const kind = kind_named (operands[0]);

  file = operands[1];
  look_at_file ();
  take_corpus (operands[2]);
  kind->measure ();
}
