/* SPDX-License-Identifier: BSD-3-Clause */
/* Writeback.
 *
 * Problem.  What nobody uses should not take memory; but while it is on its way
 * out it may be used after all, and what has been written is soon full of
 * holes.
 *
 * Idea.  Objects leave as they are stored, many in one write (seglog.h), and
 * are freed when it has succeeded, unless somebody has used the page:
 *
 *   [lock slot: mark, copy object]  put it into a batch
 *   the batch is full: write it, go on with the next
 *   [lock slot: still marked? name the place instead of the object]  free
 * object
 *
 * When no segment is free, one that is mostly dead is cleaned: it is read, and
 * what slots still name in it goes to another one, as it is:
 *
 *   read segment; for each object: [lock slot: named?]  put it into a batch
 *   [lock slot: still named? name the new place]
 *
 * A slot names the place where an object was taken from as long as that is the
 * same object: the segment is pinned meanwhile, and never used for another.
 *
 * Invariants:
 *   - each page in hand is put back once, whatever fails;
 *   - a place that a slot names counts as alive, and no other does;
 *   - nothing waits for the store with a slot in hand.
 * tests/models/writtenback.pml goes through all orders in which a page is
 * written back, moved, read, and used.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "packed.h"
#include "pageio.h"
#include "postprocess.h"
#include "readback.h"
#include "run.h"
#include "seglog.h"
#include "segments.h"
#include "selection.h"
#include "slottable.h"
#include "store.h"
#include "thread.h"
#include "vmem.h"
#include "writeback.h"
#include "zsmalloc.h"

/* What it takes to put a page into a batch, or to put it back, in about so many
 * ns: see thread_share. */
#define NS_PER_PAGE 1200U

/* How often who waits for the store asks whether he has to. */
#define PATIENCE_MS 100U

/* A run. */
struct writing {
  struct zram *zram;
  const struct zram_writeback *what;
  const struct run *run;
  struct zram_written *done;
  struct selection selection;
  unsigned turn;   /* thread_share's */
  uint32_t victim; /* segment that is being cleaned */
  int error;       /* what ends it, or the last of a write that failed */
  int cleaning;    /* the last error of cleaning the victim */
  bool ends;
};

static unsigned
usual (unsigned batch_size)
{
  return batch_size > 0 ? batch_size : ZRAM_DEFAULT_WRITEBACK_BATCH;
}

int
writeback_create (struct writeback **writebackp,
                  const struct zram_config *config, const void *domain)
{
  struct writeback *const writeback = calloc (1, sizeof *writeback);
  int r;

  if (!writeback)
    return -ENOMEM;
  writeback->decompress = config->writeback_decompress;
  writeback->no_faults = config->no_faults;
  writeback->batch_size = usual (config->writeback_batch_size);
  writeback->budget.enabled = config->writeback_limit_enable;
  writeback->budget.bytes = config->writeback_limit;
  r = segments_create (&writeback->segments, store_size (config->store),
                       store_piece (config->store), domain);
  if (r == 0)
    r = seglog_create (&writeback->fresh, config->store, writeback->segments,
                       writeback->batch_size, false);
  if (r == 0)
    r = seglog_create (&writeback->moved, config->store, writeback->segments, 1,
                       true);
  if (r == 0)
    r = readback_pool_create (&writeback->readbacks, config->store,
                              config->backing_waiters);
  if (r == 0) {
    const uint32_t size = segments_size (writeback->segments);

    writeback->victim = vmem_reserve (size);
    r = writeback->victim ? vmem_open (writeback->victim, size) : -ENOMEM;
  }
  if (r < 0) {
    writeback_destroy (writeback);
    return r;
  }
  writeback->store = config->store;
  *writebackp = writeback;
  return 0;
}

/* The batches, one for cleaning, and what is cleaned. */
uint64_t
writeback_bytes (const struct zram_config *config)
{
  const uint64_t size = config->backing.size;
  const uint32_t segment =
      size > 0 ? segments_size_for (size, SEGMENT_MAX) : SEGMENT_MAX;

  return (usual (config->writeback_batch_size) + 2) * (uint64_t) segment +
         readback_pool_bytes ();
}

int
writeback_populate (struct writeback *writeback)
{
  int r = seglog_populate (writeback->fresh);

  if (r == 0)
    r = seglog_populate (writeback->moved);
  if (r == 0)
    r = vmem_populate (writeback->victim, segments_size (writeback->segments));
  if (r == 0)
    r = readback_pool_populate (writeback->readbacks);
  return r;
}

void
writeback_destroy (struct writeback *writeback)
{
  if (!writeback)
    return;
  store_close (writeback->store);
  seglog_destroy (writeback->fresh);
  seglog_destroy (writeback->moved);
  readback_pool_destroy (writeback->readbacks);
  if (writeback->victim)
    vmem_release (writeback->victim, segments_size (writeback->segments));
  segments_destroy (writeback->segments);
  free (writeback);
}

void
writeback_free (struct writeback *writeback, uint64_t word)
{
  segments_dead (writeback->segments, slot_wb_where (word),
                 packed_size (slot_wb_len (word)));
}

void
writeback_pin (struct writeback *writeback, uint64_t word)
{
  segments_pin (writeback->segments, slot_wb_where (word));
}

void
writeback_unpin (struct writeback *writeback, uint64_t word)
{
  segments_unpin (writeback->segments, slot_wb_where (word));
}

static bool
is_candidate (const void *arg, uint32_t flags)
{
  const struct zram_writeback *const what = arg;

  return slot_in_pool (flags) && (!what->idle || flags & SLOT_IDLE) &&
         (!what->huge || flags & SLOT_HUGE) &&
         (!what->incompressible || flags & SLOT_INCOMPRESSIBLE);
}

/* A write fails, and the next may succeed; but there is no point in going on
 * where there is no more room, or nobody who writes. */
static void
fail (struct writing *w, int error)
{
  w->error = error;
  w->ends =
      w->ends || error == -ENOSPC || error == -ECANCELED || error == -ETIMEDOUT;
}

static void
end (struct writing *w, int error)
{
  w->error = error;
  w->ends = true;
}

static void
show_progress (const struct writing *w)
{
  const uint64_t total = w->selection.candidates;

  run_progress (w->run, w->done->pages < total ? w->done->pages : total, total);
}

/* BYTES less of what may be written, which somebody may have set to anything
 * meanwhile. */
static uint64_t
budget_without (uint64_t old, int64_t bytes)
{
  if (bytes > 0)
    return old < (uint64_t) bytes ? 0 : old - (uint64_t) bytes;
  return old > UINT64_MAX - (uint64_t) -bytes ? UINT64_MAX
                                              : old + (uint64_t) -bytes;
}

/* seglog_user's. */
static void
failed (void *arg, int error)
{
  fail (arg, error);
}

static void
failed_to_move (void *arg, int error)
{
  struct writing *const w = arg;

  w->cleaning = error;
  fail (w, error);
}

/* Who is told how far it is may turn out to have gone. */
static bool
gives_up (void *arg)
{
  const struct writing *const w = arg;

  show_progress (w);
  return run_stopped (w->run);
}

static void
charge (void *arg, int64_t bytes)
{
  struct writing *const w = arg;
  struct writeback_budget *const budget = &w->zram->writeback->budget;
  uint64_t old = budget->bytes, left;

  w->done->bytes += (uint64_t) bytes;
  if (!budget->enabled)
    return;
  do
    left = budget_without (old, bytes);
  while (!atomic_compare_exchange_weak (&budget->bytes, &old, left));
}

/* May an object of LEN more be written? */
static bool
can_pay (const struct writing *w, struct seglog *log, uint32_t len)
{
  struct writeback_budget *const budget = &w->zram->writeback->budget;

  return !budget->enabled || seglog_cost (log, len) <= budget->bytes;
}

/* seglog_user's, of what came from the pool. */
static bool
settle_fresh (void *arg, const struct packed *header, uint64_t where)
{
  struct writing *const w = arg;
  bool wanted = false;

  thread_share (&w->turn, NS_PER_PAGE);
  if (where == 0)
    page_let_be (w->zram, header->owner);
  else
    wanted = page_write_back (w->zram, header->owner,
                              slot_wb_word (where, header->len));
  w->done->pages += wanted;
  show_progress (w);
  return wanted;
}

/* Does slot INDEX name the place of WORD? */
static bool
is_named (struct zram *zram, uint64_t index, uint64_t word)
{
  uint32_t flags;
  struct slot *slot;
  bool named;

  if (index >= zram->disksize >> ZRAM_PAGE_SHIFT)
    return false;
  slot = slot_borrow (zram->table, index, &flags);
  if (!slot)
    return false;
  named = flags & SLOT_WB &&
          atomic_load_explicit (&slot->word, memory_order_relaxed) == word;
  slot_return (zram->table, index, slot, flags);
  return named;
}

/* seglog_user's, of what came from the victim.  A slot that names a place there
 * names the one that it named before. */
static bool
settle_moved (void *arg, const struct packed *header, uint64_t where)
{
  struct writing *const w = arg;
  uint32_t flags;
  struct slot *slot;
  uint64_t word = 0;

  thread_share (&w->turn, NS_PER_PAGE);
  slot = slot_borrow (w->zram->table, header->owner, &flags);
  if (!slot)
    return false;
  if (flags & SLOT_WB && where != 0)
    word = atomic_load_explicit (&slot->word, memory_order_relaxed);
  if (segments_at (w->zram->writeback->segments, slot_wb_where (word)) !=
      w->victim)
    word = 0;
  if (word != 0)
    atomic_store_explicit (&slot->word, slot_wb_word (where, header->len),
                           memory_order_relaxed);
  slot_return (w->zram->table, header->owner, slot, flags);
  if (word != 0)
    writeback_free (w->zram->writeback, word);
  return word != 0;
}

static uint64_t
victim_start (const struct writing *w)
{
  return segments_start (w->zram->writeback->segments, w->victim);
}

/* Put what is alive at AT of the victim into the log.  False: there is no room,
 * or no budget, or what was put before could not be written. */
static bool
move_object (struct writing *w, uint32_t at, const struct packed *header)
{
  struct writeback *const writeback = w->zram->writeback;
  const uint64_t where = victim_start (w) + at;
  const char *const object = writeback->victim + at;

  thread_share (&w->turn, NS_PER_PAGE);
  if (!is_named (w->zram, header->owner, slot_wb_word (where, header->len)))
    return true;
  if (!packed_check (object, segments_size (writeback->segments) - at,
                     segments_seed (writeback->segments, where), header->owner,
                     header->len)) {
    stats_add (&w->zram->stats, BD_CHECKSUM_ERRORS, 1);
    return true;
  }
  if (!can_pay (w, writeback->moved, header->len)) {
    end (w, -EIO);
    return false;
  }
  return seglog_put (writeback->moved, header->owner, header->tag,
                     object + PACKED_HEADER, header->len) == 0 &&
         w->cleaning == 0;
}

/* Go over what was read of the victim.  Where there is no header the next batch
 * begins at a block; whatever is taken for one elsewhere, no slot names. */
static void
move_objects (struct writing *w)
{
  struct writeback *const writeback = w->zram->writeback;
  const uint32_t block = store_block (writeback->store);
  const uint32_t size = segments_size (writeback->segments);
  struct packed header;

  for (uint32_t at = 0; at < size;)
    if (!packed_peek (writeback->victim + at, size - at, &header))
      at = (at / block + 1) * block;
    else if (move_object (w, at, &header))
      at += packed_size (header.len);
    else
      break;
}

struct reading {
  struct store_op op; /* first: see was_read */
  struct completion completion;
};

static void
was_read (struct store_op *op)
{
  completion_complete (&((struct reading *) op)->completion);
}

/* LEN bytes from OFFSET on, to where the victim goes. */
static int
read_store (struct writing *w, uint64_t offset, uint32_t len)
{
  struct writeback *const writeback = w->zram->writeback;
  struct reading reading = {.op = {.buf = writeback->victim,
                                   .offset = offset,
                                   .len = len,
                                   .done = was_read}};

  store_submit (writeback->store, &reading.op);
  while (!completion_wait_ms (&reading.completion, PATIENCE_MS))
    if (gives_up (w))
      reading.op.impatient = true;
  return reading.op.result;
}

/* Clean a segment.  What stays alive in it, because it is damaged or could not
 * be written, keeps it from being tried again in this run.  False: there is
 * none whose cleaning would gain anything. */
static bool
clean_segment (struct writing *w)
{
  struct writeback *const writeback = w->zram->writeback;
  const struct seglog_user user = {.arg = w,
                                   .settle = settle_moved,
                                   .charge = charge,
                                   .failed = failed_to_move,
                                   .gives_up = gives_up};
  int r;

  if (!segments_victim (writeback->segments, &w->turn, &w->victim))
    return false;
  seglog_set_user (writeback->moved, user);
  w->cleaning = 0;
  r = read_store (w, victim_start (w), segments_size (writeback->segments));
  if (r < 0)
    failed_to_move (w, r);
  else {
    move_objects (w);
    seglog_flush (writeback->moved);
  }
  segments_spoiled (writeback->segments, w->victim);
  segments_unpin (writeback->segments, victim_start (w));
  return true;
}

/* Why there is no free segment: nothing more can be gained by cleaning, unless
 * that has failed. */
static int
why_full (const struct writing *w, int failure)
{
  if (w->ends)
    return w->error;
  if (run_stopped (w->run))
    return -EINTR;
  return failure < 0 ? failure : -ENOSPC;
}

/* Put the object of page INDEX, which is in hand, into the log; when there is
 * no free segment, until one has been cleaned.  What is in flight is waited for
 * first: its pages are to be let go before one waits for the store. */
static int
put (struct writing *w, uint64_t index, uint32_t flags, const char *object,
     uint32_t len)
{
  struct seglog *const log = w->zram->writeback->fresh;
  const uint16_t tag = (uint16_t) slot_priority (flags);
  int r = seglog_put (log, (uint32_t) index, tag, object, len);
  int failure = 0;

  while (r == -ENOSPC && !w->ends && !run_stopped (w->run)) {
    seglog_flush (log);
    if (w->ends || !clean_segment (w))
      break;
    failure = w->cleaning < 0 ? w->cleaning : failure;
    r = seglog_put (log, (uint32_t) index, tag, object, len);
  }
  return r == -ENOSPC ? why_full (w, failure) : r;
}

/* The object as it is to be written. */
static int
make_object (struct writing *w, uint32_t flags, char object[ZRAM_PAGE_SIZE],
             uint32_t *len)
{
  char page[ZRAM_PAGE_SIZE];
  int r;

  *len = slot_size (flags);
  if (!w->zram->writeback->decompress || *len == ZRAM_PAGE_SIZE)
    return 0;
  r = page_restore (w->zram, slot_priority (flags), object, *len, page);
  memcpy (object, page, sizeof page);
  *len = ZRAM_PAGE_SIZE;
  return r;
}

/* Write page INDEX back, if it is still a candidate. */
static void
write_page_back (struct writing *w, uint64_t index)
{
  char object[ZRAM_PAGE_SIZE];
  uint32_t flags, len;
  int r;

  thread_share (&w->turn, NS_PER_PAGE);
  if (!page_take (w->zram, index, is_candidate, w->what, object, &flags))
    return;
  w->done->tried++;
  r = make_object (w, flags, object, &len);
  if (r == 0 && !can_pay (w, w->zram->writeback->fresh, len))
    r = -EIO;
  if (r == 0)
    r = put (w, index, flags, object, len);
  if (r < 0) {
    page_let_be (w->zram, index);
    end (w, r);
  }
}

/* All are put back at its end: see recompress_group. */
static void
write_group (struct writing *w)
{
  uint64_t index;

  while (!w->ends && selection_next (&w->selection, w->run, &index))
    write_page_back (w, index);
  seglog_flush (w->zram->writeback->fresh);
}

/* Let as many writes be in flight as one wants by now.  If there is no memory
 * for so many, it stays at what there is. */
static void
adapt_log (struct writeback *writeback)
{
  const unsigned wanted = writeback->batch_size;
  struct seglog *log;

  if (seglog_batches (writeback->fresh) == wanted ||
      seglog_create (&log, writeback->store, writeback->segments, wanted,
                     false) < 0)
    return;
  if (writeback->no_faults && seglog_populate (log) < 0) {
    seglog_destroy (log);
    return;
  }
  seglog_destroy (writeback->fresh);
  writeback->fresh = log;
}

/* Another server may have been given the same store, and have written there:
 * then it is his.  (Reads find out by their checksums.) */
static int
check_mark (struct writing *w)
{
  struct writeback *const writeback = w->zram->writeback;
  int r;

  if (!store_is_shared (writeback->store))
    return 0;
  r = read_store (w, 0, STORE_HEADER);
  if (r < 0)
    return run_stopped (w->run) ? -EINTR : r;
  return store_has_mark (writeback->store, writeback->victim) ? 0 : -ESTALE;
}

static int
do_run (struct writing *w)
{
  const struct seglog_user user = {.arg = w,
                                   .settle = settle_fresh,
                                   .charge = charge,
                                   .failed = failed,
                                   .gives_up = gives_up};
  int r = selection_begin (&w->selection, w->zram, w->what->first, w->what->end,
                           is_candidate, w->what, w->run);

  if (r == 0)
    r = check_mark (w);
  if (r < 0)
    return r;
  segments_retry (w->zram->writeback->segments);
  adapt_log (w->zram->writeback);
  seglog_set_user (w->zram->writeback->fresh, user);
  while (!w->ends && !run_stopped (w->run) &&
         selection_next_group (&w->selection, UINT64_MAX))
    write_group (w);
  /* Who has given up has not waited for the store. */
  return run_stopped (w->run) && (w->error == 0 || w->error == -ETIMEDOUT)
             ? -EINTR
             : w->error;
}

int
zram_writeback (struct zram *zram, const struct zram_writeback *what,
                const struct run *run, struct zram_written *done)
{
  struct writing w = {.zram = zram, .what = what, .run = run, .done = done};
  int r;

  *done = (struct zram_written){0};
  if (!zram->writeback)
    return -ENODEV;
  if (what->first >= what->end || what->end > zram->disksize >> ZRAM_PAGE_SHIFT)
    return -ERANGE;
  r = run_begin (zram, run);
  if (r < 0)
    return r;
  r = do_run (&w);
  run_end (zram);
  background_wake (&zram->background);
  return r;
}

void
zram_set_writeback_limit (struct zram *zram, bool enable, uint64_t bytes)
{
  if (!zram->writeback)
    return;
  zram->writeback->budget.bytes = bytes;
  zram->writeback->budget.enabled = enable;
}

void
zram_set_writeback_batch (struct zram *zram, unsigned batch_size)
{
  if (zram->writeback)
    zram->writeback->batch_size = usual (batch_size);
}

uint64_t
zram_writeback_batch_bytes (const struct zram *zram, unsigned batch_size)
{
  const struct writeback *const writeback = zram->writeback;

  return writeback && usual (batch_size) != writeback->batch_size
             ? usual (batch_size) *
                   (uint64_t) segments_size (writeback->segments)
             : 0;
}

bool
zram_backing_is_away (const struct zram *zram)
{
  return zram->writeback && store_is_away (zram->writeback->store);
}

const char *
zram_backing_engine (const struct zram *zram, bool *direct)
{
  if (!zram->writeback)
    return NULL;
  *direct = store_is_direct (zram->writeback->store);
  return store_engine_name (zram->writeback->store);
}

uint64_t
zram_writeback_limit (const struct zram *zram, bool *enabled)
{
  if (!zram->writeback) {
    *enabled = false;
    return 0;
  }
  *enabled = zram->writeback->budget.enabled;
  return zram->writeback->budget.bytes;
}

void
writeback_stats (struct writeback *writeback, struct zram_stats *stats)
{
  struct segments_stats segments;
  struct store_stats store;

  segments_stats (writeback->segments, &segments);
  store_stats (writeback->store, &store);
  stats->bd_writes = store.written_bytes;
  stats->bd_write_errors = store.write_errors;
  stats->bd_read_errors = store.read_errors;
  stats->bd_live = segments.live;
  stats->bd_dead = segments.dead;
  stats->bd_segments = segments.total;
  stats->bd_free_segments = segments.free;
}
