/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling segments.
 *
 * Batches are a ring, and each has a buffer as long as a segment:
 *
 *   | settled, free | oldest ... in flight ... | newest, being filled |
 *
 * Invariants:
 *   - the segment that is filled has one pin of the log's, and one for each
 *     batch in it that is not settled;
 *   - an object counts as alive before it is settled: it may die at once;
 *   - behind a write that failed nothing is written in the same segment: what
 *     was there before would be taken for objects when that is cleaned, and
 *     may reach into those behind it;
 *   - every object that was put is settled once.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "seglog.h"
#include "segments.h"
#include "store.h"
#include "vmem.h"

/* How often who waits asks whether he has to. */
#define PATIENCE_MS 100U

struct batch {
  struct store_op op;
  struct completion completion;
  uint32_t segment;
  uint32_t from; /* bytes of the segment that are before it */
  uint32_t used; /* bytes of its own */
  char *buffer;
};

struct seglog {
  struct store *store;
  struct segments *segments;
  struct seglog_user user;
  bool cleaning;
  uint32_t segment; /* that is filled; 0: none */
  uint32_t filled;  /* bytes of it that are in batches which were submitted */
  unsigned oldest;  /* batch in flight */
  unsigned in_flight;
  bool filling; /* there is a batch behind them, with something in it */
  bool wanted;  /* an object of the batch that is being settled was */
  char *buffers;
  unsigned nr_batches;
  struct batch batches[];
};

static size_t
size_of_buffers (const struct seglog *log)
{
  return (size_t) log->nr_batches * segments_size (log->segments);
}

int
seglog_create (struct seglog **logp, struct store *store,
               struct segments *segments, unsigned nr_batches, bool cleaning)
{
  struct seglog *const log =
      calloc (1, sizeof *log + nr_batches * sizeof *log->batches);

  if (!log)
    return -ENOMEM;
  log->store = store;
  log->segments = segments;
  log->cleaning = cleaning;
  log->nr_batches = nr_batches;
  log->buffers = vmem_reserve (size_of_buffers (log));
  if (!log->buffers || vmem_open (log->buffers, size_of_buffers (log)) < 0) {
    seglog_destroy (log);
    return -ENOMEM;
  }
  for (unsigned i = 0; i < nr_batches; i++)
    log->batches[i].buffer =
        log->buffers + (size_t) i * segments_size (segments);
  *logp = log;
  return 0;
}

/* The one that is filled is filled no more. */
static void
let_segment_go (struct seglog *log)
{
  if (log->segment != 0)
    segments_unpin (log->segments,
                    segments_start (log->segments, log->segment));
  log->segment = 0;
  log->filled = 0;
}

void
seglog_destroy (struct seglog *log)
{
  if (!log)
    return;
  let_segment_go (log);
  vmem_release (log->buffers, size_of_buffers (log));
  free (log);
}

unsigned
seglog_batches (const struct seglog *log)
{
  return log->nr_batches;
}

int
seglog_populate (struct seglog *log)
{
  return vmem_populate (log->buffers, size_of_buffers (log));
}

void
seglog_set_user (struct seglog *log, struct seglog_user user)
{
  log->user = user;
}

/* Bytes that are written when so many are used. */
static uint32_t
whole_blocks (const struct seglog *log, uint32_t used)
{
  const uint32_t block = store_block (log->store);

  return (used + block - 1) / block * block;
}

static struct batch *
newest (struct seglog *log)
{
  return &log->batches[(log->oldest + log->in_flight) % log->nr_batches];
}

static uint64_t
batch_where (const struct seglog *log, const struct batch *batch)
{
  return segments_start (log->segments, batch->segment) + batch->from;
}

/* Call FN for each object of BATCH. */
static void
for_each_object (struct seglog *log, const struct batch *batch,
                 void (*fn) (struct seglog *log, const struct packed *header,
                             uint64_t where))
{
  struct packed header;

  for (uint32_t at = 0;
       packed_peek (batch->buffer + at, batch->used - at, &header);
       at += packed_size (header.len))
    fn (log, &header, batch_where (log, batch) + at);
}

/* What was not written is nowhere, and never was alive. */
static void
settle_unwritten (struct seglog *log, const struct packed *header,
                  uint64_t where)
{
  (void) where;
  log->user.settle (log->user.arg, header, 0);
}

static void
settle_written (struct seglog *log, const struct packed *header, uint64_t where)
{
  if (log->user.settle (log->user.arg, header, where))
    log->wanted = true;
  else
    segments_dead (log->segments, where, packed_size (header->len));
}

/* Wait for the oldest batch in flight, and if the user gives up, for none that
 * a server does not take. */
static void
await (struct seglog *log)
{
  while (
      !completion_wait_ms (&log->batches[log->oldest].completion, PATIENCE_MS))
    if (log->user.gives_up (log->user.arg))
      for (unsigned i = 0; i < log->in_flight; i++)
        log->batches[(log->oldest + i) % log->nr_batches].op.impatient = true;
}

/* Settle the oldest batch in flight. */
static void
reap (struct seglog *log)
{
  struct batch *const batch = &log->batches[log->oldest];

  await (log);
  log->wanted = false;
  if (batch->op.result == 0) {
    segments_live (log->segments, batch_where (log, batch), batch->used);
    for_each_object (log, batch, settle_written);
  }
  else {
    log->user.failed (log->user.arg, batch->op.result);
    for_each_object (log, batch, settle_unwritten);
    if (log->segment == batch->segment)
      let_segment_go (log);
  }
  if (!log->wanted)
    log->user.charge (log->user.arg, -(int64_t) batch->op.len);
  segments_unpin (log->segments, batch_where (log, batch));
  log->oldest = (log->oldest + 1) % log->nr_batches;
  log->in_flight--;
}

static void
written (struct store_op *op)
{
  struct batch *const batch = (struct batch *) op;

  completion_complete (&batch->completion);
}

/* Write the batch that is filled. */
static void
submit (struct seglog *log)
{
  struct batch *const batch = newest (log);
  const uint32_t len = whole_blocks (log, batch->used);

  memset (batch->buffer + batch->used, 0, len - batch->used);
  batch->completion = (struct completion){0};
  batch->op = (struct store_op){.buf = batch->buffer,
                                .offset = batch_where (log, batch),
                                .len = len,
                                .write = true,
                                .done = written};
  log->filled = batch->from + len;
  log->filling = false;
  log->in_flight++;
  log->user.charge (log->user.arg, len);
  store_submit (log->store, &batch->op);
}

static bool
fits (struct seglog *log, uint32_t size)
{
  const struct batch *const batch = newest (log);

  return batch->from + batch->used + size <= segments_size (log->segments);
}

/* Have a segment with room for SIZE bytes behind what is filled. */
static int
open_segment (struct seglog *log, uint32_t size)
{
  if (log->segment != 0 && log->filled + size <= segments_size (log->segments))
    return 0;
  let_segment_go (log);
  return segments_claim (log->segments, log->cleaning, &log->segment);
}

static int
begin_batch (struct seglog *log, uint32_t size)
{
  struct batch *batch;
  int r;

  if (log->in_flight == log->nr_batches)
    reap (log);
  r = open_segment (log, size);
  if (r < 0)
    return r;
  batch = newest (log);
  batch->segment = log->segment;
  batch->from = log->filled;
  batch->used = 0;
  segments_pin (log->segments, batch_where (log, batch));
  log->filling = true;
  return 0;
}

uint64_t
seglog_cost (struct seglog *log, uint32_t len)
{
  const uint32_t size = packed_size (len);

  if (!log->filling)
    return whole_blocks (log, size);
  if (fits (log, size))
    return whole_blocks (log, newest (log)->used + size);
  return whole_blocks (log, newest (log)->used) + whole_blocks (log, size);
}

int
seglog_put (struct seglog *log, uint32_t owner, uint16_t tag,
            const void *object, uint32_t len)
{
  const uint32_t size = packed_size (len);
  struct batch *batch;

  if (log->filling && !fits (log, size))
    submit (log);
  if (!log->filling) {
    const int r = begin_batch (log, size);

    if (r < 0)
      return r;
  }
  batch = newest (log);
  packed_put (batch->buffer + batch->used,
              segments_seed (log->segments, batch_where (log, batch)), owner,
              tag, object, len);
  batch->used += size;
  return 0;
}

void
seglog_flush (struct seglog *log)
{
  if (log->filling)
    submit (log);
  while (log->in_flight > 0)
    reap (log);
}
