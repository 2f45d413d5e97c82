/* SPDX-License-Identifier: BSD-3-Clause */
/* pagerates: the engine alone, without a server, beside the kernel's zram.
 *
 *   pagerates [-r ROUNDS] CORPUS
 *
 * Page writes and page reads, in random order, by one thread, lz4: by
 * zram_write and zram_read, and by pwrite and pread of a /dev/zram with
 * O_DIRECT, in turn; then reads and writes mixed by 1 to as many threads as
 * there are CPUs.  Wall time.  Printed are medians, with the least and the
 * most, and their ratio.
 */
#include <config.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpus.h"
#include "kernelzram.h"
#include "random.h"
#include "util.h"
#include "zcomp.h"
#include "zram.h"

#define MAX_ROUNDS  101
#define MAX_THREADS 64

static const char *corpus;
static uint32_t nr_pages;
static uint32_t *order;
static struct zram *zram;
static int kernel = -1; /* its device; -1: there is none */
static unsigned rounds = 11;

static void
engine_write (uint32_t slot, const char *page)
{
  if (zram_write (zram, page, ZRAM_PAGE_SIZE,
                  (uint64_t) slot * ZRAM_PAGE_SIZE) != 0)
    fail ("zram_write");
}

static void
engine_read (uint32_t slot, char *page)
{
  if (zram_read (zram, page, ZRAM_PAGE_SIZE,
                 (uint64_t) slot * ZRAM_PAGE_SIZE) != 0)
    fail ("zram_read");
}

static void
kernel_write (uint32_t slot, const char *page)
{
  if (pwrite (kernel, page, ZRAM_PAGE_SIZE, (off_t) slot * ZRAM_PAGE_SIZE) !=
      ZRAM_PAGE_SIZE)
    fail ("writing to the kernel's zram: %m");
}

static void
kernel_read (uint32_t slot, char *page)
{
  if (pread (kernel, page, ZRAM_PAGE_SIZE, (off_t) slot * ZRAM_PAGE_SIZE) !=
      ZRAM_PAGE_SIZE)
    fail ("reading from the kernel's zram: %m");
}

/* Who is measured. */
static const struct side {
  const char *name;
  void (*write) (uint32_t slot, const char *page);
  void (*read) (uint32_t slot, char *page);
} sides[] = {{"engine", engine_write, engine_read},
             {"/dev/zram", kernel_write, kernel_read}};

enum {
  WRITES,
  READS,
  KINDS
};

/* Pages a second. */
static double rates[2][KINDS][MAX_ROUNDS];

static const char *
page_at (uint32_t i)
{
  return corpus + (size_t) i * ZRAM_PAGE_SIZE;
}

/* Every page once, to where it was before, so that nothing grows. */
static double
measure_writes (const struct side *side)
{
  const double start = now ();

  for (uint32_t i = 0; i < nr_pages; i++)
    side->write (order[i], page_at (order[i]));
  return nr_pages / (now () - start);
}

static double
measure_reads (const struct side *side)
{
  static char *page;
  double start;

  if (!page)
    page = new_buffer (ZRAM_PAGE_SIZE);
  start = now ();
  for (uint32_t i = 0; i < nr_pages; i++)
    side->read (order[i], page);
  return nr_pages / (now () - start);
}

static int
compare (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
sort_median (double *values, unsigned n)
{
  qsort (values, n, sizeof *values, compare);
  return values[n / 2];
}

static void
print_kind (const char *what, int kind)
{
  const double here = sort_median (rates[0][kind], rounds);
  const double there = kernel < 0 ? 0 : sort_median (rates[1][kind], rounds);

  printf ("%-14s engine %.0f/s (%.0f..%.0f)", what, here, rates[0][kind][0],
          rates[0][kind][rounds - 1]);
  if (kernel >= 0)
    printf (", /dev/zram %.0f/s (%.0f..%.0f): %.2f times", there,
            rates[1][kind][0], rates[1][kind][rounds - 1], here / there);
  putchar ('\n');
}

static void
compare_sides (void)
{
  const unsigned nr_sides = kernel < 0 ? 1 : 2;

  for (unsigned s = 0; s < nr_sides; s++)
    measure_writes (&sides[s]);
  for (unsigned round = 0; round < rounds; round++)
    for (unsigned i = 0; i < nr_sides; i++) {
      const unsigned s = (i + round) % nr_sides;

      rates[s][WRITES][round] = measure_writes (&sides[s]);
      rates[s][READS][round] = measure_reads (&sides[s]);
    }
  print_kind ("page writes", WRITES);
  print_kind ("page reads", READS);
}

/* Mixed, by several threads, each with its part of the pages. */

struct mixer {
  pthread_t thread;
  unsigned me, n;
};

static void *
mix (void *arg)
{
  const struct mixer *const mixer = arg;
  char page[ZRAM_PAGE_SIZE];

  run_on_cpu (mixer->me);
  for (uint32_t i = mixer->me; i < nr_pages; i += mixer->n) {
    engine_write (order[i], page_at (order[i]));
    engine_read (order[nr_pages - 1 - i], page);
  }
  return NULL;
}

/* Pages a second, by N threads. */
static double
measure_mix (unsigned n)
{
  struct mixer mixers[MAX_THREADS];
  const double start = now ();

  for (unsigned i = 0; i < n; i++) {
    mixers[i] = (struct mixer){.me = i, .n = n};
    if (pthread_create (&mixers[i].thread, NULL, mix, &mixers[i]) != 0)
      fail ("pthread_create");
  }
  for (unsigned i = 0; i < n; i++)
    pthread_join (mixers[i].thread, NULL);
  return 2.0 * nr_pages / (now () - start);
}

static void
scale (void)
{
  const unsigned most = nr_cpus () < MAX_THREADS ? nr_cpus () : MAX_THREADS;
  static double mixed[MAX_THREADS + 1][MAX_ROUNDS];
  double one;

  for (unsigned round = 0; round < rounds; round++)
    for (unsigned n = 1; n <= most; n = n < 4 ? n + 1 : n + 4)
      mixed[n][round] = measure_mix (n);
  one = sort_median (mixed[1], rounds);
  for (unsigned n = 1; n <= most; n = n < 4 ? n + 1 : n + 4) {
    const double rate = sort_median (mixed[n], rounds);

    printf ("mixed, %2u threads  %.0f/s (%.0f..%.0f): %.2f times one\n", n,
            rate, mixed[n][0], mixed[n][rounds - 1], rate / one);
  }
}

int
main (int argc, char *argv[])
{
  struct zram_config config = {.algorithms[0].backend =
                                   zcomp_backend_find ("lz4")};
  const char *why = kernel_zram_missing ("lz4");
  uint64_t random = 1;
  int opt;

  while ((opt = getopt (argc, argv, "r:")) != -1)
    if (opt == 'r' && atoi (optarg) > 0 && atoi (optarg) <= MAX_ROUNDS)
      rounds = (unsigned) atoi (optarg);
    else
      fail ("usage: pagerates [-r ROUNDS] CORPUS");
  if (argc - optind != 1)
    fail ("usage: pagerates [-r ROUNDS] CORPUS");
  nr_cpus ();
  corpus = load_corpus (argv[optind], 1, &nr_pages);
  order = new_permutation (nr_pages, &random);
  config.disksize = (uint64_t) nr_pages * ZRAM_PAGE_SIZE;
  if (zram_create (&zram, &config) != 0)
    fail ("zram_create");
  if (why)
    printf ("NOT RUN: /dev/zram: %s\n", why);
  else
    kernel = kernel_zram_add ("lz4", config.disksize);
  compare_sides ();
  scale ();
  zram_destroy (zram);
  return EXIT_SUCCESS;
}
