/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool: where compressed pages live.
 *
 * zsmalloc's job and vocabulary, without its size classes: zspages of 64 KiB
 * in which objects lie by best fit, eight bytes apart, and free neighbours
 * join.  zsmalloc.c has the idea and the picture.
 *
 * Handles.  An object is known by a handle, never 0, that fits 46 bits and
 * refers to the pool by offset, not by address.  Its user keeps it with
 * whatever lock guards the object's life (in device/: the slot lock) and tells
 * the pool an owner number, by which a mover finds that lock again.
 *
 * Locks.  The pool takes its own shard locks for a few instructions at a time,
 * or those of ZS_FREEING times freeing, and may be called from any thread.  No
 * call waits for a reader.  zs_malloc may sleep in the system, to grow, with
 * only the grow lock held; zs_free may, to give memory back, with none.
 *
 * Moving.  An owner number and a callback, not the kernel's cell for each
 * handle: a cell is 8 bytes an object, 0.6 % of pages compressed by lz4, and
 * one cache miss more for each read; the owner stands in the header that the
 * block needs anyway.  The price is that the callback must find the slot, and
 * only slots that name the object by this handle can be moved.
 *
 * Errors are negative errno.
 */
#ifndef ZRAM_ZSMALLOC_H
#define ZRAM_ZSMALLOC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page.h"

/* The largest object, in bytes: room for several pages compressed as one. */
#define ZS_MAX_ALLOC_SIZE (32U << 10)

/* A pool grows by so many bytes at a time. */
#define ZS_GROWTH (UINT64_C (64) << 10)

/* Owners are numbers below this. */
#define ZS_OWNER_LIMIT (UINT64_C (1) << 40)

struct run;
struct zs_budget;
struct zs_pool;

/* What a pool holds, in bytes unless it is a count. */
struct zs_pool_stats {
  uint64_t used;            /* resident: zspages in use, holes included */
  uint64_t live;            /* of that, objects with their tags */
  uint64_t max_used;        /* the most that "used" has been */
  uint64_t limit;           /* what "used" may not exceed; 0: no limit */
  uint64_t reserve;         /* resident besides: filled in advance, kept, or
                             * waiting for zs_pool_shrink */
  uint64_t reserve_least;   /* the least it has been when some was taken */
  uint64_t pages_compacted; /* count of pages that compaction gave back */
};

/* Free blocks by size: bucket i has those of 2^i granules (8 bytes) to just
 * below twice that.  Zspages by fullness: bucket i counts those of which i
 * tenths, rounded down, are live; 10: full. */
#define ZS_SIZE_BUCKETS     14
#define ZS_FULLNESS_BUCKETS 11

struct zs_fragmentation {
  uint64_t free_blocks[ZS_SIZE_BUCKETS]; /* how many */
  uint64_t free_bytes[ZS_SIZE_BUCKETS];  /* together */
  uint64_t zspages[ZS_FULLNESS_BUCKETS];
  uint64_t inner_pages; /* whole pages strictly inside a free block */
};

/* How compaction moves an object: called with no slot or shard lock of the pool
 * held, for an object that was OWNER's at FROM a moment ago.  It trylocks
 * whatever guards OWNER's reference, looks whether that still says FROM, calls
 * zs_obj_copy, and if that succeeds makes the reference TO.  Returns whether it
 * did: the pool then frees FROM, otherwise TO. */
typedef bool (*zs_relocate_fn) (void *arg, uint64_t owner, uint64_t from,
                                uint64_t to);

/* Make an empty pool that can grow to MAX_SIZE bytes of objects and their
 * overhead (addresses only; a pool takes memory as it fills).  DOMAIN names
 * the device to the lock checker.  -ENOMEM: no such run of addresses; -EINVAL:
 * MAX_SIZE is 0 or over 64 TiB. */
extern int
zs_pool_create (struct zs_pool **pool, uint64_t max_size, const void *domain);

/* Give everything back.  No object may be pinned.  POOL may be NULL. */
extern void zs_pool_destroy (struct zs_pool *pool);

/* Room for LEN bytes (1 to ZS_MAX_ALLOC_SIZE); what it holds is undefined until
 * zs_obj_write.  Nothing is changed if it fails:
 *   -EINVAL  LEN is 0 or too large, or OWNER is not below ZS_OWNER_LIMIT
 *   -ENOSPC  the pool would exceed its limit, its budget or its addresses
 *   -ENOMEM  the system has no memory
 *   -EAGAIN  the pool draws on its reserve only, and that is empty */
extern int
zs_malloc (struct zs_pool *pool, size_t len, uint64_t owner, uint64_t *handle);

/* Give an object's room back.  The caller sees to it that nobody has it pinned
 * and that nobody will use HANDLE again (debug builds abort on a pinned or
 * already free object).  Memory that is free then may go back to the system
 * before this returns. */
extern void zs_free (struct zs_pool *pool, uint64_t handle);

/* An object of LEN bytes is about to be freed, or may be: begin to fetch what
 * zs_free will look at, since from memory that takes as long as all the rest of
 * it.  A hint: no object is read, and HANDLE may be stale, or any number. */
extern void
zs_prefetch_free (const struct zs_pool *pool, uint64_t handle, size_t len);

/* Objects that are freed together; n is 0 at first.  So many that what is
 * prefetched of them is still there when they are, and that who waits for a
 * shard's lock meanwhile waits for some 4 us, unless the kernel takes the CPU
 * away from who has it: all that TRIM does for a page takes 0.13 us of CPU. */
#define ZS_FREEING 32

struct zs_freeing {
  unsigned n;
  uint64_t handles[ZS_FREEING];
};

/* Free an object of LEN bytes soon, as zs_free does, of which the same holds
 * from now on: when FREEING is full, or by zs_free_all, which whoever has
 * called this must call before it ends.  For who frees many, TRIM: each shard's
 * lock is taken once for all of them. */
extern void zs_free_later (struct zs_pool *pool, struct zs_freeing *freeing,
                           uint64_t handle, size_t len);
extern void zs_free_all (struct zs_pool *pool, struct zs_freeing *freeing);

/* The object's bytes, where they lie, to be read in place: an object never
 * straddles two mappings here, so there is no bounce buffer and no copy.  The
 * pointer is good until zs_obj_read_end; until then the object is pinned: it
 * is not moved, and the reader may sleep.  A pin does not keep the object from
 * being freed.  The caller holds the object's lock when it begins, and may
 * drop it while it reads if something else keeps the object from being freed.
 * An object may be pinned 255 times at once.  Begin and end on one thread. */
extern const void *zs_obj_read_begin (struct zs_pool *pool, uint64_t handle);
extern void zs_obj_read_end (struct zs_pool *pool, uint64_t handle);

/* Copy LEN bytes, at most what was asked of zs_malloc, into the object.  For
 * the time between zs_malloc and the moment others learn of the handle. */
extern void zs_obj_write (struct zs_pool *pool, uint64_t handle,
                          const void *src, size_t len);

/* Which owner was given to zs_malloc. */
extern uint64_t zs_obj_owner (const struct zs_pool *pool, uint64_t handle);

/* From this length on, up to a page, an object takes no less memory than a
 * page stored raw: the cut-off at which compression no longer pays. */
extern size_t zs_huge_size (void);

/* The bytes of the pool that an object of LEN bytes takes, its tag included: a
 * shorter object saves memory only if this is less. */
extern size_t zs_cost (size_t len);

/* Let the pool take at most LIMIT bytes, 0: no limit.  A limit below what is
 * in use frees nothing; only later growth fails (zram's mem_limit). */
extern void zs_pool_set_limit (struct zs_pool *pool, uint64_t limit);

/* Let the pool share BUDGET, which outlives it, with others: of it the caller
 * has claimed MIN bytes, whole zspages, for this pool, and keeps them claimed
 * until the pool is destroyed.  Beyond MIN the pool grows as long as some is
 * left, and fails like at a limit when there is none.  Before the first object.
 */
extern void zs_pool_set_budget (struct zs_pool *pool, struct zs_budget *budget,
                                uint64_t min);

/* Exact when nobody is calling the pool; takes no lock. */
extern void
zs_pool_stats (const struct zs_pool *pool, struct zs_pool_stats *stats);

/* Set "max_used" back to what is in use (zram's mem_used_max). */
extern void zs_pool_reset_max_used (struct zs_pool *pool);

/* The reserve: zspages with memory behind them that growth draws on first, so
 * that it takes no page fault; emptied zspages come into it, and stay if it has
 * less than it should.  Set how many bytes that is (rounded up to zspages; what
 * is too much goes back at once).  It is filled by zs_pool_refill only. */
extern void zs_pool_set_reserve (struct zs_pool *pool, uint64_t bytes);

/* Give emptied zspages back to the system: what is too much in the reserve, but
 * half a MiB where none is asked for.  To be called now and then by whoever has
 * the time, which nobody does who is served: nothing else gives them back while
 * pages come and go.  May sleep. */
extern void zs_pool_shrink (struct zs_pool *pool);

/* From now on the pool grows from the reserve only, and takes no page fault for
 * it: where there is none zs_malloc fails with -EAGAIN until somebody has
 * called zs_pool_refill.  All of its addresses are opened at once: later
 * changes of the process's mappings would wait for whoever waits for memory in
 * a fault. Fills what describes the pool (16 bytes for each 64 KiB of its
 * addresses). Before the first object.  -ENOMEM. */
extern int zs_pool_set_reserve_only (struct zs_pool *pool);

/* Bytes that describe a pool of MAX_SIZE bytes when it is so. */
extern uint64_t zs_pool_description_size (uint64_t max_size);

/* When something is taken from the reserve, the pool sets *WAKE, a futex word,
 * to 1 and wakes it.  Before the first object; the word lives as long as the
 * pool. */
extern void zs_pool_set_wake (struct zs_pool *pool, _Atomic uint32_t *wake);

/* How many zspages have been taken from the reserve since the start: if it is
 * the same as when the reserve was empty, nothing has come into it. */
extern uint64_t zs_pool_reserve_taken (const struct zs_pool *pool);

/* Is there as much in the reserve as there should be? */
extern bool zs_pool_reserve_full (struct zs_pool *pool);

/* Put memory behind one more zspage of the reserve.  1: done; 0: it is full;
 * -ENOMEM, -ENOSPC (no addresses).  May sleep: not for the I/O path. */
extern int zs_pool_refill (struct zs_pool *pool);

/* Let objects be moved, by RELOCATE with ARG.  Before the first object. */
extern void
zs_pool_set_relocate (struct zs_pool *pool, zs_relocate_fn relocate, void *arg);

/* Empty the emptiest zspages into the holes of the others and give them back,
 * but for the few that are kept, until there is no whole zspage to gain or RUN,
 * which may be NULL, is stopped.
 * RUN is told, with no lock of the pool held, unless there is nothing to gain.
 * Returns the pages (of ZRAM_PAGE_SIZE) gained; -EBUSY at once if another
 * thread is at it (zram's compact).  Skips what is pinned or locked; others'
 * calls go on meanwhile.  The caller holds no lock of the device. */
extern int64_t zs_compact (struct zs_pool *pool, const struct run *run);

/* For the relocate function: copy the object FROM, whose reference the caller
 * has locked, to TO.  False, and nothing is copied, if FROM is pinned. */
extern bool zs_obj_copy (struct zs_pool *pool, uint64_t from, uint64_t to);

/* Walks all zspages, each under its shard's lock for as long as one takes. */
extern void zs_pool_fragmentation (struct zs_pool *pool,
                                   struct zs_fragmentation *fragmentation);

#endif /* ZRAM_ZSMALLOC_H */
