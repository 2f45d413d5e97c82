/* SPDX-License-Identifier: BSD-3-Clause */
/* sparse: what a large disk takes beyond its pool when little of it, here and
 * there, is written.
 *
 *   enginebench sparse [-j] [-m MIB] [-s GIB] [CORPUS]
 *
 * MIB of a disk of GIB are written in random aligned runs: of 1 MiB, of 64 KiB,
 * and in single pages.  "Metadata" is all that the process has more of than
 * before the device was made, resident memory and the page tables for it, but
 * for what the engine says its pool has (mem_used_total, and the zspages that
 * are kept).  Beside it stands what the slot table must take for these runs, by
 * its rule (slottable.c): a page of memory for each that has slots in use, one
 * for each that has counts of such, and their page tables.  One checks the
 * other.
 *
 * Metadata should not depend on what is in the pages, but for what finds the
 * objects in the pool; so all is done with same-filled pages, and again with
 * the CORPUS's, if there is one.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "memory.h"
#include "random.h"
#include "samefill.h"
#include "slot.h"

#define MIB (1U << 20)

/* What the targets are for. */
#define USUAL_GIB 1024
#define USUAL_MIB 1024

static const struct layout {
  const char *name;
  uint32_t run;  /* pages */
  double target; /* percent; 0: none */
} layouts[] = {{"1 MiB", MIB / ZRAM_PAGE_SIZE, 1},
               {"64 KiB", (64U << 10) / ZRAM_PAGE_SIZE, 7},
               {"4 KiB", 1, 0}};

static struct corpus corpus; /* no pages: there is none */
static unsigned gib = USUAL_GIB, mib = USUAL_MIB, round_number = 1;
static bool json;

static uint64_t
disk_pages (void)
{
  return (uint64_t) gib << (30 - ZRAM_PAGE_SHIFT);
}

/* What is written: runs, by their numbers. */
static uint32_t *runs;
static uint32_t nr_runs;

static bool
take_bit (uint64_t *bits, uint64_t i)
{
  const uint64_t bit = UINT64_C (1) << i % 64;
  const bool was = bits[i / 64] & bit;

  bits[i / 64] |= bit;
  return !was;
}

static void
choose_runs (const struct layout *layout)
{
  const uint64_t places = disk_pages () / layout->run;
  uint64_t *const taken = new_array (places / 64 + 1, sizeof *taken);
  uint64_t random = 1;

  nr_runs = (uint32_t) (((uint64_t) mib * MIB / ZRAM_PAGE_SIZE) / layout->run);
  if (nr_runs > places)
    fail ("-m: %u MiB do not fit into -s, %u GiB", mib, gib);
  runs = new_array (nr_runs, sizeof *runs);
  for (uint32_t i = 0; i < nr_runs; i++)
    do
      runs[i] = random_below (&random, (uint32_t) places);
    while (!take_bit (taken, runs[i]));
  free (taken);
}

/* How many units of so many bytes of the table have something in them, where
 * each slot has BYTES there. */
static uint64_t
count_units (const struct layout *layout, uint64_t unit, double bytes)
{
  uint64_t *const taken = new_array (disk_pages () / 64 + 1, sizeof *taken);
  uint64_t nr = 0;

  for (uint32_t i = 0; i < nr_runs; i++) {
    const double first = (double) runs[i] * layout->run * bytes;

    nr += take_bit (taken, (uint64_t) first / unit);
  }
  free (taken);
  return nr;
}

/* What the slot table takes for the runs; none lies in two leaves. */
static uint64_t
count_table (const struct layout *layout, uint64_t *page_tables)
{
  const uint64_t page = (uint64_t) sysconf (_SC_PAGESIZE);
  const uint64_t mapped =
      page / sizeof (void *) * page; /* by a page of these */
  const double slot = sizeof (struct slot);
  const double counts = sizeof (uint32_t) * slot / (double) page;

  *page_tables = page * (count_units (layout, mapped, slot) +
                         count_units (layout, mapped, counts));
  return page * (count_units (layout, page, slot) +
                 count_units (layout, page, counts));
}

/* Writing. */

static void
write_runs (struct zram *zram, const struct layout *layout, bool real)
{
  char *const same = new_buffer (ZRAM_PAGE_SIZE);
  uint32_t next = 0;

  page_fill (same, UINT64_C (0x0123456789abcdef));
  for (uint32_t i = 0; i < nr_runs; i++)
    for (uint32_t n = 0; n < layout->run; n++) {
      device_write (zram, (uint64_t) runs[i] * layout->run + n,
                    real ? corpus_page (&corpus, next) : same);
      next = real ? (next + 1) % corpus.nr_pages : 0;
    }
  free (same);
}

struct held {
  uint64_t pool;
  int64_t rss, page_tables;          /* all of the device's */
  uint64_t table, table_page_tables; /* the slot table's, by its rule */
};

static void
measure (const struct layout *layout, bool real, struct held *held)
{
  struct memory before, after;
  struct zram_stats stats;
  struct zram *zram;

  held->table = count_table (layout, &held->table_page_tables);
  device_warm_up (ZRAM_DEFAULT_ALGORITHM);
  memory_now (&before);
  zram = device_new (
      &(const struct zram_config){.disksize = disk_pages () * ZRAM_PAGE_SIZE});
  write_runs (zram, layout, real);
  memory_now (&after);
  stats = device_stats (zram);
  held->pool = stats.mem_used_total + stats.reserve;
  held->rss = after.rss - before.rss;
  held->page_tables = after.page_tables - before.page_tables;
  zram_destroy (zram);
}

/* Printing. */

static const char *
verdict (const struct layout *layout, double percent)
{
  if (layout->target == 0 || gib != USUAL_GIB || mib != USUAL_MIB)
    return "-";
  return percent <= layout->target ? "yes" : "NO";
}

/* In percent of what was written. */
struct shares {
  double resident; /* beyond the pool */
  double all;      /* ... and page tables */
  double table;    /* what the slot table must take, page tables with it */
};

static struct shares
shares_of (const struct held *held)
{
  const double percent = (double) mib * MIB / 100;
  const double resident = (double) held->rss - (double) held->pool;

  return (struct shares){
      resident / percent, (resident + (double) held->page_tables) / percent,
      (double) (held->table + held->table_page_tables) / percent};
}

/* What "report" reads: "metadata" is resident. */
static void
print_json (const struct layout *layout, const char *content,
            const struct held *held)
{
  printf ("{\"name\":\"zram-lz4\",\"phase\":\"metadata\",\"round\":%u"
          ",\"run\":%u,\"content\":\"%s\",\"device\":%" PRIu64
          ",\"written\":%" PRIu64 ",\"pool\":%" PRIu64 ",\"metadata\":%" PRId64
          ",\"page_tables\":%" PRId64 ",\"table\":%" PRIu64
          ",\"table_page_tables\":%" PRIu64 "}\n",
          round_number, layout->run * ZRAM_PAGE_SIZE, content,
          disk_pages () * ZRAM_PAGE_SIZE, (uint64_t) mib * MIB, held->pool,
          held->rss - (int64_t) held->pool, held->page_tables, held->table,
          held->table_page_tables);
}

static void
print_row (const struct layout *layout, const char *content,
           const struct held *held)
{
  const struct shares shares = shares_of (held);

  printf ("%-6s %-11s %8.1f %8.2f %6.2f %% %-3s %8.2f %6.2f %% %-3s %9.2f %%\n",
          layout->name, content, (double) held->pool / MIB,
          ((double) held->rss - (double) held->pool) / MIB, shares.resident,
          verdict (layout, shares.resident), (double) held->page_tables / MIB,
          shares.all, verdict (layout, shares.all), shares.table);
}

static void
run_layout (const struct layout *layout)
{
  choose_runs (layout);
  for (unsigned real = 0; real < (corpus.nr_pages > 0 ? 2 : 1); real++) {
    struct held held;

    progress ("runs of %s\n", layout->name);
    measure (layout, real, &held);
    (json ? print_json : print_row) (layout, real ? "corpus" : "same-filled",
                                     &held);
    fflush (stdout);
  }
  free (runs);
}

void
bench_sparse (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_FLAG ('j', "lines of JSON", &json),
      ARGUMENT_NUMBER ('m', "MIB", "that are written", &mib, 1, 1 << 14),
      ARGUMENT_NUMBER ('r', "ROUND", "what \"round\" says", &round_number, 0,
                       1000000),
      ARGUMENT_NUMBER ('s', "GIB", "of the disk", &gib, 1, 1 << 13),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "[CORPUS]", 0, true,
      "What a large disk takes beyond its pool when little of it is written, "
      "in\n"
      "random runs: resident memory and page tables, and what of them the "
      "slot\n"
      "table must take by its rule; with same-filled pages, and the CORPUS's.",
      arguments};
  char **const operands = arguments_parse (&synopsis, argc, argv);

  if (operands[0] && operands[1])
    fail (
        "too many words where \"[CORPUS]\" should be (-h says what they are)");
  if (operands[0])
    corpus = corpus_load (operands[0], 1);
  if (!json)
    printf (
        "%u MiB in random runs of a disk of %u GiB%s; at most 1 %% of them\n"
        "in runs of 1 MiB, and 7 %% in runs of 64 KiB\n"
        "run    content     pool,MiB   metadata, of them     + tables, both  "
        "     by the table's rule\n",
        mib, gib, operands[0] ? "" : ", SAME-FILLED");
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
    run_layout (&layouts[i]);
}
