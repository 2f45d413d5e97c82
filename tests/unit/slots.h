/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands for the device when the pool is tested: an array of slots, each
 * with a lock, that name the pool's objects; objects are moved by these locks.
 * A slot's index is its object's owner, and its object's bytes follow from its
 * seed.  Calls may be made from any thread, unless they say otherwise.
 */
#ifndef ZRAM_SLOTS_H
#define ZRAM_SLOTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "zscheck.h"
#include "zsmalloc.h"

struct test_slot {
  pthread_mutex_t lock;
  uint64_t handle; /* 0: it is empty */
  uint64_t seed;
  uint32_t len;
};

struct slots {
  struct zs_pool *pool;
  struct test_slot *slot;
  unsigned count;

  /* Called with no lock held before anything is relocated; may be NULL. */
  void (*before) (struct slots *slots, uint64_t owner, uint64_t from);
  void *arg; /* for whoever sets it */

  /* What the relocate function has seen, and done. */
  _Atomic uint64_t asked;
  _Atomic uint64_t locked;  /* not moved: somebody had the lock */
  _Atomic uint64_t foreign; /* not moved: the slot names something else */
  _Atomic uint64_t pinned;  /* not moved: the pool would not copy it */
  _Atomic uint64_t moved;
  _Atomic uint64_t moved_bytes; /* as zs_cost counts */
};

/* COUNT empty slots, and a pool of MAX_SIZE that may move their objects. */
extern void slots_make (struct slots *slots, unsigned count, uint64_t max_size);

/* The pool and all that is in it go. */
extern void slots_destroy (struct slots *slots);

/* Put an object of LEN bytes into slot I, in place of what it has; made before
 * the slot is locked, as the device does.  Errors as zs_malloc; nothing is
 * changed then. */
extern int slots_put (struct slots *slots, unsigned i, uint32_t len);

/* Empty slot I. */
extern void slots_drop (struct slots *slots, unsigned i);

/* Slot I's object has its content and its owner; an empty one passes. */
extern void slots_read (struct slots *slots, unsigned i);
extern void slots_read_all (struct slots *slots);

/* The same of what was found at BYTES.  The caller holds the slot's lock, or
 * nobody changes the slot. */
extern void slots_must_be (const struct test_slot *slot, const void *bytes);

/* Bytes that were asked for, and those that they take, of all that live.
 * Nobody is calling. */
extern uint64_t slots_bytes (const struct slots *slots);
extern uint64_t slots_cost (const struct slots *slots);

/* The pool's own check. */
extern struct zs_census slots_check (struct slots *slots);

/* That, and that it holds exactly what the slots name, and that.  Nobody is
 * calling. */
extern void slots_check_all (struct slots *slots);

extern struct zs_pool_stats slots_stats (const struct slots *slots);

/* Which zspage of the pool a handle points into. */
extern uint32_t slots_zspage (uint64_t handle);

#endif /* ZRAM_SLOTS_H */
