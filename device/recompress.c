/* SPDX-License-Identifier: BSD-3-Clause */
/* Recompression.
 *
 * Problem.  A better algorithm takes up to a thousand times longer than a read
 * may wait.
 *
 * Idea.  Nothing is locked but to copy an object out, and to put another in its
 * place:
 *
 *   [lock slot: mark, copy object]  restore page  compress it
 *   allocate, copy in  [lock slot: still marked? swap old for new]  free old
 *
 * A page that somebody uses meanwhile loses its mark (postprocess.h), and is
 * left alone.
 *
 * Invariants:
 *   - each page in hand is put back once, whatever fails;
 *   - a new object is either installed or freed;
 *   - pages that are tried are never more than max_pages.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "pageio.h"
#include "postprocess.h"
#include "recompress.h"
#include "run.h"
#include "selection.h"
#include "slottable.h"
#include "vmem.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* While the reserve is empty that the pool grows from, a run waits for so many
 * moments; swap's own writes come first. */
#define PATIENCE 100U
#define MOMENT          \
  (struct timespec)     \
  {                     \
    .tv_nsec = 10000000 \
  }

/* A page in hand. */
struct job {
  struct zcomp *comp; /* that is to compress it */
  uint64_t index;
  uint32_t flags;              /* its slot's, when it was taken */
  int result;                  /* zcomp_compress's */
  size_t len;                  /* of what that made */
  char object[ZRAM_PAGE_SIZE]; /* as it was stored; then as it may be */
  char page[ZRAM_PAGE_SIZE];
};

/* A run. */
struct recompression {
  struct zram *zram;
  const struct zram_recompress *what;
  const struct run *run;
  struct zram_recompressed *done;
  struct selection selection;
  uint64_t total; /* pages to try, as far as one knew at its start */
  int error;      /* the first that ends it */
};

struct recompress {
  pthread_mutex_t run_lock; /* held by a run, from its start to its end */
  struct job job;
};

int
recompress_create (struct recompress **recompressp)
{
  struct recompress *const recompress = vmem_reserve (sizeof *recompress);
  int r = recompress ? vmem_open (recompress, sizeof *recompress) : -ENOMEM;

  if (r < 0) {
    vmem_release (recompress, sizeof *recompress);
    return r;
  }
  pthread_mutex_init (&recompress->run_lock, NULL);
  *recompressp = recompress;
  return 0;
}

int
recompress_populate (struct recompress *recompress)
{
  return vmem_populate (recompress, sizeof *recompress);
}

void
recompress_destroy (struct recompress *recompress)
{
  if (!recompress)
    return;
  pthread_mutex_destroy (&recompress->run_lock);
  vmem_release (recompress, sizeof *recompress);
}

/* zram's rules for a candidate; threshold 0 is below every length. */
static bool
is_candidate (const void *arg, uint32_t flags)
{
  const struct zram_recompress *const what = arg;

  return slot_size (flags) > 0 && !(flags & SLOT_INCOMPRESSIBLE) &&
         (!what->idle || flags & SLOT_IDLE) &&
         (!what->huge || flags & SLOT_HUGE) &&
         slot_priority (flags) < what->priority &&
         slot_size (flags) >= what->threshold;
}

/* May LEN bytes take the place of OLD_LEN? */
static bool
is_gain (const struct zram_recompress *what, size_t len, size_t old_len)
{
  return zs_cost (len) < zs_cost (old_len) &&
         (what->threshold == 0 || len < what->threshold);
}

static bool
is_highest (const struct zram *zram, unsigned priority)
{
  while (++priority < ZRAM_PRIORITIES)
    if (zram->comps[priority])
      return false;
  return true;
}

static void
fail (struct recompression *r, int error)
{
  if (r->error == 0)
    r->error = error;
}

/* The page of the object that was copied. */
static int
restore (struct zram *zram, struct job *job)
{
  struct zcomp_stream *stream;
  int r;

  if (job->flags & SLOT_HUGE) {
    memcpy (job->page, job->object, ZRAM_PAGE_SIZE);
    return 0;
  }
  stream = zcomp_stream_get (zram->comps[slot_priority (job->flags)],
                             ZCOMP_DECOMPRESS);
  r = zcomp_decompress (stream, job->object, slot_size (job->flags), job->page);
  zcomp_stream_put (stream);
  return r;
}

static void
compress (struct job *job)
{
  struct zcomp_stream *const stream =
      zcomp_stream_get (job->comp, ZCOMP_COMPRESS);

  job->result = zcomp_compress (stream, job->page, job->object, ZRAM_PAGE_SIZE,
                                &job->len);
  zcomp_stream_put (stream);
}

/* Room for the new object.  While there is none in reserve the run waits, with
 * nothing locked. */
static int
allocate (struct recompression *r, const struct job *job, uint64_t *handle)
{
  const struct timespec moment = MOMENT;
  int e = zs_malloc (r->zram->pool, job->len, job->index, handle);

  for (unsigned i = 0; e == -EAGAIN && i < PATIENCE && !run_stopped (r->run);
       i++) {
    nanosleep (&moment, NULL);
    e = zs_malloc (r->zram->pool, job->len, job->index, handle);
  }
  return e;
}

/* Put the page back in its new form, if it was not used meanwhile. */
static void
install (struct recompression *r, const struct job *job)
{
  struct zram *const zram = r->zram;
  const size_t saved = zs_cost (slot_size (job->flags)) - zs_cost (job->len);
  uint64_t handle;
  const int e = allocate (r, job, &handle);

  if (e < 0) {
    page_let_be (zram, job->index, false);
    /* No room at the limit, or in reserve: other pages may find some. */
    if (e != -ENOSPC && e != -EAGAIN)
      fail (r, e);
    return;
  }
  zs_obj_write (zram->pool, handle, job->object, job->len);
  if (!page_replace (zram, job->index, handle, (uint32_t) job->len,
                     r->what->priority)) {
    zs_free (zram->pool, handle);
    return;
  }
  r->done->gained++;
  r->done->saved += saved;
  stats_add (&zram->stats, RECOMP_GAINED, 1);
  stats_add (&zram->stats, RECOMP_SAVED, (int64_t) saved);
}

/* The page in hand goes back. */
static void
put_back (struct recompression *r, struct job *job)
{
  const bool fits = job->result == 0 || job->result == -ENOSPC;

  if (job->result == 0 && is_gain (r->what, job->len, slot_size (job->flags)))
    install (r, job);
  else
    page_let_be (r->zram, job->index,
                 fits && is_highest (r->zram, r->what->priority));
  if (!fits)
    fail (r, job->result);
  r->done->tried++;
  stats_add (&r->zram->stats, RECOMP_TRIED, 1);
  run_progress (r->run, r->done->tried < r->total ? r->done->tried : r->total,
                r->total);
}

/* Take page INDEX in hand, if it is still a candidate. */
static bool
take (struct recompression *r, struct job *job, uint64_t index)
{
  int e;

  if (!page_take (r->zram, index, is_candidate, r->what, job->object,
                  &job->flags))
    return false;
  job->index = index;
  e = restore (r->zram, job);
  if (e == 0)
    return true;
  page_let_be (r->zram, index, false);
  fail (r, e);
  return false;
}

/* Until there are no candidates left, or enough have been tried. */
static void
recompress_pages (struct recompression *r, struct job *job)
{
  const uint64_t max_pages = r->what->max_pages;
  uint64_t index;

  while (r->error == 0 && r->done->tried < max_pages &&
         selection_next (&r->selection, max_pages - r->done->tried, r->run,
                         &index))
    if (take (r, job, index)) {
      compress (job);
      put_back (r, job);
    }
}

/* The caller has the run lock. */
static int
do_run (struct recompression *r, struct job *job)
{
  struct zcomp *const comp = r->zram->comps[r->what->priority];
  int e = zcomp_prepare (comp);

  if (e < 0)
    return e;
  e = selection_begin (&r->selection, r->zram, is_candidate, r->what, r->run);
  if (e < 0)
    return e;
  r->total = r->selection.candidates < r->what->max_pages
                 ? r->selection.candidates
                 : r->what->max_pages;
  job->comp = comp;
  recompress_pages (r, job);
  if (r->error == 0 && run_stopped (r->run))
    r->error = -EINTR;
  return r->error;
}

/* Others that want a run wait for this one, unless they are stopped. */
static int
lock_run (struct recompress *recompress, const struct run *run)
{
  const struct timespec moment = MOMENT;

  while (pthread_mutex_trylock (&recompress->run_lock) != 0) {
    if (run_stopped (run))
      return -EINTR;
    nanosleep (&moment, NULL);
  }
  return 0;
}

int
zram_recompress (struct zram *zram, const struct zram_recompress *what,
                 const struct run *run, struct zram_recompressed *done)
{
  struct recompress *const recompress = zram->recompress;
  struct recompression r = {
      .zram = zram, .what = what, .run = run, .done = done};
  int e;

  *done = (struct zram_recompressed){0};
  if (what->priority == 0 || what->priority >= ZRAM_PRIORITIES ||
      !zram->comps[what->priority] || what->threshold >= zs_huge_size ())
    return -EINVAL;
  e = lock_run (recompress, run);
  if (e < 0)
    return e;
  e = do_run (&r, &recompress->job);
  pthread_mutex_unlock (&recompress->run_lock);
  /* Small holes everywhere are what is left of long objects. */
  background_wake (&zram->background);
  return e;
}
