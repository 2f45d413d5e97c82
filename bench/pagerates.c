/* SPDX-License-Identifier: BSD-3-Clause */
/* pagerates: the engine alone, without a server, beside the kernel's zram.
 *
 *   enginebench pagerates [-r ROUNDS] CORPUS
 *
 * Page writes and page reads, in random order, by one thread, lz4: by
 * zram_write and zram_read, and by pwrite and pread of a /dev/zram with
 * O_DIRECT, in turn.  Wall time.  Printed are medians, with the least and the
 * most, and their ratio.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "kernelzram.h"
#include "median.h"
#include "random.h"

#define MAX_ROUNDS 101

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
  void (*write) (uint32_t slot, const char *page);
  void (*read) (uint32_t slot, char *page);
} sides[] = {{engine_write, engine_read}, {kernel_write, kernel_read}};

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

void
bench_pagerates (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_NUMBER ('r', "ROUNDS", "in each of which all take turns",
                       &rounds, 1, MAX_ROUNDS),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "Pages a second, lz4, written and read by one thread, beside the\n"
      "kernel's zram.",
      arguments};
  uint64_t random = 1;
  const char *why;

  corpus = corpus_load (*arguments_parse (&synopsis, argc, argv), 1);
  nr_pages = corpus.nr_pages;
  order = new_permutation (nr_pages, &random);
  zram = device_for ("lz4", nr_pages);
  why = kernel_zram_missing ("lz4");
  if (why)
    printf ("NOT RUN: /dev/zram: %s\n", why);
  else
    kernel = kernel_zram_add ("lz4", (uint64_t) nr_pages * ZRAM_PAGE_SIZE);
  compare_sides ();
  zram_destroy (zram);
}
