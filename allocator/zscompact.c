/* SPDX-License-Identifier: BSD-3-Clause */
/* Compaction: moving what is left in the emptiest zspages into the holes of the
 * others, so that whole zspages go back.
 *
 * Which.  The holes of all zspages add up to so many zspages; that many are to
 * be gained, by emptying the emptiest: that moves the least.
 *
 * How.  One object at a time, while everything else goes on:
 *
 *   zspage       withdrawn: its holes leave the bins
 *   each object  room elsewhere                       shard lock, dropped
 *                relocate: trylock the owner's slot,
 *                  still this object? not pinned?
 *                  copy, publish, unlock              slot lock only
 *                free here                            shard lock, dropped
 *   zspage       empty: put back; else it rejoins as it is
 *
 * Small objects find holes; what none is long enough for goes to a new zspage,
 * but never to more of those than were gained so far and one: without it a
 * pool of small holes could not be compacted, and with it a run never holds
 * more than a zspage over what it began with.  A run that after two of them has
 * gained nothing makes no third: where no hole takes any object, it would move
 * the whole pool from old zspages to new ones.  Nor is one made on trust that
 * somebody else could no longer have below the limit, or of the budget; and a
 * run ends when so many zspages in a row were emptied for nothing.
 *
 * An object whose owner is busy, or that nobody owns yet or any more, stays,
 * and its zspage with it; so does one that would need a zspage more while
 * somebody else makes one: compaction waits for no owner and no reader.  Others
 * wait for it as long as it takes to walk through a zspage, with its shard's
 * lock, some 3 to 20 us, or to copy an object, with its slot's, but for those
 * who would be refused because the pool cannot grow: they wait until the
 * withdrawn holes are back.  The first of them has the grow lock meanwhile,
 * which each zspage is begun under, and so does not wait for a second one.
 *
 * What it leaves.  After a random 60 % were freed the pool is 2.5 times what
 * lives, and 1.02 times after a run, which moves a quarter of it all.  Whole
 * pages strictly inside a free block could be given back without moving
 * anything: they are 30 % of what lives before a run and 0.2 % after it
 * (inner_pages of zs_pool_fragmentation), and giving them back one by one takes
 * longer than the run does.
 *
 * Why an object that was moved is the one that was meant: nothing is given out
 * in a zspage that is leaving, so a slot that names a place in it names what
 * was there before.  tests/models/zspagepin.pml goes through all orders in
 * which objects are moved, read, written and freed.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "run.h"
#include "zspool.h"

/* Zspages are taken in order of fullness, 256 granules to a step.  The last
 * steps are left out: too much to move for what it gains. */
#define STEP_SHIFT 8
#define LAST_STEP  ((ZSPAGE_GRANULES >> STEP_SHIFT) * 15 / 16)

/* Each time that so many zspages have been gone through, those that were
 * emptied go back to the system. */
#define GIVEN_BACK_EACH 64

/* How many zspages are made on trust. */
#define MOST_ADVANCED 2

/* How many zspages in a row are emptied for nothing before a run ends. */
#define MOST_VAIN 64

/* What one run has to keep in mind of one kind of zspages. */
struct compaction {
  struct zs_pool *pool;
  const struct run *caller; /* may be NULL */
  uint64_t total;           /* zspages to be gained, of both kinds */
  uint64_t before;          /* of that, of the kind that came before */
  uint64_t goal;            /* ... and of this one */
  uint32_t end;             /* zspages from here on came later */
  uint64_t emptied;         /* zspages */
  uint64_t grown;           /* zspages that were made to move objects into */
  int64_t most;             /* gained at any time of the run */
  unsigned vain;            /* zspages emptied since without gaining more */
};

enum moved {
  MOVED,
  NOT_MOVED, /* its owner is busy, or who makes the pool longer is */
  NO_ROOM
};

static inline uint32_t
step_of (const struct zspage *zspage)
{
  return zspage->fullness >> STEP_SHIFT;
}

/* The next live object of zspage INDEX from granule *AT on, which moves past
 * it; 0 at the end.  *LEN is its length in granules.  The caller holds the
 * shard. */
static uint64_t
do_next_block (const struct zs_pool *pool, uint32_t index, uint32_t *at,
               uint32_t *len)
{
  while (*at < ZSPAGE_GRANULES) {
    const zs_ref ref = zs_ref_make (index, *at);
    const uint64_t tag = zs_tag_load (zs_block (pool->base, ref));

    *len = zs_tag_len (tag);
    *at += *len;
    if (!(tag & ZS_TAG_FREE))
      return zs_handle_make (ref, false);
  }
  return 0;
}

static uint64_t
do_next_raw (const struct zs_pool *pool, uint32_t index, uint32_t *at,
             uint32_t *len)
{
  const struct zspage *const zspage = &pool->zspages[index];

  *len = RAW_GRANULES;
  while (*at < ZSPAGE_GRANULES) {
    const zs_ref ref = zs_ref_make (index, *at);

    *at += RAW_GRANULES;
    if (zspage->raw_used & 1U << (zs_ref_granule (ref) / RAW_GRANULES))
      return zs_handle_make (ref, true);
  }
  return 0;
}

static uint64_t
do_next (const struct zs_pool *pool, uint32_t index, uint32_t *at,
         uint32_t *len)
{
  return zspage_kind (&pool->zspages[index]) == ZSPAGE_RAW
             ? do_next_raw (pool, index, at, len)
             : do_next_block (pool, index, at, len);
}

/* The caller holds the shard: the granules of zspage INDEX that live. */
static uint32_t
do_used (const struct zs_pool *pool, uint32_t index)
{
  uint32_t at = 0, len = 0, used = 0;

  while (do_next (pool, index, &at, &len))
    used += len;
  return used;
}

/* The caller holds SHARD: note the fullness of zspage INDEX, if it is SHARD's
 * and of KIND; else that there is nothing to be gained. */
static void
do_note_fullness (struct zs_pool *pool, const struct zs_shard *shard,
                  uint32_t index, enum zspage_kind kind)
{
  struct zspage *const zspage = &pool->zspages[index];

  zspage->fullness = ZSPAGE_GRANULES;
  if (zs_do_owns (pool, shard, index) && zspage_kind (zspage) == kind)
    zspage->fullness = (uint16_t) do_used (pool, index);
}

/* How many zspages the holes in all of KIND add up to.  Blocks and raw pages
 * cannot take each other's holes. */
static uint64_t
possible_gain (const struct zs_pool *pool, enum zspage_kind kind)
{
  uint64_t holes = 0;

  for (unsigned i = 0; i < pool->nr_shards; i++)
    holes += zs_shard_holes (&pool->shards[i], kind == ZSPAGE_RAW);
  return holes / ZSPAGE_SIZE;
}

/* Note how full each zspage of KIND is.  A run that is stopped meanwhile looks
 * at none of them. */
static void
plan (const struct compaction *run, enum zspage_kind kind)
{
  struct zs_pool *const pool = run->pool;

  for (uint32_t i = 1; i < run->end && !run_stopped (run->caller); i++) {
    struct zs_shard *const shard = zs_shard_of (pool, i);

    shard_lock (pool, shard);
    do_note_fullness (pool, shard, i, kind);
    shard_unlock (pool, shard);
  }
}

static bool
may_grow (const struct compaction *run)
{
  return run->grown < run->emptied ||
         (run->grown == run->emptied && run->grown < MOST_ADVANCED &&
          !zs_near_limit (run->pool));
}

/* Room in a zspage more, if the run may make one: then it can be MOVED.  Who
 * grows at the limit holds the grow lock while waiting for us, so we only try;
 * whoever has it says nothing of whether there is room. */
static enum moved
malloc_growing (struct compaction *run, uint32_t len, bool raw, uint64_t owner,
                uint64_t *handle)
{
  struct zs_pool *const pool = run->pool;
  int r;

  if (!may_grow (run))
    return NO_ROOM;
  if (!grow_trylock (pool))
    return NOT_MOVED;
  r = zs_do_malloc_new (pool, len, raw, owner, handle);
  grow_unlock (pool);
  run->grown += r == 1;
  return r < 0 ? NO_ROOM : MOVED;
}

static enum moved
malloc_anywhere (struct compaction *run, uint32_t len, bool raw, uint64_t owner,
                 uint64_t *handle)
{
  return zs_malloc_in_place (run->pool, len, raw, owner, handle)
             ? MOVED
             : malloc_growing (run, len, raw, owner, handle);
}

static enum moved
move (struct compaction *run, uint64_t from, uint32_t len, uint64_t owner)
{
  struct zs_pool *const pool = run->pool;
  const bool raw = zs_handle_raw (from);
  const uint64_t grown = run->grown;
  uint64_t to;
  const enum moved moved = malloc_anywhere (run, len, raw, owner, &to);

  if (moved != MOVED)
    return moved;
  if (pool->relocate (pool->relocate_arg, owner, from, to)) {
    zs_free (pool, from);
    return MOVED;
  }
  /* What was made for it goes again, or others have taken to it. */
  if (zs_free_emptying (pool, to))
    run->grown = grown;
  return NOT_MOVED;
}

/* Move everything out of a withdrawn zspage, until something stays. */
static enum moved
move_all (struct compaction *run, struct zs_shard *shard, uint32_t index)
{
  uint32_t at = 0, len = 0;
  uint64_t from, owner = 0;
  enum moved moved = MOVED;

  do {
    shard_lock (run->pool, shard);
    from = do_next (run->pool, index, &at, &len);
    if (from)
      owner = zs_obj_owner (run->pool, from);
    shard_unlock (run->pool, shard);
    if (from)
      moved = move (run, from, len, owner);
  } while (from && moved == MOVED && !run_stopped (run->caller));
  return moved;
}

/* Withdraw zspage INDEX from SHARD if it still is of KIND, and no fuller than
 * STEP; if it is, note that. */
static bool
withdraw (struct compaction *run, struct zs_shard *shard, uint32_t index,
          enum zspage_kind kind, uint32_t step)
{
  struct zs_pool *const pool = run->pool;
  const struct zspage *const zspage = &pool->zspages[index];

  shard_lock (pool, shard);
  do_note_fullness (pool, shard, index, kind);
  const bool ours = step_of (zspage) <= step;
  if (ours && kind == ZSPAGE_RAW)
    zs_do_raw_withdraw (pool, shard, index);
  else if (ours)
    zs_do_block_withdraw (pool, shard, index);
  shard_unlock (pool, shard);
  return ours;
}

/* A withdrawn zspage is nobody's now, or goes on in its shard. */
static void
finish (struct compaction *run, struct zs_shard *shard, uint32_t index,
        bool raw)
{
  struct zs_pool *const pool = run->pool;
  struct zspage *const zspage = &pool->zspages[index];

  shard_lock (pool, shard);
  const bool emptied = do_used (pool, index) == 0;
  if (emptied) {
    zspage->leaving = false;
    zs_do_disown (pool, shard, index);
  }
  else if (raw)
    zs_do_raw_rejoin (pool, shard, index);
  else
    zs_do_block_rejoin (pool, shard, index);
  shard_unlock (pool, shard);
  if (emptied) {
    zs_zspage_put (pool, index);
    run->emptied++;
  }
}

/* Empty zspage INDEX, as far as it goes, if it is of KIND and in STEP. */
static enum moved
compact_zspage (struct compaction *run, uint32_t index, enum zspage_kind kind,
                uint32_t step)
{
  struct zs_pool *const pool = run->pool;
  struct zs_shard *const shard = zs_shard_of (pool, index);
  enum moved moved = NOT_MOVED;

  /* Who is refused holds the grow lock while it waits for us: its turn comes
   * before the next zspage. */
  grow_lock (pool);
  compact_lock (pool);
  grow_unlock (pool);
  if (withdraw (run, shard, index, kind, step)) {
    moved = move_all (run, shard, index);
    finish (run, shard, index, kind == ZSPAGE_RAW);
  }
  compact_unlock (pool);
  return moved;
}

/* After zspage by zspage: is there any sense in going on?  Not if there is no
 * room left, though before anything is gained that says little about the next;
 * and not if nothing has come of it for long. */
static bool
goes_on (struct compaction *run, enum moved moved)
{
  const int64_t gained = (int64_t) run->emptied - (int64_t) run->grown;

  if (gained > run->most) {
    run->most = gained;
    run->vain = 0;
  }
  else
    run->vain += moved == MOVED;
  return (moved != NO_ROOM || run->emptied == 0) && run->vain < MOST_VAIN;
}

/* How far the run is, in zspages gained of those that could be when it began:
 * both are known already, and what was gained at most never gets less.  The
 * emptiest zspages come first, so what comes last takes longer. */
static void
tell_gain (const struct compaction *run)
{
  const uint64_t gained = (uint64_t) run->most;

  run_progress (run->caller,
                run->before + (gained < run->goal ? gained : run->goal),
                run->total);
}

/* A kind that is through is through, whatever was gained. */
static void
tell_end (const struct compaction *run)
{
  if (!run_stopped (run->caller))
    run_progress (run->caller, run->before + run->goal, run->total);
}

/* Empty zspage INDEX, and tell.  False: the run is to end. */
static bool
compact_next (struct compaction *run, uint32_t index, enum zspage_kind kind,
              uint32_t step)
{
  const bool on = goes_on (run, compact_zspage (run, index, kind, step));

  tell_gain (run);
  return on;
}

/* Empty the zspages of KIND and STEP, until the goal is gained.  False: the run
 * is to end. */
static bool
compact_step (struct compaction *run, enum zspage_kind kind, uint32_t step)
{
  const struct zspage *const zspages = run->pool->zspages;

  for (uint32_t i = 1; i < run->end && run->emptied < run->grown + run->goal;
       i++) {
    if (step_of (&zspages[i]) == step && !run_stopped (run->caller) &&
        !compact_next (run, i, kind, step))
      return false;
    if (i % GIVEN_BACK_EACH == 0)
      zs_pool_shrink (run->pool);
  }
  return true;
}

/* Returns how many zspages were gained. */
static uint64_t
compact_kind (struct compaction *run, enum zspage_kind kind)
{
  if (run->goal == 0)
    return 0;
  plan (run, kind);
  for (uint32_t step = 0; step < LAST_STEP; step++)
    if (!compact_step (run, kind, step))
      break;
  tell_end (run);
  return run->emptied > run->grown ? run->emptied - run->grown : 0;
}

static uint64_t
compact_all (struct zs_pool *pool, const struct run *caller)
{
  struct compaction blocks = {
      .pool = pool,
      .caller = caller,
      .goal = possible_gain (pool, ZSPAGE_BLOCKS),
      .end = pool->frontier,
  };
  struct compaction raw = blocks;
  uint64_t gained;

  raw.goal = possible_gain (pool, ZSPAGE_RAW);
  raw.before = blocks.goal;
  raw.total = blocks.total = blocks.goal + raw.goal;
  gained = compact_kind (&blocks, ZSPAGE_BLOCKS);
  gained += compact_kind (&raw, ZSPAGE_RAW);
  return gained;
}

int64_t
zs_compact (struct zs_pool *pool, const struct run *run)
{
  uint64_t pages;

  lockdep_may_sleep ();
  if (!pool->relocate)
    return 0;
  if (atomic_flag_test_and_set (&pool->compacting))
    return -EBUSY;
  pages = compact_all (pool, run) * RAW_PER_ZSPAGE;
  pool->pages_compacted += pages;
  atomic_flag_clear (&pool->compacting);
  zs_pool_shrink (pool);
  return (int64_t) pages;
}

void
zs_pool_set_relocate (struct zs_pool *pool, zs_relocate_fn relocate, void *arg)
{
  pool->relocate = relocate;
  pool->relocate_arg = arg;
}

bool
zs_obj_copy (struct zs_pool *pool, uint64_t from, uint64_t to)
{
  const uint64_t tag =
      atomic_load_explicit (zs_object_tag (pool, from), memory_order_acquire);
  const size_t len = zs_handle_raw (from)
                         ? ZRAM_PAGE_SIZE
                         : (zs_tag_len (tag) - 1) * (size_t) ZS_GRANULE;

  if (tag & ZS_TAG_PINS)
    return false;
  memcpy (zs_object_bytes (pool, to), zs_object_bytes (pool, from), len);
  return true;
}
