/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool from inside, for the files of allocator/ only. */
#ifndef ZRAM_ZSPOOL_H
#define ZRAM_ZSPOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "lockdep.h"
#include "page.h"
#include "vmem.h"
#include "zsbins.h"
#include "zsblock.h"
#include "zsmalloc.h"

/* Raw pages to a zspage, and the granules from one to the next. */
#define RAW_PER_ZSPAGE (ZSPAGE_SIZE / ZRAM_PAGE_SIZE)
#define RAW_GRANULES   (ZRAM_PAGE_SIZE / ZS_GRANULE)

/* Emptied zspages that are kept when nobody asks for a reserve: half a MiB. */
#define ZS_KEEP_EMPTY 8

enum zspage_kind {
  ZSPAGE_UNUSED, /* in no shard: kept in reserve, or no memory behind it */
  ZSPAGE_BLOCKS,
  ZSPAGE_RAW
};

/* What is known of a zspage outside it.  The links are zspage indexes, 0: the
 * end; raw zspages that are not full have one list for each number of pages in
 * them, unused ones have the pool's two. */
struct zspage {
  uint32_t next;
  uint32_t prev;
  uint16_t raw_used; /* ZSPAGE_RAW: bit i: place i is taken */
  uint16_t fullness; /* in granules, when the run of compaction last looked */
  _Atomic uint8_t kind;
  _Atomic uint8_t shard; /* whose lock guards all this; fixed while in use */
  bool leaving;          /* being emptied: its holes are in no bin or list */
};

/* A part of the pool with a lock of its own: some of the zspages in use, and
 * their holes, in bytes, of block zspages and of raw ones. */
struct zs_shard {
  _Alignas(ZRAM_CACHE_LINE) pthread_mutex_t lock;
  _Atomic uint64_t size[2];     /* of its zspages; the two change under the */
  _Atomic uint64_t holes[2];    /* lock, and are read without */
  uint32_t raw[RAW_PER_ZSPAGE]; /* lists, by how many places are taken */
  struct zs_bins bins;
};

/* Which shard the threads of a CPU ask first, for blocks and for raw pages, and
 * how often they have asked: other shards' numbers are looked at once in a
 * while, because each look takes their cache line away from them. */
struct zs_choice {
  _Alignas(ZRAM_CACHE_LINE) _Atomic uint32_t first[2];
  _Atomic uint32_t turns;
};

/* A list of unused zspages. */
struct zs_index_list {
  uint32_t first;
  _Atomic uint32_t count;
};

struct zs_pool {
  const void *domain;
  uint32_t max_zspages; /* indexes are 1 to this, less one */
  unsigned nr_shards;
  struct zs_shard *shards;
  struct zs_choice *choices; /* as many */

  /* Three runs of addresses, indexed by zspage. */
  char *base; /* the zspages themselves */
  struct zspage *zspages;
  zs_word *raw_tags; /* RAW_PER_ZSPAGE for each */

  /* How objects are moved; NULL: they stay where they are. */
  zs_relocate_fn relocate;
  void *relocate_arg;

  pthread_mutex_t grow_lock;    /* one thread at a time makes the pool longer */
  pthread_mutex_t compact_lock; /* held while a zspage is leaving */
  atomic_flag compacting;       /* a run is under way */

  _Atomic uint64_t used; /* bytes of the zspages in shards */
  _Atomic uint64_t max_used;
  _Atomic uint64_t limit;
  struct zs_budget *budget; /* NULL: none */
  uint64_t min;             /* ... of which so much is ours, used or not */
  _Atomic uint64_t pages_compacted;

  _Alignas(ZRAM_CACHE_LINE) pthread_mutex_t index_lock;
  _Atomic uint32_t frontier;    /* no zspage from here on was ever used */
  struct zs_index_list unused;  /* no memory behind them */
  struct zs_index_list reserve; /* memory behind them, not counted as used */
  uint32_t reserve_target;
  _Atomic uint64_t reserve_taken; /* how many have been, in all */
  _Atomic uint32_t reserve_least; /* that was left when one was taken */
  uint32_t opened;        /* zspages from here on cannot be described yet */
  bool reserve_only;      /* the pool grows from the reserve only */
  _Atomic uint32_t *wake; /* of whoever refills the reserve; may be NULL */
};

/* All that takes the pool's locks, here and nowhere else.  The index lock is of
 * the shards' class: no thread holds two of them. */

static inline void
zs_mutex_lock (const struct zs_pool *pool, pthread_mutex_t *mutex,
               enum lock_class class)
{
  lockdep_acquire (pool->domain, class);
  pthread_mutex_lock (mutex);
}

static inline bool
zs_mutex_trylock (const struct zs_pool *pool, pthread_mutex_t *mutex,
                  enum lock_class class)
{
  if (pthread_mutex_trylock (mutex) != 0)
    return false;
  lockdep_acquired_try (pool->domain, class);
  return true;
}

static inline void
zs_mutex_unlock (const struct zs_pool *pool, pthread_mutex_t *mutex,
                 enum lock_class class)
{
  pthread_mutex_unlock (mutex);
  lockdep_release (pool->domain, class);
}

static inline void
grow_lock (struct zs_pool *pool)
{
  zs_mutex_lock (pool, &pool->grow_lock, LOCK_GROW);
}

static inline bool
grow_trylock (struct zs_pool *pool)
{
  return zs_mutex_trylock (pool, &pool->grow_lock, LOCK_GROW);
}

static inline void
grow_unlock (struct zs_pool *pool)
{
  zs_mutex_unlock (pool, &pool->grow_lock, LOCK_GROW);
}

static inline void
compact_lock (struct zs_pool *pool)
{
  zs_mutex_lock (pool, &pool->compact_lock, LOCK_COMPACT);
}

static inline void
compact_unlock (struct zs_pool *pool)
{
  zs_mutex_unlock (pool, &pool->compact_lock, LOCK_COMPACT);
}

static inline void
shard_lock (const struct zs_pool *pool, struct zs_shard *shard)
{
  zs_mutex_lock (pool, &shard->lock, LOCK_SHARD);
}

static inline void
shard_unlock (const struct zs_pool *pool, struct zs_shard *shard)
{
  zs_mutex_unlock (pool, &shard->lock, LOCK_SHARD);
}

static inline void
index_lock (struct zs_pool *pool)
{
  zs_mutex_lock (pool, &pool->index_lock, LOCK_SHARD);
}

static inline void
index_unlock (struct zs_pool *pool)
{
  zs_mutex_unlock (pool, &pool->index_lock, LOCK_SHARD);
}

static inline void
zspage_pin (const struct zs_pool *pool, zs_word *tag)
{
  lockdep_acquire (pool->domain, LOCK_ZSPAGE);
  atomic_fetch_add_explicit (tag, ZS_TAG_PIN, memory_order_acquire);
}

static inline void
zspage_unpin (const struct zs_pool *pool, zs_word *tag)
{
  atomic_fetch_sub_explicit (tag, ZS_TAG_PIN, memory_order_release);
  lockdep_release (pool->domain, LOCK_ZSPAGE);
}

/* A handle is a reference and, lowest, whether it is a raw page's. */
static inline uint64_t
zs_handle_make (zs_ref ref, bool raw)
{
  return (ref << 1) | raw;
}

static inline zs_ref
zs_handle_ref (uint64_t handle)
{
  return handle >> 1;
}

static inline bool
zs_handle_raw (uint64_t handle)
{
  return handle & 1;
}

/* The tag of the raw page at REF, which may be looked at without the lock. */
static inline zs_word *
zs_raw_tag (const struct zs_pool *pool, zs_ref ref)
{
  return &pool->raw_tags[ref / RAW_GRANULES];
}

static inline zs_word *
zs_object_tag (const struct zs_pool *pool, uint64_t handle)
{
  const zs_ref ref = zs_handle_ref (handle);

  return zs_handle_raw (handle) ? zs_raw_tag (pool, ref)
                                : zs_block (pool->base, ref);
}

static inline void *
zs_object_bytes (const struct zs_pool *pool, uint64_t handle)
{
  zs_word *const block = zs_block (pool->base, zs_handle_ref (handle));

  return zs_handle_raw (handle) ? block : block + 1;
}

/* A zspage's kind changes under its shard's lock, and is read without: who sees
 * a kind that is in use sees the shard too. */
static inline enum zspage_kind
zspage_kind (const struct zspage *zspage)
{
  return (enum zspage_kind) atomic_load_explicit (&zspage->kind,
                                                  memory_order_acquire);
}

static inline void
zspage_set_kind (struct zspage *zspage, enum zspage_kind kind)
{
  atomic_store_explicit (&zspage->kind, (uint8_t) kind, memory_order_release);
}

/* The shard that guards a zspage in use. */
static inline struct zs_shard *
zs_shard_of (const struct zs_pool *pool, uint32_t index)
{
  return &pool->shards[atomic_load_explicit (&pool->zspages[index].shard,
                                             memory_order_relaxed)];
}

static inline uint64_t
zs_shard_size (const struct zs_shard *shard, bool raw)
{
  return atomic_load_explicit (&shard->size[raw], memory_order_relaxed);
}

static inline uint64_t
zs_shard_holes (const struct zs_shard *shard, bool raw)
{
  return atomic_load_explicit (&shard->holes[raw], memory_order_relaxed);
}

/* The caller holds SHARD: its holes grow by so many BYTES. */
static inline void
zs_do_account_holes (struct zs_shard *shard, bool raw, int64_t bytes)
{
  const uint64_t holes = zs_shard_holes (shard, raw) + (uint64_t) bytes;

  atomic_store_explicit (&shard->holes[raw], holes, memory_order_relaxed);
}

/* The caller holds SHARD: LEN granules came alive in it, or died if LEN is
 * negative.  Not counted for each zspage: what describes four of them is in one
 * cache line, and they may be of four shards. */
static inline void
zs_do_account (struct zs_shard *shard, bool raw, int32_t len)
{
  zs_do_account_holes (shard, raw, -(int64_t) len * (int64_t) ZS_GRANULE);
}

/* zsmalloc.c.  The caller holds the shard's lock for all "zs_do" with a shard.
 *
 * Is zspage INDEX in use, and SHARD's? */
extern bool zs_do_owns (const struct zs_pool *pool,
                        const struct zs_shard *shard, uint32_t index);

/* Zspage INDEX, which is empty and nobody's, is SHARD's from now on. */
extern void zs_do_adopt (struct zs_pool *pool, struct zs_shard *shard,
                         uint32_t index, enum zspage_kind kind);

/* Zspage INDEX, which is empty and in no bin or list, is nobody's: the caller
 * drops the lock and calls zs_zspage_put. */
extern void
zs_do_disown (struct zs_pool *pool, struct zs_shard *shard, uint32_t index);

/* Room for an object of LEN granules, or a raw page if RAW, in the zspages that
 * there are.  False: none. */
extern bool zs_malloc_in_place (struct zs_pool *pool, uint32_t len, bool raw,
                                uint64_t owner, uint64_t *handle);

/* The same in one zspage more: 1; 0: it was not needed, since somebody has made
 * room meanwhile.  The caller holds the grow lock.  Errors as zs_malloc. */
extern int zs_do_malloc_new (struct zs_pool *pool, uint32_t len, bool raw,
                             uint64_t owner, uint64_t *handle);

/* zsindex.c: zspages that are in no shard.  Called with no shard lock held.
 *
 * Take one, with memory behind it, counted as used.  The caller holds the grow
 * lock.  -ENOSPC: the limit, or no addresses; -ENOMEM; -EAGAIN: it would have
 * to be filled, and the pool grows from its reserve only. */
extern int zs_do_zspage_get (struct zs_pool *pool, uint32_t *index);

/* If one more were taken, would there be none after it, by limit, by budget or
 * in a reserve beyond which the pool does not grow? */
extern bool zs_near_limit (struct zs_pool *pool);

/* One that was taken is not used any more: no longer count it. */
extern void zs_uncharge (struct zs_pool *pool);

/* Put an empty one, no longer counted, into the reserve, until zs_pool_shrink.
 */
extern void zs_zspage_put (struct zs_pool *pool, uint32_t index);

/* zsfree.c: zs_free; true if the object was the last in its zspage, which is
 * put back. */
extern bool zs_free_emptying (struct zs_pool *pool, uint64_t handle);

/* zsblocks.c and zsraw.c.  The caller holds the shard's lock for all of them.
 *
 * adopt: zspage INDEX, fresh from zs_do_zspage_get, is the shard's.
 * malloc: room for an object; 0: the shard has none.
 * free: true: the zspage is the shard's no more, and the caller puts it back
 *   when it has dropped the lock.
 * withdraw: take the zspage's holes out of bin and list: it is leaving, and
 *   nothing is given out in it.
 * rejoin: undo that. */
extern void zs_do_block_adopt (struct zs_pool *pool, struct zs_shard *shard,
                               uint32_t index);
extern zs_ref zs_do_block_malloc (struct zs_pool *pool, struct zs_shard *shard,
                                  uint32_t len, uint64_t owner);
extern bool
zs_do_block_free (struct zs_pool *pool, struct zs_shard *shard, zs_ref ref);
extern void zs_do_block_withdraw (struct zs_pool *pool, struct zs_shard *shard,
                                  uint32_t index);
extern void zs_do_block_rejoin (struct zs_pool *pool, struct zs_shard *shard,
                                uint32_t index);

extern void
zs_do_raw_adopt (struct zs_pool *pool, struct zs_shard *shard, uint32_t index);
extern zs_ref
zs_do_raw_malloc (struct zs_pool *pool, struct zs_shard *shard, uint64_t owner);
extern bool
zs_do_raw_free (struct zs_pool *pool, struct zs_shard *shard, zs_ref ref);
extern void zs_do_raw_withdraw (struct zs_pool *pool, struct zs_shard *shard,
                                uint32_t index);
extern void
zs_do_raw_rejoin (struct zs_pool *pool, struct zs_shard *shard, uint32_t index);

/* zsassert.c: what only a debug build looks at; a violation prints one line and
 * aborts. */
#if ZRAM_DEBUG
/* HANDLE is about to be used, as WHAT says: it may be an object's. */
extern void zs_assert_handle (const struct zs_pool *pool, uint64_t handle,
                              const char *what);

/* The caller holds the shard's lock: HANDLE is about to be freed: it is an
 * object's, and nobody has it pinned. */
extern void zs_do_assert_may_free (const struct zs_pool *pool, uint64_t handle);
#else
static inline void
zs_assert_handle (const struct zs_pool *pool, uint64_t handle, const char *what)
{
  (void) pool;
  (void) handle;
  (void) what;
}

static inline void
zs_do_assert_may_free (const struct zs_pool *pool, uint64_t handle)
{
  (void) pool;
  (void) handle;
}
#endif

#endif /* ZRAM_ZSPOOL_H */
