/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "attrshow.h"
#include "disk.h"
#include "swap.h"
#include "workpool.h"
#include "zsbudget.h"
#include "zsmalloc.h"

static void
print_counts (FILE *fp, const uint64_t *counts, size_t n)
{
  for (size_t i = 0; i < n; i++)
    fprintf (fp, " %" PRIu64, counts[i]);
}

/* mm_stat, io_stat, stat, size_stat */

/* Without a device there is nothing but what has been configured. */
static struct zram_stats
stats_of (const struct disk *disk)
{
  struct zram_stats s = {.mem_limit = disk->config.mem_limit};

  if (disk->zram)
    zram_stats (disk->zram, &s);
  return s;
}

void
mm_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  fprintf (fp,
           "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
           " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
           s.orig_data_size, s.compr_data_size, s.mem_used_total, s.mem_limit,
           s.mem_used_max, s.same_pages, s.pages_compacted, s.huge_pages,
           s.huge_pages_since);
}

void
io_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  /* The third, invalid_io, is a constant in zram too. */
  fprintf (fp, "%" PRIu64 " %" PRIu64 " 0 %" PRIu64 "\n", s.failed_reads,
           s.failed_writes, s.notify_free);
}

/* The kernel's sectors, in which its block layer counts whatever the disk's
 * are. */
#define SECTOR 512

void
stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  /* Of each kind: requests, merges, sectors, ticks; after the first two, what
   * is under way, and its time; at the end, flushes. */
  fprintf (fp,
           "%" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64 " 0 0 0 0"
           " %" PRIu64 " 0 %" PRIu64 " 0 0 0\n",
           s.reads, s.read_bytes / SECTOR, s.writes, s.write_bytes / SECTOR,
           s.discards, s.discard_bytes / SECTOR);
}

void
size_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  fprintf (fp, "%" PRIu64, s.same_pages);
  print_counts (fp, s.size_pages, ZRAM_SIZE_BUCKETS);
  fprintf (fp, " %" PRIu64 "\n", s.huge_pages);
}

/* recomp_stat, stream_stat */

void
recomp_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  fprintf (fp, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s.recomp_tried,
           s.recomp_gained, s.recomp_saved);
}

void
stream_stat_show (const struct disk *disk, FILE *fp)
{
  struct zcomp_usage usage = {0};

  if (disk->zram)
    zram_comp_usage (disk->zram, &usage);
  fprintf (fp, "%zu %zu\n", usage.contexts, usage.dict);
}

/* debug_stat */

void
debug_stat_show (const struct disk *disk, FILE *fp)
{
  (void) disk;
  /* Of the format; then what zram no longer counts, and miss_free: whoever
   * frees a page here waits for it. */
  fprintf (fp, "version: 1\n0 0\n");
}

/* slot_stat */

void
slot_stat_show (const struct disk *disk, FILE *fp)
{
  struct zram_stats sums = {0};

  if (disk->zram)
    zram_recount (disk->zram, &sums);
  fprintf (fp, "%" PRIu64 " %" PRIu64 " %" PRIu64, sums.orig_data_size,
           sums.compr_data_size, sums.same_pages);
  print_counts (fp, sums.size_pages, ZRAM_SIZE_BUCKETS);
  fprintf (fp, " %" PRIu64 "\n", sums.huge_pages);
}

/* block_state */

/* Lines to a part: so little that nobody waits for it. */
#define STATE_LINES 512

/* Its index, when it was last used, in zram's whole seconds, and its flags. */
static void
print_state (FILE *fp, uint64_t index, const struct zram_page *page)
{
  fprintf (fp, "%12" PRIu64 " %12" PRIu32 ".000000 %c%c%c%c%c%c\n", index,
           page->accessed, page->same ? 's' : '.',
           page->written_back ? 'w' : '.', page->huge ? 'h' : '.',
           page->idle ? 'i' : '.', page->recompressed ? 'r' : '.',
           page->incompressible ? 'n' : '.');
}

int
block_state_show (const struct disk *disk, uint64_t *at, FILE *fp)
{
  struct zram_page page;

  if (!disk->zram)
    return -EINVAL;
  for (unsigned i = 0; i < STATE_LINES; i++) {
    if (!zram_next_page (disk->zram, at, &page))
      return 0;
    print_state (fp, *at, &page);
    ++*at;
  }
  return 1;
}

/* frag_stat */

void
frag_stat_show (const struct disk *disk, FILE *fp)
{
  struct zs_fragmentation f = {0};
  struct zs_pool_stats s = {0};

  if (disk->zram)
    zram_pool_stats (disk->zram, &s, &f);
  fprintf (fp, "%" PRIu64 " %" PRIu64, s.live, s.reserve);
  print_counts (fp, f.free_blocks, ZS_SIZE_BUCKETS);
  print_counts (fp, f.zspages, ZS_FULLNESS_BUCKETS);
  fputc ('\n', fp);
}

/* swap_stat */

void
swap_stat_show (const struct disk *disk, FILE *fp)
{
  const struct zram_stats s = stats_of (disk);

  fprintf (fp, "%" PRIu64 " %" PRIu64 " %" PRIu64 " ", s.reserve_least,
           s.reserve_waiting, s.reserve_refused);
  swap_show (fp);
}

void
streams_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%u\n", disk->zram ? zram_streams (disk->zram) : 0);
}

void
workers_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%u\n", workpool_threads (disk->config.workers));
}

void
reserve_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%" PRIu64 "\n", stats_of (disk).reserve);
}

/* The disk among the server's. */

void
mem_min_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%" PRIu64 "\n", disk->config.mem_min);
}

void
mem_total_show (const struct disk *disk, FILE *fp)
{
  const struct zs_budget *const budget = disk->config.budget;

  fprintf (fp, "%" PRIu64 " %" PRIu64 "\n", budget ? budget->total : 0,
           budget ? budget->claimed : 0);
}

void
export_show (const struct disk *disk, FILE *fp)
{
  char export[EXPORTNAME_SIZE];

  exportname_make (export, disk->name, disk->run_id);
  fprintf (fp, "%s\n", export);
}

void
clients_show (const struct disk *disk, FILE *fp)
{
  const int clients = disk->clients;

  /* Nobody is, while it is shut. */
  fprintf (fp, "%d\n", clients < 0 ? 0 : clients);
}
