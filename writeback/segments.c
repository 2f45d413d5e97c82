/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments.
 *
 * Problem.  Objects of any length die one by one, and a store wants to be
 * written in large pieces; a place may be read while its last object dies.
 *
 * Idea.  As a log does, with two numbers for each segment: how many bytes in it
 * are alive, and how many users keep it as it is: who fills it, who reads from
 * it, who cleans it.  It is free when both are 0, and no sooner:
 *
 *   free --claim--> pinned by who fills it --unpin--> alive --all dead--> free
 *                                                      ^  |
 *                                    readers, cleaning |  | pins
 *                                                      +--+
 *
 * Which segment to clean: that of the most (1 - u) * age / (1 + u), where u is
 * the part that is alive, which has to be read and written again, and age is
 * how many segments have been claimed since it was: what has stayed for long
 * will stay, so the place gained there is gained for long.
 *
 * One lock guards everything; it is held for a few instructions.  Only the
 * choice of a victim goes over all segments, without it, and what is found is
 * looked at once more with it.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <sys/random.h>

#include "compiler.h"
#include "lockdep.h"
#include "packed.h"
#include "segments.h"
#include "thread.h"
#include "vmem.h"

/* A store has as many segments at least, if it has room for so many. */
#define FEW 1024U

/* Bytes that may stay empty when what is alive in a segment goes elsewhere: the
 * end of the block where it ends, of 4096 at most, and the end of a segment,
 * where the next object has no room. */
#define LEFT_EMPTY ((4096U - PACKED_ALIGN) + (PACKED_MAX - PACKED_ALIGN))

_Static_assert(SEGMENT_MIN / 16 * 15 > LEFT_EMPTY, "some can be cleaned");

/* What an object's word has room for, as multiples of 8. */
#define MAX_STORE_SIZE (UINT64_C (1) << (46 + 3))

/* What it takes to look at one, in about so many ns: see thread_share. */
#define NS_PER_SEGMENT 8U

#define MIN_SEGMENTS (SEGMENTS_SPARE + 2)

struct segment {
  _Atomic uint64_t sequence; /* of its claim, from 1 on; 0: it is free */
  _Atomic uint32_t live;     /* bytes */
  _Atomic uint32_t pins;
  uint32_t next;            /* in the list of free ones; 0: the end */
  _Atomic uint32_t spoiled; /* in which of the tries */
};

struct segments {
  pthread_mutex_t lock;
  const void *domain;
  unsigned shift; /* log2 of their size */
  uint32_t total;
  uint32_t free;              /* how many are */
  uint32_t freed;             /* those that have been in use; a list */
  _Atomic uint32_t untouched; /* this one and all behind it never were */
  _Atomic uint64_t sequence;  /* the last that was given */
  _Atomic uint32_t tries;     /* from 1 on; see segments_retry */
  uint64_t run_id;            /* no two runs have the same */
  uint64_t live;              /* bytes, of all */
  struct segment *all;        /* by number; the first is none */
};

static size_t
size_of_table (uint32_t total)
{
  return ((size_t) total + 1) * sizeof (struct segment);
}

uint32_t
segments_size_for (uint64_t store_size, uint32_t piece)
{
  uint32_t size = SEGMENT_MIN;

  while (size < SEGMENT_MAX && size <= piece / 2 &&
         store_size / size / 2 >= FEW)
    size *= 2;
  return size;
}

int
segments_create (struct segments **segmentsp, uint64_t store_size,
                 uint32_t piece, const void *domain)
{
  const uint32_t size = segments_size_for (store_size, piece);
  const uint64_t places = store_size / size; /* one is the mark's */
  struct segments *segments;
  int r;

  if (places <= MIN_SEGMENTS || store_size > MAX_STORE_SIZE)
    return -EINVAL;
  segments = calloc (1, sizeof *segments);
  if (!segments)
    return -ENOMEM;
  segments->domain = domain;
  segments->shift = (unsigned) __builtin_ctz (size);
  segments->total = segments->free = (uint32_t) (places - 1);
  segments->untouched = 1;
  segments->tries = 1;
  pthread_mutex_init (&segments->lock, NULL);
  segments->all = vmem_reserve (size_of_table (segments->total));
  r = segments->all ? vmem_open (segments->all, size_of_table (segments->total))
                    : -ENOMEM;
  if (r == 0 && getrandom (&segments->run_id, sizeof segments->run_id, 0) !=
                    sizeof segments->run_id)
    r = -EIO;
  if (r < 0) {
    segments_destroy (segments);
    return r;
  }
  *segmentsp = segments;
  return 0;
}

void
segments_destroy (struct segments *segments)
{
  if (!segments)
    return;
  if (segments->all)
    vmem_release (segments->all, size_of_table (segments->total));
  pthread_mutex_destroy (&segments->lock);
  free (segments);
}

static void
lock (struct segments *segments)
{
  lockdep_acquire (segments->domain, LOCK_SEGMENTS);
  pthread_mutex_lock (&segments->lock);
}

static void
unlock (struct segments *segments)
{
  pthread_mutex_unlock (&segments->lock);
  lockdep_release (segments->domain, LOCK_SEGMENTS);
}

uint32_t
segments_size (const struct segments *segments)
{
  return 1U << segments->shift;
}

uint64_t
segments_start (const struct segments *segments, uint32_t number)
{
  return (uint64_t) number << segments->shift;
}

uint32_t
segments_at (const struct segments *segments, uint64_t where)
{
  return (uint32_t) (where >> segments->shift);
}

static struct segment *
segment_of (const struct segments *segments, uint64_t where)
{
  return &segments->all[segments_at (segments, where)];
}

/* Put SEGMENT among the free ones, if it is free now. */
static void
do_settle (struct segments *segments, uint32_t number)
{
  struct segment *const segment = &segments->all[number];

  if (segment->live > 0 || segment->pins > 0)
    return;
  segment->sequence = 0;
  segment->spoiled = 0;
  segment->next = segments->freed;
  segments->freed = number;
  segments->free++;
}

/* One that has been in use before is taken first, so that a sparse file takes
 * no more room than it must. */
static uint32_t
do_take (struct segments *segments)
{
  const uint32_t number = segments->freed;

  segments->free--;
  if (number == 0)
    return segments->untouched++;
  segments->freed = segments->all[number].next;
  return number;
}

int
segments_claim (struct segments *segments, bool cleaning, uint32_t *number)
{
  int r = -ENOSPC;

  lock (segments);
  if (segments->free > (cleaning ? 0 : SEGMENTS_SPARE)) {
    *number = do_take (segments);
    segments->all[*number].pins = 1;
    segments->all[*number].sequence = ++segments->sequence;
    r = 0;
  }
  unlock (segments);
  return r;
}

uint64_t
segments_seed (const struct segments *segments, uint64_t where)
{
  return segments->run_id + segment_of (segments, where)->sequence;
}

void
segments_live (struct segments *segments, uint64_t where, uint32_t bytes)
{
  lock (segments);
  segment_of (segments, where)->live += bytes;
  segments->live += bytes;
  unlock (segments);
}

void
segments_dead (struct segments *segments, uint64_t where, uint32_t bytes)
{
  lock (segments);
  segment_of (segments, where)->live -= bytes;
  segments->live -= bytes;
  do_settle (segments, segments_at (segments, where));
  unlock (segments);
}

void
segments_pin (struct segments *segments, uint64_t where)
{
  lock (segments);
  segment_of (segments, where)->pins++;
  unlock (segments);
}

void
segments_unpin (struct segments *segments, uint64_t where)
{
  lock (segments);
  segment_of (segments, where)->pins--;
  do_settle (segments, segments_at (segments, where));
  unlock (segments);
}

/* To clean one with as much alive gains a sixteenth; with more it may gain
 * nothing, and one would go on for ever. */
static uint32_t
most_to_move (const struct segments *segments)
{
  return segments_size (segments) / 16 * 15 - LEFT_EMPTY;
}

/* What cleaning segment NUMBER is worth; 0: nothing. */
static double
worth (const struct segments *segments, uint32_t number, uint64_t now)
{
  const struct segment *const segment = &segments->all[number];
  const uint64_t sequence = segment->sequence;
  const uint32_t live = segment->live;
  double part;

  if (sequence == 0 || live == 0 || live > most_to_move (segments) ||
      segment->pins > 0 || segment->spoiled == segments->tries)
    return 0;
  part = (double) live / segments_size (segments);
  return (1 - part) * (double) (now - sequence + 1) / (1 + part);
}

/* The one that is worth most, 0: none.  Others change meanwhile. */
static uint32_t
best_victim (const struct segments *segments, unsigned *turn)
{
  const uint32_t end = segments->untouched;
  const uint64_t now = segments->sequence;
  double most = 0;
  uint32_t best = 0;

  for (uint32_t i = 1; i < end; i++) {
    const double is = worth (segments, i, now);

    thread_share (turn, NS_PER_SEGMENT);
    if (is > most) {
      most = is;
      best = i;
    }
  }
  return best;
}

bool
segments_victim (struct segments *segments, unsigned *turn, uint32_t *number)
{
  bool still;

  do {
    *number = best_victim (segments, turn);
    if (*number == 0)
      return false;
    lock (segments);
    still = worth (segments, *number, segments->sequence) > 0;
    if (still)
      segments->all[*number].pins++;
    unlock (segments);
  } while (!still);
  return true;
}

void
segments_spoiled (struct segments *segments, uint32_t number)
{
  segments->all[number].spoiled = segments->tries;
}

void
segments_retry (struct segments *segments)
{
  segments->tries++;
}

void
segments_stats (struct segments *segments, struct segments_stats *stats)
{
  lock (segments);
  *stats = (struct segments_stats){
      .total = segments->total, .free = segments->free, .live = segments->live};
  unlock (segments);
  stats->dead =
      segments_start (segments, stats->total - stats->free) - stats->live;
}
