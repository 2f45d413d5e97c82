/* SPDX-License-Identifier: BSD-3-Clause */
/* Recompression.
 *
 * Problem.  A better algorithm takes up to a thousand times longer than a read
 * may wait.
 *
 * Idea.  Nothing is locked but to copy an object out, and to put another in its
 * place; and what takes the time is done by threads that run when nobody else
 * wants to:
 *
 *   the run's thread      [lock slot: mark, copy object]  restore page
 *   a background worker   compress it
 *   the run's thread      allocate, copy in
 *                         [lock slot: still marked? swap old for new]  free old
 *
 * A page that somebody uses meanwhile loses its mark (postprocess.h), and is
 * left alone.  The workers hold no lock but that of a stream that only they
 * use: whoever holds a lock and is kept from running holds up the I/O.
 *
 * Several pages are in hand at a time, in a ring:
 *
 *   jobs    put back | oldest ... being compressed ... newest | free
 *
 * Invariants:
 *   - each page in hand is put back once, whatever fails, and is not taken
 *     again before;
 *   - a new object is either installed or freed;
 *   - pages that are tried are never more than max_pages.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "completion.h"
#include "pageio.h"
#include "postprocess.h"
#include "recompress.h"
#include "run.h"
#include "selection.h"
#include "slottable.h"
#include "vmem.h"
#include "workpool.h"
#include "zcomp.h"
#include "zsmalloc.h"

/* While the reserve is empty that the pool grows from, a run waits for so many
 * moments; swap's own writes come first. */
#define PATIENCE 100U

/* Pages in hand for each worker: the one that it compresses, and some for it to
 * go on with while the run's thread does something else. */
#define JOBS_PER_THREAD 4U

/* A page in hand. */
struct job {
  struct work work;
  struct completion completion;
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
  struct recompress *ring;
  unsigned oldest;  /* job in hand */
  unsigned in_hand; /* so many jobs */
  const struct zram_recompress *what;
  const struct run *run;
  struct zram_recompressed *done;
  struct selection selection;
  uint64_t total; /* pages to try, as far as one knew at its start */
  int error;      /* the first that ends it */
};

struct recompress {
  struct workpool *pool; /* NULL: a run compresses by itself */
  unsigned nr_jobs;
  struct job jobs[];
};

static size_t
size_of_ring (unsigned nr_jobs)
{
  return sizeof (struct recompress) + nr_jobs * sizeof (struct job);
}

int
recompress_create (struct recompress **recompressp, struct workpool *pool)
{
  const unsigned threads = workpool_threads (pool);
  const unsigned nr_jobs = threads > 0 ? threads * JOBS_PER_THREAD : 1;
  struct recompress *const recompress = vmem_reserve (size_of_ring (nr_jobs));
  int r = recompress ? vmem_open (recompress, size_of_ring (nr_jobs)) : -ENOMEM;

  if (r < 0) {
    vmem_release (recompress, size_of_ring (nr_jobs));
    return r;
  }
  recompress->pool = pool;
  recompress->nr_jobs = nr_jobs;
  *recompressp = recompress;
  return 0;
}

int
recompress_populate (struct recompress *recompress)
{
  return vmem_populate (recompress, size_of_ring (recompress->nr_jobs));
}

void
recompress_destroy (struct recompress *recompress)
{
  if (!recompress)
    return;
  vmem_release (recompress, size_of_ring (recompress->nr_jobs));
}

/* zram's rules for a candidate; threshold 0 is below every length. */
static bool
is_candidate (const void *arg, uint32_t flags)
{
  const struct zram_recompress *const what = arg;

  return slot_in_pool (flags) && !(flags & SLOT_INCOMPRESSIBLE) &&
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

/* What a worker does; it may not look at the job again. */
static void
compress (struct work *work)
{
  struct job *const job = WORK_OWNER (work, struct job);
  struct zcomp_stream *const stream =
      zcomp_stream_get (job->comp, ZCOMP_COMPRESS);

  job->result = zcomp_compress (stream, job->page, job->object, ZRAM_PAGE_SIZE,
                                &job->len);
  zcomp_stream_put (stream);
  completion_complete (&job->completion);
}

/* Room for the new object.  While there is none in reserve the run waits, with
 * nothing locked. */
static int
allocate (struct recompression *r, const struct job *job, uint64_t *handle)
{
  const struct timespec moment = {.tv_nsec = 10000000};
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
    /* No room at the limit, or in reserve: other pages may find some, and this
     * one, idle as ever, another time. */
    page_let_be (zram, job->index);
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

/* A page that was compressed goes back. */
static void
put_back (struct recompression *r, const struct job *job)
{
  const bool fits = job->result == 0 || job->result == -ENOSPC;

  if (job->result == 0 && is_gain (r->what, job->len, slot_size (job->flags)))
    install (r, job);
  else
    page_tried (r->zram, job->index,
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
  e = page_restore (r->zram, slot_priority (job->flags), job->object,
                    slot_size (job->flags), job->page);
  if (e == 0)
    return true;
  page_let_be (r->zram, index);
  fail (r, e);
  return false;
}

/* Put the oldest page in hand back when it has been compressed; of a run that
 * is to end, those that nobody compresses yet are not. */
static void
reap (struct recompression *r)
{
  struct job *const job = &r->ring->jobs[r->oldest];
  const bool ends = r->error < 0 || run_stopped (r->run);

  if (ends && workpool_cancel (r->ring->pool, WORK_BACKGROUND, &job->work))
    page_let_be (r->zram, job->index);
  else {
    completion_wait (&job->completion);
    put_back (r, job);
  }
  r->oldest = (r->oldest + 1) % r->ring->nr_jobs;
  r->in_hand--;
}

/* Let a worker compress JOB's page, which is in hand.  Where others have filled
 * the queue, those that this run has there come first. */
static void
submit (struct recompression *r, struct job *job)
{
  while (!workpool_submit (r->ring->pool, WORK_BACKGROUND, &job->work))
    if (r->in_hand > 0)
      reap (r);
    else {
      compress (&job->work);
      break;
    }
  r->in_hand++;
}

/* The job after the newest, which is free. */
static struct job *
free_job (struct recompression *r)
{
  struct recompress *const ring = r->ring;
  struct job *const job = &ring->jobs[(r->oldest + r->in_hand) % ring->nr_jobs];

  job->work = (struct work){.fn = compress};
  job->completion = (struct completion){0};
  job->comp = r->zram->comps[r->what->priority];
  return job;
}

static uint64_t
left_to_take (const struct recompression *r)
{
  return r->what->max_pages - r->done->tried - r->in_hand;
}

/* All are put back at its end.  Were a page still in hand that was written
 * meanwhile, the next group could take it once more, and mark it: and what was
 * made of its old content would be taken for its present one. */
static void
recompress_group (struct recompression *r)
{
  uint64_t index;

  while (r->error == 0 && left_to_take (r) > 0 &&
         selection_next (&r->selection, r->run, &index)) {
    struct job *const job = free_job (r);

    if (take (r, job, index))
      submit (r, job);
    if (r->in_hand == r->ring->nr_jobs)
      reap (r);
  }
  while (r->in_hand > 0)
    reap (r);
}

static void
recompress_pages (struct recompression *r)
{
  while (r->error == 0 && left_to_take (r) > 0 && !run_stopped (r->run) &&
         selection_next_group (&r->selection, left_to_take (r)))
    recompress_group (r);
}

/* Between run_begin and run_end. */
static int
do_run (struct recompression *r)
{
  int e = zcomp_prepare (r->zram->comps[r->what->priority]);

  if (e < 0)
    return e;
  e = selection_begin (&r->selection, r->zram, 0,
                       r->zram->disksize >> ZRAM_PAGE_SHIFT, is_candidate,
                       r->what, r->run);
  if (e < 0)
    return e;
  r->total = r->selection.candidates < r->what->max_pages
                 ? r->selection.candidates
                 : r->what->max_pages;
  recompress_pages (r);
  if (r->error == 0 && run_stopped (r->run))
    r->error = -EINTR;
  return r->error;
}

int
zram_recompress (struct zram *zram, const struct zram_recompress *what,
                 const struct run *run, struct zram_recompressed *done)
{
  struct recompression r = {.zram = zram,
                            .ring = zram->recompress,
                            .what = what,
                            .run = run,
                            .done = done};
  int e;

  *done = (struct zram_recompressed){0};
  if (what->priority == 0 || what->priority >= ZRAM_PRIORITIES ||
      !zram->comps[what->priority] || what->threshold >= zs_huge_size ())
    return -EINVAL;
  e = run_begin (zram, run);
  if (e < 0)
    return e;
  e = do_run (&r);
  run_end (zram);
  /* Small holes everywhere are what is left of long objects. */
  background_wake (&zram->background);
  return e;
}
