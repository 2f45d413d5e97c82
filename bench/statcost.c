/* SPDX-License-Identifier: BSD-3-Clause */
/* statcost: what it costs to read the statistics of a small disk and of a large
 * one that are as full as each other, in turn: it is not to grow with the disk.
 *
 * A sixteenth of each is written: one page in sixteen is compressible, as most
 * memory would be used up by the large disk otherwise; the others are
 * same-filled.  They lie in runs of sixteen all over the disk, so that every
 * part of the slot table is in use: about 400 MB for 64 GiB.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "attr.h"
#include "device.h"
#include "enginebench.h"
#include "median.h"
#include "random.h"

#define MAX_ROUNDS 100000
#define RUN        16

/* Reads between two looks at the clock, which take time themselves. */
#define BATCH 8

enum side {
  SMALL,
  LARGE,
  SIDES
};

static const char *disksizes[SIDES] = {"1G", "64G"};
static unsigned rounds = 1000;
static struct disk disks[SIDES];
static double *seconds[SIDES];
static char text[4096];
static FILE *fp; /* writes to text */

static void
fill_run (struct zram *zram, uint64_t offset)
{
  static char page[ZRAM_PAGE_SIZE];
  uint64_t random = offset;

  for (unsigned i = 0; i < RUN; i++) {
    memset (page, (int) i + 1, sizeof page);
    if (i == 0)
      for (size_t at = 0; at < sizeof page; at += 32)
        page[at] = (char) random64 (&random);
    device_write (zram, offset / sizeof page + i, page);
  }
}

static void
make_disk (enum side side)
{
  const uint64_t step = UINT64_C (16) * RUN * ZRAM_PAGE_SIZE;
  struct attr_error error;

  disk_init (&disks[side], "zram0");
  if (attr_set (&disks[side], "disksize", disksizes[side], NULL, &error) < 0)
    fail ("%s", error.message);
  for (uint64_t at = 0; at < zram_disksize (disks[side].zram); at += step)
    fill_run (disks[side].zram, at);
}

static void
measure (const struct attr *attr, enum side side, unsigned round)
{
  struct attr_error error;
  const double start = now ();

  for (unsigned i = 0; i < BATCH; i++) {
    rewind (fp);
    if (attr_get (&disks[side], attr->name, fp, &error) < 0)
      fail ("%s", error.message);
  }
  seconds[side][round] = (now () - start) / BATCH;
}

static void
print_line (const char *name, const double *medians)
{
  printf ("%-18s %9.0f %9.0f %6.3f\n", name, medians[SMALL] * 1e9,
          medians[LARGE] * 1e9, medians[LARGE] / medians[SMALL]);
}

/* The sides in turn, each first in every other round.  The medians are added to
 * SUMS. */
static void
run_attribute (const struct attr *attr, double *sums)
{
  double medians[SIDES];

  for (unsigned round = 0; round < rounds; round++) {
    measure (attr, (enum side) (round % SIDES), round);
    measure (attr, (enum side) ((round + 1) % SIDES), round);
  }
  for (enum side side = SMALL; side < SIDES; side++) {
    medians[side] = sort_median (seconds[side], rounds);
    sums[side] += medians[side];
  }
  print_line (attr->name, medians);
}

static void
compare_disks (void)
{
  double sums[SIDES] = {0};

  for (enum side side = SMALL; side < SIDES; side++) {
    seconds[side] = new_array (rounds, sizeof *seconds[side]);
    make_disk (side);
  }
  printf ("%-18s %6s ns %6s ns  ratio\n", "median of reads", disksizes[SMALL],
          disksizes[LARGE]);
  for (size_t i = 0; i < attr_count; i++)
    if (attrs[i].show && attrs[i].walk == ATTR_WALKS_NOTHING)
      run_attribute (&attrs[i], sums);
  print_line ("all", sums);
  for (enum side side = SMALL; side < SIDES; side++)
    disk_destroy (&disks[side]);
}

void
bench_statcost (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_TEXT ('l', "SIZE", "of the large disk", &disksizes[LARGE]),
      ARGUMENT_NUMBER ('r', "ROUNDS", "of reads", &rounds, 1, MAX_ROUNDS),
      ARGUMENT_TEXT ('s', "SIZE", "of the small disk", &disksizes[SMALL]),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "", 0, false,
      "Nanoseconds to read each statistic of a small disk and of a large one\n"
      "that are as full as each other (mostly with same-filled pages).",
      arguments};

  arguments_parse (&synopsis, argc, argv);
  fp = fmemopen (text, sizeof text, "w");
  if (!fp)
    fail ("fmemopen");
  compare_disks ();
  fclose (fp);
}
