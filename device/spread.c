/* SPDX-License-Identifier: BSD-3-Clause */
/* Spreading a request.
 *
 *   request   |piece|piece|piece|piece|piece|piece|
 *                                ^ next: the caller and its helpers each take
 *                                  the next one until there are no more
 *
 * All of it lies on the caller's stack, so he waits for each helper that has
 * begun; one that has not is called back, and so a request never waits for
 * workers that are busy with others.  With a threshold of 0 the caller takes
 * nothing: that is for tests, and to measure what it costs.
 *
 * A helper does not wait for the pool's reserve: whoever waits is counted, and
 * keeps others from it.  Nor does it wait for the backing store, which others
 * would have to wait for then.  It leaves its piece to the caller.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "compiler.h"
#include "completion.h"
#include "page.h"
#include "pageio.h"
#include "readback.h"
#include "spread.h"
#include "workpool.h"

/* A piece is long enough that taking it costs nothing beside it. */
#define PIECE_PAGES 4U

/* The most helpers that a request has: they lie on the stack. */
#define MAX_HELPERS 32U

struct request {
  struct zram *zram;
  spread_fn fn;
  struct readbacks *readbacks; /* the caller's */
  char *buf;
  uint64_t count, offset;
  uint64_t piece;        /* bytes, of all but the first and the last */
  _Atomic uint64_t next; /* bytes from OFFSET */
  _Atomic int error;
};

/* A part of the request: LEN bytes from FROM on; LEN is 0: there is none. */
struct piece {
  uint64_t from;
  uint64_t len;
};

struct helper {
  struct work work;
  struct request *request;
  struct piece left; /* what it could not do without waiting */
  struct completion completion;
};

/* Where the piece that begins at FROM ends: at a multiple of its length from
 * the start of the page that the request begins in. */
static uint64_t
end_of_piece (const struct request *request, uint64_t from)
{
  const uint64_t in_page = request->offset & (ZRAM_PAGE_SIZE - 1);
  const uint64_t end = (from + in_page) / request->piece * request->piece +
                       request->piece - in_page;

  return end < request->count ? end : request->count;
}

static struct piece
take_piece (struct request *request)
{
  uint64_t from = request->next, end;

  do {
    if (from >= request->count)
      return (struct piece){0};
    end = end_of_piece (request, from);
  } while (!atomic_compare_exchange_weak (&request->next, &from, end));
  return (struct piece){.from = from, .len = end - from};
}

/* After an error nobody takes any more. */
static void
fail (struct request *request, int error)
{
  int none = 0;

  atomic_compare_exchange_strong (&request->error, &none, error);
  request->next = request->count;
}

static int
do_piece (struct request *request, const struct piece *piece,
          struct readbacks *readbacks)
{
  return request->fn (request->zram,
                      request->buf ? request->buf + piece->from : NULL,
                      piece->len, request->offset + piece->from, readbacks);
}

static void
do_or_fail (struct request *request, const struct piece *piece)
{
  const int r = do_piece (request, piece, request->readbacks);

  if (r < 0)
    fail (request, r);
}

/* What a worker does; HELPER is gone as soon as it is complete. */
static void
help (struct work *work)
{
  struct helper *const helper = WORK_OWNER (work, struct helper);
  struct request *const request = helper->request;
  struct piece piece;
  int r = 0;

  while (r == 0 && (piece = take_piece (request)).len > 0)
    r = do_piece (request, &piece, NULL);
  if (r == -EAGAIN)
    helper->left = piece;
  else if (r < 0)
    fail (request, r);
  completion_complete (&helper->completion);
}

/* How many helpers would find something to do, beside the caller or without
 * him. */
static unsigned
count_helpers (const struct request *request, const struct spread *spread)
{
  const uint64_t pieces =
      (request->count + request->piece - 1) / request->piece;
  const uint64_t useful = spread->threshold == 0 ? pieces : pieces - 1;
  unsigned n = workpool_threads (spread->pool);

  if (n > MAX_HELPERS)
    n = MAX_HELPERS;
  return useful < n ? (unsigned) useful : n;
}

/* Let up to MAX helpers begin; returns how many there are. */
static unsigned
call_helpers (struct request *request, struct helper *helpers, unsigned max)
{
  struct workpool *const pool = request->zram->spread.pool;
  unsigned n = 0;

  for (; n < max; n++) {
    helpers[n] = (struct helper){.work.fn = help, .request = request};
    if (!workpool_submit (pool, WORK_IO, &helpers[n].work))
      break;
  }
  return n;
}

/* Do what is left, until nobody else does anything. */
static void
await (struct request *request, struct helper *helper)
{
  completion_wait (&helper->completion);
  if (helper->left.len > 0 && request->error == 0)
    do_or_fail (request, &helper->left);
}

static void
work_alone (struct request *request)
{
  struct piece piece;

  while ((piece = take_piece (request)).len > 0)
    do_or_fail (request, &piece);
}

/* The slow path: its stack is not taken where nothing is spread. */
static ZRAM_NOINLINE int
spread_pieces (struct request *request, const struct spread *spread)
{
  struct helper helpers[MAX_HELPERS];
  const bool helpers_only = spread->threshold == 0;
  const unsigned n =
      call_helpers (request, helpers, count_helpers (request, spread));

  if (n == 0 || !helpers_only)
    work_alone (request);
  for (unsigned i = 0; i < n; i++)
    if (helpers_only ||
        !workpool_cancel (spread->pool, WORK_IO, &helpers[i].work))
      await (request, &helpers[i]);
  /* All of them may have left for want of the reserve. */
  work_alone (request);
  return request->error;
}

static int
do_request (struct zram *zram, spread_fn fn, void *buf, uint64_t count,
            uint64_t offset, struct readbacks *readbacks)
{
  const struct spread *const spread = &zram->spread;
  const uint64_t least = (uint64_t) spread->threshold << ZRAM_PAGE_SHIFT;

  if (likely (!spread->pool || count < least || count == 0))
    return fn (zram, buf, count, offset, readbacks);

  struct request request = {.zram = zram,
                            .fn = fn,
                            .readbacks = readbacks,
                            .buf = buf,
                            .count = count,
                            .offset = offset,
                            .piece = (least > 0 ? PIECE_PAGES : 1) *
                                     (uint64_t) ZRAM_PAGE_SIZE};

  return spread_pieces (&request, spread);
}

int
spread_request (struct zram *zram, spread_fn fn, void *buf, uint64_t count,
                uint64_t offset)
{
  struct readbacks readbacks = {0};
  const int r = do_request (zram, fn, buf, count, offset, &readbacks);

  if (likely (!readbacks.entered))
    return r;
  return readbacks_finish (zram, &readbacks, r);
}
