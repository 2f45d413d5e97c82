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
#include "zsbins.h"
#include "zsblock.h"
#include "zsmalloc.h"

/* Raw pages to a zspage, and the granules from one to the next. */
#define RAW_PER_ZSPAGE (ZSPAGE_SIZE / ZRAM_PAGE_SIZE)
#define RAW_GRANULES   (ZRAM_PAGE_SIZE / ZS_GRANULE)

/* Empty zspages that are kept: a quarter of a megabyte. */
#define ZS_KEEP_EMPTY 4

enum zspage_kind {
  ZSPAGE_UNUSED, /* no memory behind it */
  ZSPAGE_BLOCKS,
  ZSPAGE_RAW
};

/* What is known of a zspage outside it.  The links are zspage indexes, 0: the
 * end; unused zspages have one list, raw ones that are not full one for each
 * number of pages in them. */
struct zspage {
  uint32_t next;
  uint32_t prev;
  uint16_t raw_used; /* ZSPAGE_RAW: bit i: place i is taken */
  uint8_t kind;
};

struct zs_pool {
  const void *domain;
  uint32_t max_zspages; /* indexes are 1 to this, less one */

  /* Three runs of addresses, indexed by zspage. */
  char *base; /* the zspages themselves */
  struct zspage *zspages;
  zs_word *raw_tags; /* RAW_PER_ZSPAGE for each */

  pthread_mutex_t grow_lock; /* one thread at a time makes the pool longer */

  _Atomic uint64_t used; /* bytes; changes under the lock, read without */
  _Atomic uint64_t max_used;
  _Atomic uint64_t limit;

  _Alignas(ZRAM_CACHE_LINE) pthread_mutex_t shard_lock;
  uint32_t frontier; /* no zspage from here on was ever used */
  uint32_t unused;   /* list: used once, given back */
  uint32_t nr_empty; /* how many blocks of a whole zspage are in a bin */
  uint32_t raw[RAW_PER_ZSPAGE]; /* lists, by how many places are taken */
  struct zs_bins bins;
};

/* All that takes the pool's locks, here and nowhere else. */

static inline void
grow_lock (struct zs_pool *pool)
{
  lockdep_acquire (pool->domain, LOCK_GROW);
  pthread_mutex_lock (&pool->grow_lock);
}

static inline void
grow_unlock (struct zs_pool *pool)
{
  pthread_mutex_unlock (&pool->grow_lock);
  lockdep_release (pool->domain, LOCK_GROW);
}

static inline void
shard_lock (struct zs_pool *pool)
{
  lockdep_acquire (pool->domain, LOCK_SHARD);
  pthread_mutex_lock (&pool->shard_lock);
}

static inline void
shard_unlock (struct zs_pool *pool)
{
  pthread_mutex_unlock (&pool->shard_lock);
  lockdep_release (pool->domain, LOCK_SHARD);
}

static inline void
zspage_pin (struct zs_pool *pool, zs_word *tag)
{
  lockdep_acquire (pool->domain, LOCK_ZSPAGE);
  atomic_fetch_add_explicit (tag, ZS_TAG_PIN, memory_order_acquire);
}

static inline void
zspage_unpin (struct zs_pool *pool, zs_word *tag)
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

/* zsmalloc.c.  The caller holds the shard lock: take the empty zspage at the
 * head of the longest bin, which there is, away from the blocks. */
extern uint32_t zs_do_take_empty (struct zs_pool *pool);

/* The caller holds the shard lock: zspage INDEX, which is neither in a bin nor
 * in a list, has nothing in it any more.  Keeps it as one free block, or
 * returns true: the caller then drops the lock and calls zs_give_back. */
extern bool zs_do_empty (struct zs_pool *pool, uint32_t index);
extern void zs_give_back (struct zs_pool *pool, uint32_t index);

/* zsraw.c: raw pages; the caller holds the shard lock.  The tag of the raw
 * page at REF, which may be taken without the lock. */
static inline zs_word *
zs_raw_tag (const struct zs_pool *pool, zs_ref ref)
{
  return &pool->raw_tags[ref / RAW_GRANULES];
}

/* A place for OWNER's page; 0: every raw zspage is full and none is empty. */
extern zs_ref zs_do_raw_malloc (struct zs_pool *pool, uint64_t owner);

/* True as for zs_do_empty. */
extern bool zs_do_raw_free (struct zs_pool *pool, zs_ref ref);

#if ZRAM_DEBUG
/* The object at TAG is being freed: abort unless it is live and unpinned. */
extern void zs_assert_may_free (uint64_t handle, uint64_t tag, bool live);
#else
static inline void
zs_assert_may_free (uint64_t handle, uint64_t tag, bool live)
{
  (void) handle;
  (void) tag;
  (void) live;
}
#endif

#endif /* ZRAM_ZSPOOL_H */
