/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot lock: one bit of the flag word, and a futex on that word.
 *
 * A mutex for each slot would be 40 bytes beside 16, so the lock is two bits.
 * Its holder may sleep.  The flags change only when it is released, in the
 * same atomic exchange that clears both bits, so the flags read at
 * slot_lock stay true until slot_unlock.
 *
 * Why no wake-up is lost: whoever has slept takes the lock with SLOT_WAITERS
 * set, since others may sleep still; whoever releases it wakes one sleeper if
 * the bit was set; and a sleeper sets the bit before it sleeps, in the very
 * word that futex_wait compares.  tests/models/slotlock.pml goes through all
 * orders in which that can happen.
 */
#ifndef ZRAM_SLOTLOCK_H
#define ZRAM_SLOTLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "futex.h"
#include "lockdep.h"
#include "slot.h"

/* slotlock.c: wait for the slot and take it; returns its flags. */
extern uint32_t slot_lock_contended (struct slot *slot);

/* Take the slot and return its flags without the lock's bits.  DOMAIN names
 * the device to the lock checker. */
static inline uint32_t
slot_lock (const void *domain, struct slot *slot)
{
  uint32_t flags = atomic_load_explicit (&slot->flags, memory_order_relaxed);

  lockdep_acquire (domain, LOCK_SLOT);
  if (likely (!(flags & SLOT_LOCKED)) &&
      likely (atomic_compare_exchange_strong_explicit (
          &slot->flags, &flags, flags | SLOT_LOCKED, memory_order_acquire,
          memory_order_relaxed)))
    return flags & ~SLOT_WAITERS;
  return slot_lock_contended (slot);
}

/* Take the slot if nobody has it, whatever else the caller holds; *FLAGS are
 * its flags then. */
static inline bool
slot_trylock (const void *domain, struct slot *slot, uint32_t *flags)
{
  *flags = atomic_load_explicit (&slot->flags, memory_order_relaxed);
  if (*flags & SLOT_LOCKED || !atomic_compare_exchange_strong_explicit (
                                  &slot->flags, flags, *flags | SLOT_LOCKED,
                                  memory_order_acquire, memory_order_relaxed))
    return false;
  *flags &= ~SLOT_WAITERS;
  lockdep_acquired_try (domain, LOCK_SLOT);
  return true;
}

/* Let go of the slot and make FLAGS, which have no lock bits, its flags. */
static inline void
slot_unlock (const void *domain, struct slot *slot, uint32_t flags)
{
  const uint32_t old =
      atomic_exchange_explicit (&slot->flags, flags, memory_order_release);

  if (unlikely (old & SLOT_WAITERS))
    futex_wake_one (&slot->flags);
  lockdep_release (domain, LOCK_SLOT);
}

#endif /* ZRAM_SLOTLOCK_H */
