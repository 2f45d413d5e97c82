/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>

#include "families.h"
#include "openmetrics.h"

/* A family that has one column of each disk. */
struct metric {
  struct openmetrics_family family;
  enum sample_attribute attribute;
  unsigned column;
  enum {
    NUMBER,
    SECTORS
  } in;
};

#define GAUGE(name, unit, help)                 \
  {                                             \
    "zram_" name, OPENMETRICS_GAUGE, unit, help \
  }
#define COUNTER(name, unit, help)                 \
  {                                               \
    "zram_" name, OPENMETRICS_COUNTER, unit, help \
  }
#define MM(column)      SAMPLE_MM_STAT, MM_##column, NUMBER
#define IO(column)      SAMPLE_IO_STAT, IO_##column, NUMBER
#define STAT(column)    SAMPLE_STAT, STAT_##column, NUMBER
#define BYTES(column)   SAMPLE_STAT, STAT_##column, SECTORS
#define SWAP(column)    SAMPLE_SWAP_STAT, SWAP_##column, NUMBER
#define BD(column)      SAMPLE_BD_STAT, BD_##column, NUMBER
#define BACKING(column) SAMPLE_BACKING_STAT, BACKING_##column, NUMBER

static const struct metric table[] = {
    {GAUGE ("disksize_bytes", "bytes", "Size of the disk."), SAMPLE_DISKSIZE, 0,
     NUMBER},
    {GAUGE ("initstate", NULL, "1 if the disk has a device."), SAMPLE_INITSTATE,
     0, NUMBER},

    {GAUGE ("orig_data_size_bytes", "bytes", "What is stored, uncompressed."),
     MM (ORIG_DATA_SIZE)},
    {GAUGE ("compr_data_size_bytes", "bytes",
            "What that has been compressed to."),
     MM (COMPR_DATA_SIZE)},
    {GAUGE ("mem_used_bytes", "bytes",
            "Memory that what is stored takes, with what is lost between."),
     MM (MEM_USED_TOTAL)},
    {GAUGE ("mem_limit_bytes", "bytes",
            "The most that zram_mem_used_bytes may be; 0: no limit."),
     MM (MEM_LIMIT)},
    {GAUGE ("mem_used_max_bytes", "bytes",
            "The most that zram_mem_used_bytes has been."),
     MM (MEM_USED_MAX)},
    {GAUGE ("same_pages", "pages", "Pages of one repeated word."),
     MM (SAME_PAGES)},
    {COUNTER ("compacted_pages", "pages",
              "Pages of memory that compaction has given back."),
     MM (PAGES_COMPACTED)},
    {GAUGE ("huge_pages", "pages",
            "Pages that are stored as they are, since they do not compress."),
     MM (HUGE_PAGES)},
    {COUNTER ("stored_huge_pages", "pages",
              "Pages that have been stored as they are."),
     MM (HUGE_PAGES_SINCE)},

    {COUNTER ("failed_reads", NULL, "Reads that ended in an error."),
     IO (FAILED_READS)},
    {COUNTER ("failed_writes", NULL, "Writes that ended in an error."),
     IO (FAILED_WRITES)},
    {COUNTER ("invalid_io", NULL, "Requests that were none."), IO (INVALID_IO)},
    {COUNTER ("notify_free_pages", "pages",
              "Pages freed by trimming or zeroing."),
     IO (NOTIFY_FREE)},

    /* What a server gives for the others are zeroes: it does not count them. */
    {COUNTER ("reads_completed", NULL, "Reads."), STAT (READS)},
    {COUNTER ("read_bytes", "bytes", "What was read."), BYTES (READ_SECTORS)},
    {COUNTER ("writes_completed", NULL, "Writes."), STAT (WRITES)},
    {COUNTER ("written_bytes", "bytes", "What was written."),
     BYTES (WRITE_SECTORS)},
    {COUNTER ("discards_completed", NULL, "Discards."), STAT (DISCARDS)},
    {COUNTER ("discarded_bytes", "bytes", "What was discarded."),
     BYTES (DISCARD_SECTORS)},

    {GAUGE ("bd_pages", "pages", "Pages that are in the backing store."),
     BD (COUNT)},
    {COUNTER ("bd_read_pages", "pages",
              "Pages that were read from the backing store."),
     BD (READS)},
    {COUNTER ("backing_written_bytes", "bytes",
              "What was written to the backing store."),
     BACKING (WRITTEN)},
    {GAUGE ("backing_live_bytes", "bytes",
            "What is in use of the backing store."),
     BACKING (LIVE)},
    {GAUGE ("backing_dead_bytes", "bytes",
            "What is not in use of segments that are."),
     BACKING (DEAD)},
    {GAUGE ("backing_segments", NULL, "Segments of the backing store."),
     BACKING (SEGMENTS)},
    {GAUGE ("backing_free_segments", NULL, "Those of which nothing is in use."),
     BACKING (FREE_SEGMENTS)},
    {COUNTER ("backing_read_errors", NULL,
              "Reads of the backing store that failed."),
     BACKING (READ_ERRORS)},
    {COUNTER ("backing_write_errors", NULL,
              "Writes to the backing store that failed."),
     BACKING (WRITE_ERRORS)},
    {COUNTER ("backing_checksum_errors", NULL,
              "Pages that were not what had been written."),
     BACKING (CHECKSUM_ERRORS)},

    {GAUGE ("reserve_bytes", "bytes", "Memory kept for the next pages."),
     SAMPLE_RESERVE, 0, NUMBER},

    {GAUGE ("reserve_least_bytes", "bytes",
            "The least that the reserve has been."),
     SWAP (RESERVE_LEAST)},
    {GAUGE ("reserve_waiting", NULL, "Writes that wait for the reserve."),
     SWAP (RESERVE_WAITING)},
    {COUNTER ("reserve_refused", NULL,
              "Writes that failed since the reserve was empty."),
     SWAP (RESERVE_REFUSED)},
    {GAUGE ("threads", NULL, "Threads of the server."), SWAP (THREADS)},
    {GAUGE ("io_flusher_threads", NULL,
            "Threads of the server with PR_SET_IO_FLUSHER."),
     SWAP (IO_FLUSHERS)},
    {GAUGE ("realtime_threads", NULL,
            "Threads of the server that are SCHED_RR."),
     SWAP (REALTIME)},
    {GAUGE ("locked_bytes", "bytes",
            "Addresses of the server that are locked."),
     SWAP (LOCKED)},
    {GAUGE ("oom_score_adj", NULL,
            "-1000: the kernel does not kill the server for its memory."),
     SWAP (OOM_SCORE_ADJ)},
};

/* The first two of LABELS: which disk. */
static void
label_disk (struct openmetrics_label *labels, const struct metrics_disk *disk)
{
  labels[0] = (struct openmetrics_label){"disk", disk->name};
  labels[1] = (struct openmetrics_label){"server", disk->server};
}

static void
print_metric_of (FILE *fp, const struct metric *metric,
                 const struct metrics_disk *disk)
{
  struct openmetrics_label label[2];
  const struct openmetrics_labels labels = {label, 2};
  const uint64_t number =
      disk->sample.columns[metric->attribute][metric->column];

  label_disk (label, disk);
  openmetrics_sample (
      fp, &metric->family, &labels,
      (int64_t) (metric->in == SECTORS ? SAMPLE_SECTOR * number : number));
}

/* Of those disks that have it; without one, there is no such family. */
static void
print_metric (FILE *fp, const struct metrics *metrics,
              const struct metric *metric)
{
  bool begun = false;

  for (size_t i = 0; i < metrics->n; i++) {
    const struct metrics_disk *const disk = &metrics->disks[i];

    if (metric->column >= disk->sample.n[metric->attribute])
      continue;
    if (!begun)
      openmetrics_begin (fp, &metric->family);
    begun = true;
    print_metric_of (fp, metric, disk);
  }
}

static void
print_up (FILE *fp, const struct metrics *metrics)
{
  static const struct openmetrics_family up =
      GAUGE ("up", NULL, "1 if the server has told all that is here.");
  struct openmetrics_label label = {"server", NULL};
  const struct openmetrics_labels labels = {&label, 1};

  for (size_t i = 0; i < metrics->servers; i++) {
    if (i == 0)
      openmetrics_begin (fp, &up);
    label.value = metrics->paths[i];
    openmetrics_sample (fp, &up, &labels, metrics->up[i]);
  }
}

static void
print_algorithm (FILE *fp, const struct metrics *metrics)
{
  static const struct openmetrics_family algorithm = {
      "zram_comp_algorithm_info", OPENMETRICS_GAUGE, NULL, "Algorithm in use."};
  struct openmetrics_label label[3];
  const struct openmetrics_labels labels = {label, 3};

  for (size_t i = 0; i < metrics->n; i++) {
    if (i == 0)
      openmetrics_begin (fp, &algorithm);
    label_disk (label, &metrics->disks[i]);
    label[2] = (struct openmetrics_label){"algorithm",
                                          metrics->disks[i].sample.algorithm};
    openmetrics_sample (fp, &algorithm, &labels, 1);
  }
}

/* Cumulative, as histogram_quantile () of Prometheus wants them.  Pages of one
 * repeated word are stored in no memory, those that do not compress in as much
 * as they have. */
static void
print_sizes_of (FILE *fp, const struct openmetrics_family *sizes,
                const struct metrics_disk *disk)
{
  const uint64_t *const columns = disk->sample.columns[SAMPLE_SIZE_STAT];
  struct openmetrics_label label[3];
  const struct openmetrics_labels labels = {label, 3};
  uint64_t count = 0;
  char le[16];

  label_disk (label, disk);
  /* cppcheck-suppress unreadVariable; read through a pointer */
  label[2] = (struct openmetrics_label){"le", le};
  for (unsigned i = 0; i < SIZE_HUGE; i++) {
    count += columns[i];
    if (i == SIZE_HUGE - 1)
      count += columns[SIZE_HUGE];
    snprintf (le, sizeof le, "%u.0", i * SIZE_STEP);
    openmetrics_sample (fp, sizes, &labels, (int64_t) count);
  }
  snprintf (le, sizeof le, "+Inf");
  openmetrics_sample (fp, sizes, &labels, (int64_t) count);
}

static void
print_sizes (FILE *fp, const struct metrics *metrics)
{
  static const struct openmetrics_family sizes = {
      "zram_stored_size_bytes_bucket", OPENMETRICS_GAUGE, NULL,
      "Pages that are stored in at most so many bytes."};
  bool begun = false;

  for (size_t i = 0; i < metrics->n; i++) {
    if (!sample_has (&metrics->disks[i].sample, SAMPLE_SIZE_STAT))
      continue;
    if (!begun)
      openmetrics_begin (fp, &sizes);
    begun = true;
    print_sizes_of (fp, &sizes, &metrics->disks[i]);
  }
}

void
families_print (FILE *fp, const struct metrics *metrics)
{
  print_up (fp, metrics);
  print_algorithm (fp, metrics);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    print_metric (fp, metrics, &table[i]);
  print_sizes (fp, metrics);
  openmetrics_end (fp);
}
