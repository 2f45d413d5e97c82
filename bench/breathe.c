/* SPDX-License-Identifier: BSD-3-Clause */
/* breathe: whether memory is given back.
 *
 *   enginebench breathe [-j] [-a ALGORITHM] [-m MIB] [-r TIMES] CORPUS
 *
 * A device that compacts as a server's does by itself is filled with MIB of the
 * corpus's pages, over and over again if need be, and emptied by discards of 1
 * MiB in random order, several times.  What is left of what it had grown by, a
 * second later: of this process's resident memory and page tables, and, for
 * resident memory can deceive, of the machine's MemFree, which other processes
 * move.
 */
#include <config.h>

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "memory.h"
#include "random.h"

#define MIB    (1U << 20)
#define TARGET 5.0 /* percent */

static struct corpus corpus;
static const char *algorithm = ZRAM_DEFAULT_ALGORITHM;
static unsigned mib = 2048, times = 3;
static bool json;

static void
fill (struct zram *zram)
{
  const uint64_t nr = (uint64_t) mib << (20 - ZRAM_PAGE_SHIFT);

  for (uint64_t i = 0; i < nr; i++)
    device_write (zram, i,
                  corpus_page (&corpus, (uint32_t) (i % corpus.nr_pages)));
}

static void
empty (struct zram *zram, uint64_t *random)
{
  uint32_t *const order = new_permutation (mib, random);

  for (unsigned i = 0; i < mib; i++)
    zram_discard (zram, MIB, (uint64_t) order[i] * MIB);
  free (order);
}

/* What the process, and the machine, have more in use than before. */
struct growth {
  int64_t rss, machine;
};

static struct growth
growth_since (const struct memory *before)
{
  struct memory memory;

  memory_now (&memory);
  return (struct growth){memory.rss - before->rss + memory.page_tables -
                             before->page_tables,
                         before->free - memory.free};
}

/* MemFree is the whole machine's.  Where others took or gave memory meanwhile,
 * which is known by a peak that is not RSS's, nothing can be said. */
static bool
is_ours (const struct growth *peak)
{
  return llabs (peak->machine - peak->rss) < peak->rss / 5;
}

/* NAN, if that is not known. */
static double
percent (int64_t left, int64_t peak, bool known)
{
  return known && peak > 0 ? 100 * (double) left / (double) peak : (double) NAN;
}

static void
print_json (unsigned nth, const struct growth *peak, const struct growth *left,
            double rss, double machine)
{
  printf ("{\"name\":\"breathe-%s\",\"round\":%u,\"data\":%" PRIu64
          ",\"peak_rss\":%" PRId64 ",\"left_rss\":%" PRId64
          ",\"peak_machine\":%" PRId64 ",\"left_machine\":%" PRId64,
          algorithm, nth, (uint64_t) mib * MIB, peak->rss, left->rss,
          peak->machine, left->machine);
  if (!isnan (rss))
    printf (",\"percent_rss\":%.3f", rss);
  if (!isnan (machine))
    printf (",\"percent_machine\":%.3f", machine);
  printf (",\"target\":%.0f}\n", TARGET);
}

static void
print_one (int64_t peak, int64_t left, double share)
{
  printf (" %9.1f %8.2f", (double) peak / MIB, (double) left / MIB);
  if (isnan (share))
    printf ("        -    ");
  else
    printf (" %6.2f %% %-3s", share, share <= TARGET ? "yes" : "NO");
}

static void
print_growth (unsigned nth, const struct growth *peak,
              const struct growth *left)
{
  const double rss = percent (left->rss, peak->rss, true);
  const double machine = percent (left->machine, peak->machine, is_ours (peak));

  if (json)
    print_json (nth, peak, left, rss, machine);
  else {
    printf ("%5u", nth);
    print_one (peak->rss, left->rss, rss);
    print_one (peak->machine, left->machine, machine);
    putchar ('\n');
  }
  fflush (stdout);
}

static void
run_times (void)
{
  const struct zram_config config = {
      .disksize = (uint64_t) mib * MIB,
      .algorithms[0].backend = algorithm_named (algorithm),
      .compact_threshold = ZRAM_DEFAULT_COMPACT_THRESHOLD};
  struct memory before;
  struct zram *zram;
  uint64_t random = 1;

  device_warm_up (algorithm);
  memory_now (&before);
  zram = device_new (&config);
  if (zram_start (zram) != 0)
    fail ("zram_start");
  for (unsigned i = 1; i <= times; i++) {
    struct growth peak, left;

    progress ("%u of %u: filling", i, times);
    fill (zram);
    peak = growth_since (&before);
    progress (", emptying\n");
    empty (zram, &random);
    sleep (1);
    left = growth_since (&before);
    print_growth (i, &peak, &left);
  }
  zram_destroy (zram);
}

void
bench_breathe (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_TEXT ('a', "NAME", "algorithm", &algorithm),
      ARGUMENT_FLAG ('j', "lines of JSON", &json),
      ARGUMENT_NUMBER ('m', "MIB", "that are written each time", &mib, 1,
                       1 << 16),
      ARGUMENT_NUMBER ('r', "TIMES", "that it is filled and emptied", &times, 1,
                       1000),
      ARGUMENTS_END};
  const struct synopsis synopsis = {"CORPUS", 1, false,
                                    "What a device that was filled and then "
                                    "emptied keeps of the memory that\n"
                                    "it had grown by: the process's resident "
                                    "memory with its page tables, and\n"
                                    "what the machine has less of free memory.",
                                    arguments};

  corpus = corpus_load (*arguments_parse (&synopsis, argc, argv), 1);
  if (!json)
    printf (
        "%s, %u MiB; what is left should be at most %.0f %% of the peak\n"
        "         process: MiB     left             machine: MiB     left\n",
        algorithm, mib, TARGET);
  run_times ();
}
