/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of attributes, and what takes, tells and shows those of its rows
 * that have no file of their own. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "attr.h"
#include "attralgorithm.h"
#include "attrbacking.h"
#include "attrfaults.h"
#include "attrrun.h"
#include "attrshow.h"
#include "zsmalloc.h"

/* Where sysfs takes a number it takes "+1", too. */
static const char *
without_plus (const char *value)
{
  return *value == '+' ? value + 1 : value;
}

/* disksize */

static int
disksize_store (struct attr_config *config, const char *value,
                struct attr_error *error)
{
  return attr_parse_size_in ("disksize", value, 1, ZRAM_MAX_DISKSIZE,
                             "1 byte to 16T", &config->zram.disksize, error);
}

static int
disksize_set (struct disk *disk, const char *value, const struct run *run,
              struct attr_error *error)
{
  (void) run;
  if (do_attr_store_before (disk, "disksize", disksize_store, value, error) < 0)
    return -1;
  if (do_attr_start (disk, error) == 0)
    return 0;
  disk->config.disksize = 0;
  return -1;
}

static void
disksize_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%" PRIu64 "\n", disk->zram ? zram_disksize (disk->zram) : 0);
}

/* initstate */

static void
initstate_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%d\n", disk->zram != NULL);
}

/* reset */

static int
reset_set (struct disk *disk, const char *value, const struct run *run,
           struct attr_error *error)
{
  unsigned yes = 0;

  (void) run;
  if (attr_parse_number ("reset", without_plus (value), UINT16_MAX, &yes,
                         error) < 0)
    return -1;
  if (yes == 0)
    return attr_fail (error, "reset: '%s' is not yes: give 1", value);
  if (do_disk_reset (disk) < 0)
    return attr_fail_as (
        error, EBUSY,
        "reset: clients are connected (%d): disconnect them first",
        disk->clients);
  return 0;
}

/* mem_limit */

static int
mem_limit_store (struct attr_config *config, const char *value,
                 struct attr_error *error)
{
  uint64_t bytes = 0;

  if (attr_parse_size_in ("mem_limit", value, 0, INT64_MAX,
                          "0 (no limit) to 8E - 1", &bytes, error) < 0)
    return -1;
  config->zram.mem_limit =
      (bytes + ZRAM_PAGE_SIZE - 1) & ~(uint64_t) (ZRAM_PAGE_SIZE - 1);
  return 0;
}

/* It may change at any time. */
static int
mem_limit_set (struct disk *disk, const char *value, const struct run *run,
               struct attr_error *error)
{
  (void) run;
  if (do_attr_store (disk, mem_limit_store, value, error) < 0)
    return -1;
  if (disk->zram)
    zram_set_mem_limit (disk->zram, disk->config.mem_limit);
  return 0;
}

/* mem_min */

static int
mem_min_store (struct attr_config *config, const char *value,
               struct attr_error *error)
{
  uint64_t bytes = 0;

  if (attr_parse_size_in ("mem_min", value, 0, INT64_MAX, "0 to 8E - 1", &bytes,
                          error) < 0)
    return -1;
  config->zram.mem_min = (bytes + ZS_GROWTH - 1) & ~(ZS_GROWTH - 1);
  return 0;
}

/* mem_used_max */

static int
mem_used_max_set (struct disk *disk, const char *value, const struct run *run,
                  struct attr_error *error)
{
  unsigned zero = 0;

  (void) run;
  if (attr_parse_number ("mem_used_max", without_plus (value), 0, &zero,
                         error) < 0)
    return attr_fail (
        error, "mem_used_max: '%s' is not 0, which is all it takes", value);
  if (disk->zram)
    zram_reset_mem_used_max (disk->zram);
  return 0;
}

/* compact_threshold */

static int
compact_threshold_store (struct attr_config *config, const char *value,
                         struct attr_error *error)
{
  return attr_parse_number ("compact_threshold", value, 100,
                            &config->zram.compact_threshold, error);
}

/* It may change at any time. */
static int
compact_threshold_set (struct disk *disk, const char *value,
                       const struct run *run, struct attr_error *error)
{
  (void) run;
  if (do_attr_store (disk, compact_threshold_store, value, error) < 0)
    return -1;
  if (disk->zram)
    zram_set_compact_threshold (disk->zram, disk->config.compact_threshold);
  return 0;
}

static void
compact_threshold_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%u\n", disk->config.compact_threshold);
}

/* spread_threshold */

static int
spread_threshold_store (struct attr_config *config, const char *value,
                        struct attr_error *error)
{
  return attr_parse_number ("spread_threshold", value, INT_MAX,
                            &config->zram.spread_threshold, error);
}

static void
spread_threshold_show (const struct disk *disk, FILE *fp)
{
  fprintf (fp, "%u\n", disk->config.spread_threshold);
}

/* swap */

static int
swap_store (struct attr_config *config, const char *value,
            struct attr_error *error)
{
  static const char *const words[] = {
      [SWAP_OFF] = "off", [SWAP_TRY] = "try", [SWAP_ON] = "on"};

  for (enum swap_mode mode = SWAP_OFF; mode <= SWAP_ON; mode++)
    if (strcmp (value, words[mode]) == 0) {
      config->swap = mode;
      return 0;
    }
  return attr_fail (error, "swap: '%s' is unknown: choose from off, try and on",
                    value);
}

/* reserve */

static int
reserve_store (struct attr_config *config, const char *value,
               struct attr_error *error)
{
  return attr_parse_size_in ("reserve", value, 0, ZRAM_MAX_DISKSIZE, "0 to 16T",
                             &config->zram.reserve, error);
}

/* reserve_waiters */

static int
reserve_waiters_store (struct attr_config *config, const char *value,
                       struct attr_error *error)
{
  return attr_parse_number ("reserve_waiters", value, 1000000,
                            &config->zram.reserve_waiters, error);
}

/* statsfile */

static int
check_path (const char *name, const char *value, struct attr_error *error)
{
  if (value[0] == '\0')
    return attr_fail (error, "%s: is empty: give the name of a file", name);
  for (const char *c = value; *c; c++)
    if (iscntrl ((unsigned char) *c))
      return attr_fail (error,
                        "%s: '%s' has control characters in it: give a name "
                        "without",
                        name, value);
  return 0;
}

static int
statsfile_store (struct attr_config *config, const char *value,
                 struct attr_error *error)
{
  if (check_path ("statsfile", value, error) < 0)
    return -1;
  config->statsfile = value;
  return 0;
}

/* control */

static int
control_store (struct attr_config *config, const char *value,
               struct attr_error *error)
{
  if (check_path ("control", value, error) < 0)
    return -1;
  config->control = value;
  return 0;
}

/* size_stat's columns: pages of up to so many bytes. */
#define SIZE_COLUMNS                                         \
  "same_pages c256 c512 c768 c1024 c1280 c1536 c1792 c2048 " \
  "c2304 c2560 c2816 c3072 c3328 c3584 c3840 c4096 huge_pages"

const struct attr attrs[] = {
    {
        .name = "disksize",
        .alias = "size",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "the size of the disk; it takes memory only as it fills",
        .required = true,
        .of_disk = true,
        .store = disksize_store,
        .set = disksize_set,
        .show = disksize_show,
    },
    {
        .name = "comp_algorithm",
        .kind = ATTR_WORD,
        .metavar = "NAME",
        .help = "lz4 (default; fast), zstd (a third less memory), and others",
        .of_disk = true,
        .store = comp_algorithm_store,
        .store_before_start = true,
        .show = comp_algorithm_show,
    },
    {
        .name = "recomp_algorithm",
        .kind = ATTR_WORD,
        .metavar = "algo=NAME [priority=N]",
        .help = "recompress by this one; priority 1 (default) to 3",
        .repeatable = true,
        .of_disk = true,
        .store = recomp_algorithm_store,
        .store_before_start = true,
        .show = recomp_algorithm_show,
    },
    {
        .name = "algorithm_params",
        .kind = ATTR_WORD,
        .metavar = "KEY=VALUE ...",
        .help = "of priority or algo: level, dict, deflate.winbits",
        .repeatable = true,
        .of_disk = true,
        .store = algorithm_params_store,
        .store_before_start = true,
    },
    {
        .name = "streams",
        .help = "compression streams, of which each can be in use at a time",
        .show = streams_show,
    },
    {
        .name = "mem_limit",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "the most memory that stored pages may take; 0: no limit",
        .of_disk = true,
        .store = mem_limit_store,
        .set = mem_limit_set,
    },
    {
        .name = "mem_min",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "of mem_total, no other disk can have so much",
        .of_disk = true,
        .store = mem_min_store,
        .show = mem_min_show,
    },
    {
        .name = "mem_total",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "the most memory that the pages of all disks may take",
        .columns = "mem_total claimed",
        .store = mem_total_store,
        .show = mem_total_show,
    },
    {
        .name = "num_devices",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "make disks zram0, zram1, ... at the start (default 1)",
        .store = num_devices_store,
    },
    {
        .name = "max_devices",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "so many disks there may be",
        .store = max_devices_store,
    },
    {
        .name = "on_demand",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "a client that asks for a disk that is not there gets one",
        .store = on_demand_store,
    },
    {
        .name = "on_demand_close",
        .kind = ATTR_WORD,
        .metavar = "keep|drop",
        .help = "keep (default) such a disk while it holds something, or not",
        .store = on_demand_close_store,
    },
    {
        .name = "run_id",
        .kind = ATTR_WORD,
        .metavar = "auto|NAME",
        .help = "serve DISK@NAME: who had a disk of an earlier run is refused",
        .store = run_id_store,
    },
    {
        .name = "export",
        .help = "what NBD clients call the disk",
        .show = export_show,
    },
    {
        .name = "clients",
        .help = "connections of NBD clients",
        .show = clients_show,
    },
    {
        .name = "mem_used_max",
        .kind = ATTR_NUMBER,
        .metavar = "0",
        .help = "the most that was used (mm_stat) is what is used now",
        .set = mem_used_max_set,
    },
    {
        .name = "compact",
        .kind = ATTR_WORD,
        .metavar = "1",
        .help = "move pages together until no memory is gained by it",
        .set = compact_set,
        .is_run = true,
    },
    {
        .name = "idle",
        .kind = ATTR_WORD,
        .metavar = "all|SECONDS",
        .help = "mark all pages as idle, or those not used for so long",
        .set = idle_set,
        .is_run = true,
    },
    {
        .name = "recompress",
        .kind = ATTR_WORD,
        .metavar = "KEY=VALUE ...",
        .help = "compress anew: type, threshold, max_pages, algo, priority",
        .set = recompress_set,
        .is_run = true,
    },
    {
        .name = "backing_dev",
        .kind = ATTR_PATH,
        .metavar = "FILE|DEVICE",
        .help = "where pages go that nobody uses; needs backing_size if new",
        .of_disk = true,
        .store = backing_dev_store,
        .set = backing_dev_set,
        .show = backing_dev_show,
    },
    {
        .name = "backing_size",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "the size of that file, which is made if it is not there",
        .of_disk = true,
        .store = backing_size_store,
        .store_before_start = true,
    },
    {
        .name = "backing_overwrite",
        .kind = ATTR_WORD,
        .metavar = "y|n",
        .help = "y: what backing_dev holds may be lost (default n)",
        .of_disk = true,
        .store = backing_overwrite_store,
        .store_before_start = true,
    },
    {
        .name = "backing_engine",
        .help = "how it is read and written",
        .show = backing_engine_show,
    },
    {
        .name = "backing_timeout",
        .kind = ATTR_NUMBER,
        .metavar = "SECONDS",
        .help = "how long to wait for an NBD store that is away (default 30)",
        .of_disk = true,
        .store = backing_timeout_store,
        .store_before_start = true,
        .show = backing_timeout_show,
    },
    {
        .name = "backing_waiters",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "requests that may wait for it (default: all threads but one)",
        .of_disk = true,
        .store = backing_waiters_store,
        .store_before_start = true,
        .show = backing_waiters_show,
    },
    {
        .name = "compressed_writeback",
        .kind = ATTR_WORD,
        .metavar = "y|n",
        .help = "y (default): pages leave as they are stored",
        .of_disk = true,
        .store = compressed_writeback_store,
        .store_before_start = true,
        .show = compressed_writeback_show,
    },
    {
        .name = "writeback_batch_size",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "writes to backing_dev in flight (default 4)",
        .of_disk = true,
        .store = writeback_batch_size_store,
        .set = writeback_batch_size_set,
        .show = writeback_batch_size_show,
    },
    {
        .name = "writeback_limit_enable",
        .kind = ATTR_NUMBER,
        .metavar = "0|1",
        .help = "1: no more is written back than writeback_limit",
        .of_disk = true,
        .store = writeback_limit_enable_store,
        .set = writeback_limit_enable_set,
        .show = writeback_limit_enable_show,
    },
    {
        .name = "writeback_limit",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "units of 4 KiB that may still be written back",
        .of_disk = true,
        .store = writeback_limit_store,
        .set = writeback_limit_set,
        .show = writeback_limit_show,
    },
    {
        .name = "writeback",
        .kind = ATTR_WORD,
        .metavar = "KEY=VALUE ...",
        .help = "send pages there: type, page_index, page_indexes",
        .set = writeback_set,
        .is_run = true,
    },
    {
        .name = "reset",
        .kind = ATTR_NUMBER,
        .metavar = "1",
        .help = "free all that is stored; the disk then has no size",
        .set = reset_set,
    },
    {
        .name = "initstate",
        .help = "1: the disk has a size; 0: it has none yet",
        .show = initstate_show,
    },
    {
        .name = "compact_threshold",
        .kind = ATTR_NUMBER,
        .metavar = "PERCENT",
        .help = "compact when more than this of the pool is holes (default "
                "10); 0: never",
        .of_disk = true,
        .store = compact_threshold_store,
        .set = compact_threshold_set,
        .show = compact_threshold_show,
    },
    {
        .name = "workers",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "threads that help with long requests (default: CPUs); 0: none",
        .store = workers_store,
        .show = workers_show,
    },
    {
        .name = "spread_threshold",
        .kind = ATTR_NUMBER,
        .metavar = "PAGES",
        .help = "workers help with requests of so many pages (default 32)",
        .of_disk = true,
        .store = spread_threshold_store,
        .show = spread_threshold_show,
    },
    {
        .name = "swap",
        .kind = ATTR_WORD,
        .metavar = "on|try|off",
        .help = "be swap of this very machine: lock memory, take none later",
        .store = swap_store,
    },
    {
        .name = "reserve",
        .kind = ATTR_SIZE,
        .metavar = "SIZE",
        .help = "filled in advance to grow into (swap: a 128th of the disk)",
        .of_disk = true,
        .store = reserve_store,
        .show = reserve_show,
    },
    {
        .name = "reserve_waiters",
        .kind = ATTR_NUMBER,
        .metavar = "NUMBER",
        .help = "swap: writes that may wait for the reserve (half the threads)",
        .of_disk = true,
        .store = reserve_waiters_store,
    },
    {
        .name = "statsfile",
        .kind = ATTR_PATH,
        .metavar = "FILE",
        .help = "append statistics here, at SIGUSR1 and at exit",
        .store = statsfile_store,
    },
    {
        .name = "control",
        .kind = ATTR_PATH,
        .metavar = "SOCKET",
        .help = "answer requests here: the manual's CONTROL SOCKET",
        .store = control_store,
    },
    {
        .name = "mm_stat",
        .help = "what is stored, and what memory it takes",
        .columns = "orig_data_size compr_data_size mem_used_total mem_limit "
                   "mem_used_max same_pages pages_compacted huge_pages "
                   "huge_pages_since",
        .show = mm_stat_show,
    },
    {
        .name = "io_stat",
        .help = "what failed, and pages that were trimmed or zeroed",
        .columns = "failed_reads failed_writes invalid_io notify_free",
        .show = io_stat_show,
    },
    {
        .name = "bd_stat",
        .help = "what is in the backing store, in units of 4 KiB",
        .columns = "bd_count bd_reads bd_writes",
        .show = bd_stat_show,
    },
    {
        .name = "backing_stat",
        .help = "the backing store: bytes, segments, errors",
        .columns = "written live dead segments free_segments read_errors "
                   "write_errors checksum_errors",
        .show = backing_stat_show,
    },
    {
        .name = "recomp_stat",
        .help = "recompression so far: pages tried and gained, bytes saved",
        .columns = "tried gained saved",
        .show = recomp_stat_show,
    },
    {
        .name = "stream_stat",
        .help = "bytes of all algorithms' streams, and of dictionaries",
        .columns = "contexts dictionaries",
        .show = stream_stat_show,
    },
    {
        .name = "debug_stat",
        .help = "frees that gave up; it is there because zram has it",
        .show = debug_stat_show,
    },
    {
        .name = "stat",
        .help = "requests, as the block layer counts them",
        .columns = "reads read_merges read_sectors read_ticks writes "
                   "write_merges write_sectors write_ticks in_flight io_ticks "
                   "time_in_queue discards discard_merges discard_sectors "
                   "discard_ticks flushes flush_ticks",
        .show = stat_show,
    },
    {
        .name = "size_stat",
        .help = "stored pages by what they were compressed to",
        .columns = SIZE_COLUMNS,
        .show = size_stat_show,
    },
    {
        .name = "frag_stat",
        .help = "the pool: objects, holes, zspages",
        .columns = "live reserve, 14 counts of holes by size, 11 of zspages by "
                   "fullness",
        .walk = ATTR_WALKS_ZSPAGES,
        .show = frag_stat_show,
    },
    {
        .name = "slot_stat",
        .help = "what is stored, each page counted again",
        .columns = "orig_data_size compr_data_size " SIZE_COLUMNS,
        .walk = ATTR_WALKS_SLOTS,
        .show = slot_stat_show,
    },
    {
        .name = "block_state",
        .help = "a line for each stored page: index, time, flags",
        .walk = ATTR_WALKS_SLOTS,
        .show_part = block_state_show,
    },
    {
        .name = "swap_stat",
        .help = "the reserve, and what the process has for swap",
        .columns = "reserve_least reserve_waiting reserve_refused threads "
                   "io_flushers realtime locked oom_score_adj",
        .show = swap_stat_show,
    },
#if ZRAM_FAULTS
    {
        .name = "faults",
        .kind = ATTR_WORD,
        .metavar = "POINT FAULT ...",
        .help = "tests only: calls that are to fail, and how many there were",
        .set = faults_set_words,
        .show = faults_show,
    },
#endif
};

const size_t attr_count = sizeof attrs / sizeof *attrs;

_Static_assert(sizeof attrs / sizeof *attrs <= 64,
               "attr_config's \"given\" has a bit for each row");
