/* SPDX-License-Identifier: BSD-3-Clause */
/* spread: from how many pages on it pays to let workers help with a request.
 *
 *   enginebench spread [-r ROUNDS] CORPUS
 *
 * For lz4 and zstd, requests of 1 to 256 pages, read and written by one thread:
 * alone, with workers' help from the first page on, and (threshold 0) all by
 * workers, in turn.  Printed are medians in microseconds a request, and what
 * the first is divided by each of the others.
 */
#include <config.h>

#include <stdio.h>

#include "arguments.h"
#include "cpus.h"
#include "device.h"
#include "enginebench.h"
#include "median.h"
#include "random.h"
#include "workpool.h"

#define MAX_ROUNDS 1001
#define MOST_PAGES 256U

enum {
  ALONE,
  HELPED,
  BY_WORKERS,
  WAYS
};

static struct corpus corpus;
static struct zram *devices[WAYS];
static struct workpool *workers;
static unsigned rounds = 201;
static char *buf;
static double times[WAYS][MAX_ROUNDS];

static double
time_request (struct zram *zram, bool write, unsigned pages, uint32_t first)
{
  const uint64_t offset = (uint64_t) first * ZRAM_PAGE_SIZE;
  const uint64_t count = (uint64_t) pages * ZRAM_PAGE_SIZE;
  const double start = now ();

  if ((write ? zram_write (zram, corpus.pages + offset, count, offset)
             : zram_read (zram, buf, count, offset)) != 0)
    fail ("a request failed");
  return (now () - start) * 1e6;
}

static void
compare_ways (const char *algorithm, bool write, unsigned pages)
{
  double medians[WAYS];
  uint64_t random = pages;

  for (unsigned round = 0; round < rounds; round++) {
    const uint32_t first =
        (uint32_t) random_below (&random, corpus.nr_pages - pages + 1);

    for (unsigned i = 0; i < WAYS; i++) {
      const unsigned way = (i + round) % WAYS;

      times[way][round] = time_request (devices[way], write, pages, first);
    }
  }
  for (unsigned way = 0; way < WAYS; way++)
    medians[way] = sort_median (times[way], rounds);
  printf ("%-5s %-5s %5u %9.1f %9.1f %6.2f %9.1f %6.2f\n", algorithm,
          write ? "write" : "read", pages, medians[ALONE], medians[HELPED],
          medians[ALONE] / medians[HELPED], medians[BY_WORKERS],
          medians[ALONE] / medians[BY_WORKERS]);
  fflush (stdout);
}

static void
compare_algorithm (const char *name)
{
  for (unsigned way = 0; way < WAYS; way++) {
    const struct zram_config config = {
        .disksize = (uint64_t) corpus.nr_pages * ZRAM_PAGE_SIZE,
        .algorithms[0].backend = algorithm_named (name),
        .workers = way == ALONE ? NULL : workers,
        .spread_threshold = way == BY_WORKERS ? 0 : 1};

    devices[way] = device_new (&config);
    device_fill (devices[way], &corpus);
  }
  for (unsigned write = 0; write < 2; write++)
    for (unsigned pages = 1; pages <= MOST_PAGES; pages *= 2)
      compare_ways (name, write, pages);
  for (unsigned way = 0; way < WAYS; way++)
    zram_destroy (devices[way]);
}

void
bench_spread (int argc, char *argv[])
{
  const struct argument arguments[] = {ARGUMENT_NUMBER ('r', "ROUNDS",
                                                        "requests of each kind",
                                                        &rounds, 1, MAX_ROUNDS),
                                       ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "Requests of 1 to 256 pages, by one thread alone, with workers' help,\n"
      "and by workers: medians in microseconds, and how many times as fast.",
      arguments};

  corpus = corpus_load (*arguments_parse (&synopsis, argc, argv), MOST_PAGES);
  buf = new_buffer ((size_t) MOST_PAGES * ZRAM_PAGE_SIZE);
  if (workpool_create (&workers, nr_cpus ()) != 0 ||
      workpool_start (workers) != 0)
    fail ("cannot have workers");
  printf ("%u workers; microseconds a request\n", nr_cpus ());
  puts ("              pages     alone    helped  times   workers  times");
  compare_algorithm ("lz4");
  compare_algorithm ("zstd");
  workpool_destroy (workers);
}
