/* SPDX-License-Identifier: BSD-3-Clause */
/* pagerates: the engine alone, without a server, beside the kernel's zram.
 *
 *   enginebench pagerates [-r ROUNDS] CORPUS
 *
 * Page writes and page reads, in random order, by one thread, lz4: by
 * zram_write and zram_read, and by pwrite and pread of a /dev/zram with
 * O_DIRECT, in turn; then reads and writes mixed by 1 to as many threads as
 * there are CPUs, and, in turn with them, by as many processes, each with an
 * engine of its own: they share nothing, so what they do not reach together is
 * what the machine cannot.  Pages are written first in their order from all
 * CPUs, or from one, whose shard of the pool then has them all.  Wall time.
 * Printed are medians, with the least and the most, and their ratio.
 */
#include <config.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "arguments.h"
#include "cpus.h"
#include "device.h"
#include "enginebench.h"
#include "kernelzram.h"
#include "median.h"
#include "random.h"

#define MAX_ROUNDS  101
#define MAX_THREADS 64

static struct corpus corpus;
static uint32_t nr_pages;
static uint32_t *order;
static struct zram *zram;
static int kernel = -1; /* its device; -1: there is none */
static unsigned rounds = 11;

static void
engine_write (uint32_t slot, const char *page)
{
  device_write (zram, slot, page);
}

static void
engine_read (uint32_t slot, char *page)
{
  device_read (zram, slot, page);
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
  return corpus_page (&corpus, i);
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

/* Mixed, by several threads, each with its part of the pages: all in one
 * process, or each in its own.  The processes are children, new for each
 * measurement, so that none has memory that a fork made copy-on-write. */

struct mixer {
  pthread_t thread;
  unsigned me, n;
};

/* What the children share. */
struct span {
  pthread_barrier_t filled;
  double start[MAX_THREADS], end[MAX_THREADS];
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

/* From FIRST on, NR of the N that mix, on the engine of this process. */
static void
mix_threads (unsigned first, unsigned nr, unsigned n)
{
  struct mixer mixers[MAX_THREADS];

  for (unsigned i = 0; i < nr; i++) {
    mixers[i] = (struct mixer){.me = first + i, .n = n};
    if (pthread_create (&mixers[i].thread, NULL, mix, &mixers[i]) != 0)
      fail ("pthread_create");
  }
  for (unsigned i = 0; i < nr; i++)
    pthread_join (mixers[i].thread, NULL);
}

/* Every page once, in their order, not that of mixing: from so many CPUs in
 * turn. */
static void
fill (unsigned from)
{
  for (unsigned cpu = 0; cpu < from; cpu++) {
    run_on_cpu (cpu);
    for (uint32_t i = cpu; i < nr_pages; i += from)
      engine_write (i, page_at (i));
  }
}

/* In child ME of NR: fills an engine of its own, waits for the others, and
 * mixes. */
static void
mix_in_child (struct span *span, unsigned me, unsigned nr, unsigned threads,
              unsigned filled_by)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  zram = device_for ("lz4", nr_pages);
  fill (filled_by);
  pthread_barrier_wait (&span->filled);
  span->start[me] = now ();
  mix_threads (me * threads, threads, nr * threads);
  span->end[me] = now ();
  _exit (EXIT_SUCCESS);
}

static struct span *
new_span (unsigned nr)
{
  pthread_barrierattr_t attr;
  struct span *const span = mmap (NULL, sizeof *span, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (span == MAP_FAILED)
    fail ("mmap: %m");
  if (pthread_barrierattr_init (&attr) != 0 ||
      pthread_barrierattr_setpshared (&attr, PTHREAD_PROCESS_SHARED) != 0 ||
      pthread_barrier_init (&span->filled, &attr, nr) != 0)
    fail ("no barrier between processes");
  return span;
}

/* From the first start to the last end. */
static double
span_length (const struct span *span, unsigned nr)
{
  double first = span->start[0], last = span->end[0];

  for (unsigned i = 1; i < nr; i++) {
    first = span->start[i] < first ? span->start[i] : first;
    last = span->end[i] > last ? span->end[i] : last;
  }
  return last - first;
}

/* Pages a second, by THREADS in each of NR processes, whose engine was filled
 * from so many CPUs. */
static double
measure_mix (unsigned nr, unsigned threads, unsigned filled_by)
{
  struct span *const span = new_span (nr);
  double rate;
  int status;

  for (unsigned i = 0; i < nr; i++) {
    const pid_t pid = fork ();

    if (pid < 0)
      fail ("fork: %m");
    if (pid == 0)
      mix_in_child (span, i, nr, threads, filled_by);
  }
  for (unsigned i = 0; i < nr; i++)
    if (wait (&status) < 0 || status != 0)
      fail ("one of those that mix pages failed");
  rate = 2.0 * nr_pages / span_length (span, nr);
  munmap (span, sizeof *span);
  return rate;
}

/* How pages are mixed by N, and what that is called. */
static double
mix_threads_all (unsigned n)
{
  return measure_mix (1, n, nr_cpus ());
}

static double
mix_threads_one (unsigned n)
{
  return measure_mix (1, n, 1);
}

static double
mix_processes (unsigned n)
{
  return measure_mix (n, 1, nr_cpus ());
}

static const struct way {
  const char *name;
  double (*measure) (unsigned n);
} ways[] = {{"threads", mix_threads_all},
            {"threads, filled from one CPU", mix_threads_one},
            {"processes that share nothing", mix_processes}};

#define WAYS (sizeof ways / sizeof *ways)

/* 1 to 4, then every fourth. */
static unsigned
next_number (unsigned n)
{
  return n < 4 ? n + 1 : n + 4;
}

static void
scale (void)
{
  static double mixed[WAYS][MAX_THREADS + 1][MAX_ROUNDS];
  const unsigned most = nr_cpus () < MAX_THREADS ? nr_cpus () : MAX_THREADS;

  for (unsigned round = 0; round < rounds; round++)
    for (unsigned n = 1; n <= most; n = next_number (n))
      for (unsigned w = 0; w < WAYS; w++)
        mixed[w][n][round] = ways[w].measure (n);
  for (unsigned w = 0; w < WAYS; w++)
    for (unsigned n = 1; n <= most; n = next_number (n)) {
      const double rate = sort_median (mixed[w][n], rounds);

      printf ("mixed, %2u %s: %.0f/s (%.0f..%.0f): %.2f times one\n", n,
              ways[w].name, rate, mixed[w][n][0], mixed[w][n][rounds - 1],
              rate / mixed[w][1][rounds / 2]);
    }
}

void
bench_pagerates (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_NUMBER ('r', "ROUNDS", "in each of which all take turns",
                       &rounds, 1, MAX_ROUNDS),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "Pages a second, lz4: written and read by one thread, beside the\n"
      "kernel's zram; mixed by 1 to as many threads as there are CPUs, and by\n"
      "as many processes that share nothing.",
      arguments};
  uint64_t random = 1;
  const char *why;

  corpus = corpus_load (*arguments_parse (&synopsis, argc, argv), 1);
  nr_pages = corpus.nr_pages;
  nr_cpus ();
  order = new_permutation (nr_pages, &random);
  zram = device_for ("lz4", nr_pages);
  why = kernel_zram_missing ("lz4");
  if (why)
    printf ("NOT RUN: /dev/zram: %s\n", why);
  else
    kernel = kernel_zram_add ("lz4", (uint64_t) nr_pages * ZRAM_PAGE_SIZE);
  compare_sides ();
  zram_destroy (zram);
  scale ();
}
