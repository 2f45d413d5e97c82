/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading back.
 *
 * Problem.  While an object is on its way from the store, the page may be
 * written, freed, written back once more or moved by cleaning; and its place in
 * the store may be used for another.
 *
 * Idea.  The place is pinned before the slot is let go: nothing else is put
 * there.  So, when the object has come, a slot with the same word is the same
 * object; with any other, the read begins again with what the slot holds then
 * (tests/models/writtenback.pml goes through all orders):
 *
 *   [lock slot: pin place, note word] -> read from store -> [lock slot: same
 *   word?] --yes--> check, decompress, unpin
 *       |no
 *     unpin, begin again
 *
 * Who has the request waits for the store and restores its pages, one after
 * the other: he would have to be woken in any case, and to wake a worker beside
 * takes longer than a page does (perf.md 4).
 *
 * Invariants:
 *   - a place that is pinned is unpinned once;
 *   - nobody waits for a buffer while he has one that is idle;
 *   - no slot is held while something is waited for.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "completion.h"
#include "packed.h"
#include "pageio.h"
#include "readback.h"
#include "segments.h"
#include "slottable.h"
#include "store.h"
#include "vmem.h"
#include "writeback.h"
#include "zcomp.h"

/* What is in flight at once, at most. */
#define NR_READBACKS 64U

/* An object that begins near the end of a block ends in the next but one. */
#define MAX_BLOCK   4096U
#define BUFFER_SIZE ((size_t) 3 * MAX_BLOCK)

/* Damage is told of once in so many milliseconds: whoever may read could fill
 * the log. */
#define TELL_MS 1000U

_Static_assert(PACKED_MAX + MAX_BLOCK <= BUFFER_SIZE, "an object fits");

struct readback {
  struct store_op op; /* first: see came */
  struct completion completion;
  struct readback *next;
  uint64_t index;
  uint64_t word; /* the slot's, when it was let go */
  bool impatient;
  char *dst;
  unsigned offset, len; /* of the page, what goes there */
  char *buffer;
};

struct readback_pool {
  struct store *store;
  unsigned max_waiters;
  _Atomic unsigned waiters; /* requests that read from the store */

  pthread_mutex_t lock;
  pthread_cond_t more;
  struct readback *free;
  uint64_t told;   /* when damage was told of, in milliseconds; 0: never */
  uint64_t untold; /* reads that met some since then */
  char *buffers;
  struct readback all[NR_READBACKS];
};

uint64_t
readback_pool_bytes (void)
{
  return NR_READBACKS * BUFFER_SIZE;
}

int
readback_pool_create (struct readback_pool **poolp, struct store *store,
                      unsigned waiters)
{
  struct readback_pool *pool;

  if (store_block (store) > MAX_BLOCK)
    return -EINVAL;
  pool = calloc (1, sizeof *pool);
  if (!pool)
    return -ENOMEM;
  pool->store = store;
  pool->max_waiters = waiters;
  pthread_mutex_init (&pool->lock, NULL);
  pthread_cond_init (&pool->more, NULL);
  pool->buffers = vmem_reserve (readback_pool_bytes ());
  if (!pool->buffers || vmem_open (pool->buffers, readback_pool_bytes ()) < 0) {
    readback_pool_destroy (pool);
    return -ENOMEM;
  }
  for (unsigned i = 0; i < NR_READBACKS; i++) {
    pool->all[i].buffer = pool->buffers + i * BUFFER_SIZE;
    pool->all[i].next = pool->free;
    pool->free = &pool->all[i];
  }
  *poolp = pool;
  return 0;
}

int
readback_pool_populate (struct readback_pool *pool)
{
  return vmem_populate (pool->buffers, readback_pool_bytes ());
}

void
readback_pool_destroy (struct readback_pool *pool)
{
  if (!pool)
    return;
  vmem_release (pool->buffers, readback_pool_bytes ());
  pthread_cond_destroy (&pool->more);
  pthread_mutex_destroy (&pool->lock);
  free (pool);
}

/* The caller has the lock. */
static struct readback *
do_take (struct readback_pool *pool)
{
  struct readback *const readback = pool->free;

  if (readback)
    pool->free = readback->next;
  return readback;
}

/* One that is free; NULL: there is none. */
static struct readback *
try_free (struct readback_pool *pool)
{
  struct readback *readback;

  pthread_mutex_lock (&pool->lock);
  readback = do_take (pool);
  pthread_mutex_unlock (&pool->lock);
  return readback;
}

/* The caller has the lock. */
static void
do_wait_a_little (struct readback_pool *pool)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec++;
  pthread_cond_clockwait (&pool->more, &pool->lock, CLOCK_MONOTONIC, &until);
}

/* The next that is free; NULL: while the store is away, IMPATIENT does not wait
 * for it. */
static struct readback *
wait_free (struct readback_pool *pool, bool impatient)
{
  struct readback *readback;

  pthread_mutex_lock (&pool->lock);
  while (!(readback = do_take (pool)) &&
         !(impatient && store_is_away (pool->store)))
    do_wait_a_little (pool);
  pthread_mutex_unlock (&pool->lock);
  return readback;
}

/* A request reads from the store.  Is it one too many to wait for long? */
static bool
enter (struct readback_pool *pool)
{
  return atomic_fetch_add_explicit (&pool->waiters, 1, memory_order_relaxed) >=
         pool->max_waiters;
}

static void
leave (struct readback_pool *pool)
{
  atomic_fetch_sub_explicit (&pool->waiters, 1, memory_order_relaxed);
}

static void
put_free (struct readback_pool *pool, struct readback *readback)
{
  pthread_mutex_lock (&pool->lock);
  readback->next = pool->free;
  pool->free = readback;
  pthread_cond_signal (&pool->more);
  pthread_mutex_unlock (&pool->lock);
}

static void
came (struct store_op *op)
{
  completion_complete (&((struct readback *) op)->completion);
}

/* Make the request to the store for the object that WORD names. */
static void
prepare (struct zram *zram, struct readback *readback, uint64_t word)
{
  const uint64_t block = store_block (zram->writeback->store);
  const uint64_t where = slot_wb_where (word);
  const uint64_t from = where / block * block;
  const uint64_t end = where + packed_size (slot_wb_len (word));

  readback->word = word;
  readback->completion = (struct completion){0};
  readback->op = (struct store_op){
      .buf = readback->buffer,
      .offset = from,
      .len = (uint32_t) ((end - from + block - 1) / block * block),
      .impatient = readback->impatient,
      .done = came,
  };
}

/* Is damage to be told of now?  Then *UNTOLD is how often it was not since it
 * last was. */
static bool
may_tell (struct readback_pool *pool, uint64_t *untold)
{
  const uint64_t now = clock_ms ();

  pthread_mutex_lock (&pool->lock);
  const bool may = pool->told == 0 || now - pool->told >= TELL_MS;

  *untold = pool->untold;
  pool->untold = may ? 0 : pool->untold + 1;
  if (may)
    pool->told = now;
  pthread_mutex_unlock (&pool->lock);
  return may;
}

static void
complain (const struct zram *zram, uint64_t index, uint64_t where)
{
  char line[192];
  uint64_t untold;
  int len;

  stats_add (&zram->stats, BD_CHECKSUM_ERRORS, 1);
  if (!zram->complain || !may_tell (zram->writeback->readbacks, &untold))
    return;
  len = snprintf (line, sizeof line,
                  "page %" PRIu64 ": byte %" PRIu64 " of the backing store: "
                  "this is not what was put there",
                  index, where);
  if (untold > 0)
    snprintf (line + len, sizeof line - (size_t) len,
              "; nor was it at %" PRIu64 " reads since the last such line",
              untold);
  zram->complain (line);
}

/* The page of the object that has come, which was made by the algorithm of
 * PRIORITY. */
static int
restore (struct zram *zram, const struct readback *readback, unsigned priority,
         char *page)
{
  const uint64_t where = slot_wb_where (readback->word);
  const uint32_t len = slot_wb_len (readback->word);
  const char *const at =
      readback->buffer + (size_t) (where - readback->op.offset);
  const uint64_t seed = segments_seed (zram->writeback->segments, where);

  if (readback->op.result < 0)
    return -EIO;
  if (!packed_check (at, packed_size (len), seed, (uint32_t) readback->index,
                     len)) {
    complain (zram, readback->index, where);
    return -EIO;
  }
  stats_add (&zram->stats, BD_READS, 1);
  return page_restore (zram, priority, at + PACKED_HEADER, len, page);
}

/* The part of the page that was asked for. */
static int
deliver (struct zram *zram, const struct readback *readback, unsigned priority)
{
  char page[ZRAM_PAGE_SIZE];
  int r;

  if (readback->len == ZRAM_PAGE_SIZE)
    return restore (zram, readback, priority, readback->dst);
  r = restore (zram, readback, priority, page);
  if (r == 0)
    memcpy (readback->dst, page + readback->offset, readback->len);
  return r;
}

/* Pin the place that slot INDEX names, if it was written back: its word; 0: it
 * is not there, or not any more. */
static uint64_t
pin_place (struct zram *zram, uint64_t index)
{
  uint64_t word = 0;
  uint32_t flags;
  struct slot *const slot = slot_borrow (zram->table, index, &flags);

  if (!slot)
    return 0;
  if (flags & SLOT_WB) {
    word = atomic_load_explicit (&slot->word, memory_order_relaxed);
    segments_pin (zram->writeback->segments, slot_wb_where (word));
  }
  slot_return (zram->table, index, slot, flags);
  return word;
}

#define FROM_STORE 1

/* Read the page now, or prepare to get it: FROM_STORE. */
static int
begin (struct zram *zram, struct readback *readback)
{
  for (;;) {
    const int r = readback->len == ZRAM_PAGE_SIZE
                      ? page_read (zram, readback->index, readback->dst)
                      : page_read_part (zram, readback->index, readback->offset,
                                        readback->len, readback->dst);
    uint64_t word;

    if (r != -EAGAIN)
      return r;
    word = pin_place (zram, readback->index);
    if (word != 0) {
      prepare (zram, readback, word);
      return FROM_STORE;
    }
  }
}

/* Is the slot as it was when its place was pinned?  It has been read then. */
static bool
is_unchanged (struct zram *zram, const struct readback *readback,
              unsigned *priority)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (zram->table, readback->index, &flags);
  bool same;

  if (!slot)
    return false;
  same = flags & SLOT_WB &&
         atomic_load_explicit (&slot->word, memory_order_relaxed) ==
             readback->word;
  if (same)
    flags = slot_access (slot, flags);
  slot_return (zram->table, readback->index, slot, flags);
  *priority = slot_priority (flags);
  return same;
}

/* Wait for what was sent, until the page is there. */
static int
finish (struct zram *zram, struct readback *readback)
{
  unsigned priority;
  bool same;
  int r;

  do {
    const uint64_t where = slot_wb_where (readback->word);

    completion_wait (&readback->completion);
    same = is_unchanged (zram, readback, &priority);
    r = same ? deliver (zram, readback, priority) : 0;
    segments_unpin (zram->writeback->segments, where);
    if (!same) {
      r = begin (zram, readback);
      if (r == FROM_STORE)
        store_submit (zram->writeback->store, &readback->op);
    }
  } while (r == FROM_STORE);
  return r;
}

static void
send_requests (struct zram *zram, struct readbacks *readbacks)
{
  struct store_op *const ops = readbacks->unsent;

  readbacks->unsent = NULL;
  if (ops)
    store_submit (zram->writeback->store, ops);
}

static void
append (struct readbacks *readbacks, struct readback *readback)
{
  readback->next = NULL;
  if (readbacks->first)
    readbacks->last->next = readback;
  else
    readbacks->first = readback;
  readbacks->last = readback;
  if (readbacks->unsent)
    readbacks->last_unsent->next = &readback->op;
  else
    readbacks->unsent = &readback->op;
  readbacks->last_unsent = &readback->op;
}

/* Finish the first of them, which is idle then. */
static struct readback *
finish_first (struct zram *zram, struct readbacks *readbacks, int *r)
{
  struct readback *const readback = readbacks->first;

  send_requests (zram, readbacks);
  *r = finish (zram, readback);
  readbacks->first = readback->next;
  return readback;
}

int
readbacks_add (struct zram *zram, struct readbacks *readbacks, uint64_t index,
               unsigned offset, unsigned len, void *dst)
{
  struct readback_pool *const pool = zram->writeback->readbacks;
  struct readback *readback = try_free (pool);
  int r = 0;

  if (!readbacks->entered) {
    readbacks->entered = true;
    readbacks->impatient = enter (pool);
  }
  if (!readback)
    readback = readbacks->first ? finish_first (zram, readbacks, &r)
                                : wait_free (pool, readbacks->impatient);
  if (!readback)
    return -EIO;
  readback->impatient = readbacks->impatient;
  readback->index = index;
  readback->offset = offset;
  readback->len = len;
  readback->dst = dst;
  if (r == 0)
    r = begin (zram, readback);
  if (r != FROM_STORE) {
    put_free (pool, readback);
    return r;
  }
  append (readbacks, readback);
  return 0;
}

int
readbacks_finish (struct zram *zram, struct readbacks *readbacks, int r)
{
  while (readbacks->first) {
    int one;
    struct readback *const readback = finish_first (zram, readbacks, &one);

    put_free (zram->writeback->readbacks, readback);
    if (r == 0)
      r = one;
  }
  if (readbacks->entered)
    leave (zram->writeback->readbacks);
  readbacks->entered = false;
  return r;
}

int
readback_page (struct zram *zram, uint64_t index, uint32_t flags, uint64_t word,
               void *page)
{
  struct readback_pool *const pool = zram->writeback->readbacks;
  const bool impatient = enter (pool);
  struct readback *const readback = wait_free (pool, impatient);
  int r = -EIO;

  if (readback) {
    readback->impatient = impatient;
    readback->index = index;
    prepare (zram, readback, word);
    store_submit (zram->writeback->store, &readback->op);
    completion_wait (&readback->completion);
    r = restore (zram, readback, slot_priority (flags), page);
    put_free (pool, readback);
  }
  leave (pool);
  return r;
}
