/* SPDX-License-Identifier: BSD-3-Clause */
/* The device: making one, and splitting requests into pages. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "pageio.h"
#include "readback.h"
#include "recompress.h"
#include "recount.h"
#include "store.h"
#include "slottable.h"
#include "writeback.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* Addresses that do not run out, whatever is written in which order: zspages
 * of raw pages are made only when all are full, so they never take more than
 * the disk; blocks make the pool grow only when every hole is shorter than a
 * page, so each of them has at most a page and a hole.  And a little for disks
 * of a few pages. */
static uint64_t
pool_max_size (uint64_t disksize)
{
  return 3 * disksize + (UINT64_C (16) << 20);
}

static uint64_t
reserve_of (const struct zram_config *config)
{
  return config->no_faults && config->reserve == 0
             ? reserve_for (config->disksize)
             : config->reserve;
}

/* The algorithms; only the first one's streams are made. */
static int
create_comps (struct zram *zram, const struct zram_config *config)
{
  int r = 0;

  for (unsigned i = 0; i < ZRAM_PRIORITIES && r == 0; i++) {
    const struct zram_algorithm *const algorithm = &config->algorithms[i];
    const struct zcomp_backend *const backend = zram_config_backend (config, i);

    if (!backend)
      continue;
    r = zcomp_create (&zram->comps[i], backend, &algorithm->params,
                      cpu_count (), zram);
    if (r == 0 && i > 0 && !zram->recompress)
      r = recompress_create (&zram->recompress, config->workers);
  }
  return r == 0 ? zcomp_prepare (zram->comps[0]) : r;
}

static int
create_parts (struct zram *zram, const struct zram_config *config)
{
  int r = stats_init (&zram->stats);

  if (r == 0)
    r = slot_table_create (&zram->table, zram->disksize >> ZRAM_PAGE_SHIFT,
                           zram);
  if (r == 0)
    r = zs_pool_create (&zram->pool, pool_max_size (zram->disksize), zram);
  if (r == 0)
    r = create_comps (zram, config);
  if (r == 0 && config->store)
    r = writeback_create (&zram->writeback, config, zram);
  if (r == 0) {
    zs_pool_set_limit (zram->pool, config->mem_limit);
    zs_pool_set_budget (zram->pool, config->budget, config->mem_min);
    zs_pool_set_relocate (zram->pool, page_relocate, zram);
    zram->background.compact_threshold = config->compact_threshold;
    zram->spread = (struct spread){config->workers, config->spread_threshold};
    zram->no_faults = config->no_faults;
    zram->complain = config->complain;
    zram->reserve.bytes = reserve_of (config);
    zram->reserve.keep_free = config->keep_free;
    zram->reserve.max_waiters = config->reserve_waiters;
  }
  return r;
}

int
zram_create (struct zram **zramp, const struct zram_config *config)
{
  struct zram *zram;
  int r;

  if (config->disksize == 0 || config->disksize > ZRAM_MAX_DISKSIZE)
    return -EINVAL;
  zram = calloc (1, sizeof *zram);
  if (!zram)
    return -ENOMEM;
  zram->disksize = (config->disksize + ZRAM_PAGE_SIZE - 1) &
                   ~(uint64_t) (ZRAM_PAGE_SIZE - 1);
  pthread_mutex_init (&zram->run_lock, NULL);
  r = create_parts (zram, config);
  if (r < 0) {
    zram_destroy (zram);
    return r;
  }
  *zramp = zram;
  return 0;
}

void
zram_destroy (struct zram *zram)
{
  if (!zram)
    return;
  zram_stop (zram);
  recount_check (zram);
  writeback_destroy (zram->writeback);
  recompress_destroy (zram->recompress);
  pthread_mutex_destroy (&zram->run_lock);
  for (unsigned i = 0; i < ZRAM_PRIORITIES; i++)
    zcomp_destroy (zram->comps[i]);
  zs_pool_destroy (zram->pool);
  slot_table_destroy (zram->table);
  stats_destroy (&zram->stats);
  free (zram);
}

uint64_t
zram_filled_bytes (const struct zram_config *config)
{
  return (config->disksize >> ZRAM_PAGE_SHIFT) * sizeof (struct slot) +
         zs_pool_description_size (pool_max_size (config->disksize)) +
         reserve_of (config) +
         (config->backing.dev[0] ? writeback_bytes (config) : 0);
}

/* All algorithms' streams, those too that would be made at first use. */
static int
populate_comps (struct zram *zram)
{
  int r = 0;

  for (unsigned i = 0; i < ZRAM_PRIORITIES && r == 0; i++)
    if (zram->comps[i]) {
      r = zcomp_prepare (zram->comps[i]);
      if (r == 0)
        r = zcomp_populate (zram->comps[i]);
    }
  return r;
}

static int
populate (struct zram *zram)
{
  int r = slot_table_populate (zram->table);

  if (r == 0)
    r = populate_comps (zram);
  if (r == 0 && zram->recompress)
    r = recompress_populate (zram->recompress);
  if (r == 0 && zram->writeback)
    r = writeback_populate (zram->writeback);
  if (r == 0)
    r = zs_pool_set_reserve_only (zram->pool);
  return r;
}

int
zram_start (struct zram *zram)
{
  int r = zram->no_faults ? populate (zram) : 0;

  if (r == 0)
    r = reserve_start (&zram->reserve, zram->pool);
  if (r == 0)
    r = background_start (&zram->background, zram->pool, zram->table);
  if (r == 0 && zram->writeback)
    r = store_start (zram->writeback->store);
  return r;
}

void
zram_stop (struct zram *zram)
{
  if (!zram)
    return;
  if (zram->writeback)
    store_stop (zram->writeback->store);
  background_stop (&zram->background);
  reserve_stop (&zram->reserve);
}

void
zram_undo_store (struct zram *zram)
{
  zram_stop (zram);
  if (zram->writeback)
    store_undo (zram->writeback->store);
}

void
zram_set_mem_limit (struct zram *zram, uint64_t bytes)
{
  zs_pool_set_limit (zram->pool, bytes);
}

void
zram_reset_mem_used_max (struct zram *zram)
{
  zs_pool_reset_max_used (zram->pool);
}

void
zram_set_compact_threshold (struct zram *zram, unsigned percent)
{
  zram->background.compact_threshold = percent;
  background_wake (&zram->background);
}

uint64_t
zram_compact (struct zram *zram, const struct run *run)
{
  int64_t pages;

  slot_table_shrink (zram->table);
  pages = zs_compact (zram->pool, run);
  return pages > 0 ? (uint64_t) pages : 0;
}

uint64_t
zram_disksize (const struct zram *zram)
{
  return zram->disksize;
}

const struct zcomp_backend *
zram_algorithm (const struct zram *zram, unsigned priority)
{
  return zram->comps[priority] ? zcomp_backend (zram->comps[priority]) : NULL;
}

const char *
zram_comp_algorithm (const struct zram *zram)
{
  return zcomp_backend_name (zram_algorithm (zram, 0));
}

void
zram_comp_usage (const struct zram *zram, struct zcomp_usage *usage)
{
  *usage = (struct zcomp_usage){0};
  for (unsigned i = 0; i < ZRAM_PRIORITIES; i++)
    if (zram->comps[i]) {
      struct zcomp_usage one;

      zcomp_usage (zram->comps[i], &one);
      usage->contexts += one.contexts;
      usage->dict += one.dict;
    }
}

unsigned
zram_streams (const struct zram *zram)
{
  return zcomp_streams (zram->comps[0], ZCOMP_COMPRESS);
}

/* The piece of a request that lies in one page. */
struct piece {
  uint64_t index;
  unsigned offset; /* within the page */
  unsigned len;
};

static inline struct piece
first_piece (uint64_t count, uint64_t offset)
{
  const unsigned in_page = offset & (ZRAM_PAGE_SIZE - 1);
  const unsigned room = ZRAM_PAGE_SIZE - in_page;

  return (struct piece){offset >> ZRAM_PAGE_SHIFT, in_page,
                        count < room ? (unsigned) count : room};
}

/* KIND is READS, WRITES or DISCARDS. */
static inline void
count_request (const struct zram *zram, enum counter kind, uint64_t bytes)
{
  struct stats_stripe *const stripe = stats_stripe (&zram->stats);

  stats_stripe_add (stripe, kind, 1);
  stats_stripe_add (stripe, kind + 1, (int64_t) bytes);
}

/* A spread_fn. */
static int
read_pieces (struct zram *zram, void *buf, uint64_t count, uint64_t offset,
             struct readbacks *readbacks)
{
  char *dst = buf;

  while (count > 0) {
    const struct piece p = first_piece (count, offset);
    int r = p.len == ZRAM_PAGE_SIZE
                ? page_read (zram, p.index, dst)
                : page_read_part (zram, p.index, p.offset, p.len, dst);

    if (unlikely (r == -EAGAIN && readbacks))
      r = readbacks_add (zram, readbacks, p.index, p.offset, p.len, dst);
    if (r < 0)
      return r;
    dst += p.len;
    offset += p.len;
    count -= p.len;
  }
  return 0;
}

int
zram_read (struct zram *zram, void *buf, uint64_t count, uint64_t offset)
{
  int r;

  count_request (zram, READS, count);
  r = spread_request (zram, read_pieces, buf, count, offset);
  if (r < 0)
    stats_add (&zram->stats, FAILED_READS, 1);
  return r;
}

/* A spread_fn. */
static int
write_pieces (struct zram *zram, void *buf, uint64_t count, uint64_t offset,
              struct readbacks *readbacks)
{
  const char *src = buf;

  while (count > 0) {
    const struct piece p = first_piece (count, offset);
    const int r = p.len == ZRAM_PAGE_SIZE
                      ? page_write (zram, p.index, src, readbacks != NULL)
                      : page_write_part (zram, p.index, p.offset, p.len, src,
                                         readbacks != NULL);

    if (r < 0)
      return r;
    src += p.len;
    offset += p.len;
    count -= p.len;
  }
  return 0;
}

int
zram_write (struct zram *zram, const void *buf, uint64_t count, uint64_t offset)
{
  int r;

  count_request (zram, WRITES, count);
  r = spread_request (zram, write_pieces, (void *) buf, count, offset);
  if (r < 0)
    stats_add (&zram->stats, FAILED_WRITES, 1);
  return r;
}

/* Within so many slots what is found in them is freed: after a few that have
 * something there may be any number that have nothing, and a writer at the
 * limit wants the room.  (Each slot may be locked for a while, though, and
 * parts of the table that have no memory are skipped first.) */
#define FREE_TOGETHER (UINT64_C (2) * ZS_FREEING)

/* Free the slots of the whole pages in the range. */
static void
free_pages (struct zram *zram, uint64_t count, uint64_t offset)
{
  const uint64_t end = (offset + count) >> ZRAM_PAGE_SHIFT;
  const uint64_t index = (offset + ZRAM_PAGE_SIZE - 1) >> ZRAM_PAGE_SHIFT;
  uint64_t stop = index + FREE_TOGETHER;
  struct zs_freeing freeing;
  int64_t freed = 0;

  freeing.n = 0;
  for (uint64_t i = slot_table_next (zram->table, index, end); i < end;
       i = slot_table_next (zram->table, i + 1, end)) {
    if (i >= stop) {
      zs_free_all (zram->pool, &freeing);
      stop = i + FREE_TOGETHER;
    }
    freed += page_free (zram, i, &freeing);
  }
  zs_free_all (zram->pool, &freeing);
  stats_add (&zram->stats, NOTIFY_FREE, freed);
}

void
zram_discard (struct zram *zram, uint64_t count, uint64_t offset)
{
  count_request (zram, DISCARDS, count);
  free_pages (zram, count, offset);
}

/* A spread_fn, of part of a page. */
static int
zero_part (struct zram *zram, void *buf, uint64_t count, uint64_t offset,
           struct readbacks *readbacks)
{
  const struct piece p = first_piece (count, offset);

  (void) buf;
  return page_zero_part (zram, p.index, p.offset, p.len, readbacks != NULL);
}

/* Zero the part of a page that one end of a request has. */
static int
zero_edge (struct zram *zram, uint64_t count, uint64_t offset)
{
  const int r = spread_request (zram, zero_part, NULL, count, offset);

  if (r < 0)
    stats_add (&zram->stats, FAILED_WRITES, 1);
  return r;
}

int
zram_zero (struct zram *zram, uint64_t count, uint64_t offset)
{
  const struct piece head = first_piece (count, offset);
  const uint64_t tail_len = (offset + count) & (ZRAM_PAGE_SIZE - 1);
  int r;

  count_request (zram, WRITES, count);
  if (head.len < ZRAM_PAGE_SIZE && count > 0) {
    r = zero_edge (zram, head.len, offset);
    if (r < 0)
      return r;
    offset += head.len;
    count -= head.len;
  }
  free_pages (zram, count, offset);
  return count > 0 && tail_len > 0
             ? zero_edge (zram, tail_len, offset + count - tail_len)
             : 0;
}

uint64_t
zram_extent (struct zram *zram, uint64_t count, uint64_t offset, bool *hole)
{
  const uint64_t last = (offset + count - 1) >> ZRAM_PAGE_SHIFT;
  uint64_t index = offset >> ZRAM_PAGE_SHIFT;

  *hole = slot_is_hole (zram->table, index);
  do {
    index++;
    if (*hole)
      index = slot_table_next (zram->table, index, last + 1);
  } while (index <= last && slot_is_hole (zram->table, index) == *hole);

  return index > last ? count : (index << ZRAM_PAGE_SHIFT) - offset;
}

bool
zram_next_page (const struct zram *zram, uint64_t *index,
                struct zram_page *page)
{
  const uint64_t end = zram->disksize >> ZRAM_PAGE_SHIFT;
  uint32_t flags = 0;

  *index = slot_next_allocated (zram->table, *index, end, &flags);
  *page = (struct zram_page){
      .same = flags & SLOT_SAME,
      .written_back = flags & SLOT_WB,
      .huge = flags & SLOT_HUGE,
      .idle = flags & SLOT_IDLE,
      .recompressed = flags & SLOT_PRIORITY,
      .incompressible = flags & SLOT_INCOMPRESSIBLE,
      .accessed = *index < end ? slot_accessed (zram->table, *index) : 0,
  };
  return *index < end;
}

/* What is stored: how many pages of which length, and so how many. */
static void
sum_pages (const struct stats *sums, struct zram_stats *stats)
{
  uint64_t pages = 0;

  stats->same_pages = stats_sum (sums, SAME_PAGES);
  stats->huge_pages = stats_sum (sums, HUGE_PAGES);
  for (unsigned i = 0; i < ZRAM_SIZE_BUCKETS; i++) {
    stats->size_pages[i] = stats_sum (sums, SIZE_PAGES + i);
    pages += stats->size_pages[i];
  }
  pages += stats->same_pages + stats->huge_pages + stats_sum (sums, WB_PAGES);
  stats->orig_data_size = pages * ZRAM_PAGE_SIZE;
}

void
zram_stats (const struct zram *zram, struct zram_stats *stats)
{
  const struct stats *const sums = &zram->stats;
  struct zs_pool_stats pool;

  zs_pool_stats (zram->pool, &pool);
  *stats = (struct zram_stats){
      .compr_data_size = stats_sum (sums, COMPR_DATA_SIZE),
      .mem_used_total = pool.used,
      .mem_limit = pool.limit,
      .mem_used_max = pool.max_used,
      .pages_compacted = pool.pages_compacted,
      .huge_pages_since = stats_sum (sums, HUGE_PAGES_SINCE),
      .failed_reads = stats_sum (sums, FAILED_READS),
      .failed_writes = stats_sum (sums, FAILED_WRITES),
      .notify_free = stats_sum (sums, NOTIFY_FREE),
      .reads = stats_sum (sums, READS),
      .read_bytes = stats_sum (sums, READ_BYTES),
      .writes = stats_sum (sums, WRITES),
      .write_bytes = stats_sum (sums, WRITE_BYTES),
      .discards = stats_sum (sums, DISCARDS),
      .discard_bytes = stats_sum (sums, DISCARD_BYTES),
      .recomp_tried = stats_sum (sums, RECOMP_TRIED),
      .recomp_gained = stats_sum (sums, RECOMP_GAINED),
      .recomp_saved = stats_sum (sums, RECOMP_SAVED),
      .bd_count = stats_sum (sums, WB_PAGES),
      .bd_reads = stats_sum (sums, BD_READS),
      .bd_checksum_errors = stats_sum (sums, BD_CHECKSUM_ERRORS),
      .reserve = pool.reserve,
      .reserve_least = pool.reserve_least,
      .reserve_waiting = zram->reserve.waiters,
      .reserve_refused = zram->reserve.refused,
  };
  sum_pages (sums, stats);
  if (zram->writeback)
    writeback_stats (zram->writeback, stats);
}

void
zram_pool_stats (struct zram *zram, struct zs_pool_stats *stats,
                 struct zs_fragmentation *fragmentation)
{
  zs_pool_stats (zram->pool, stats);
  zs_pool_fragmentation (zram->pool, fragmentation);
}
