/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "slotlock.h"

/* Make sure that the holder will wake somebody, and sleep until it does.
 * FLAGS are what was last seen, locked. */
static void
wait_for_holder (struct slot *slot, uint32_t flags)
{
  if (flags & SLOT_WAITERS || atomic_compare_exchange_strong_explicit (
                                  &slot->flags, &flags, flags | SLOT_WAITERS,
                                  memory_order_relaxed, memory_order_relaxed))
    futex_wait (&slot->flags, flags | SLOT_WAITERS);
}

ZRAM_NOINLINE uint32_t
slot_lock_contended (struct slot *slot)
{
  uint32_t flags = atomic_load_explicit (&slot->flags, memory_order_relaxed);
  uint32_t waiters = 0;

  for (;;) {
    if (flags & SLOT_LOCKED) {
      wait_for_holder (slot, flags);
      waiters = SLOT_WAITERS;
      flags = atomic_load_explicit (&slot->flags, memory_order_relaxed);
    }
    else if (atomic_compare_exchange_weak_explicit (
                 &slot->flags, &flags, flags | SLOT_LOCKED | waiters,
                 memory_order_acquire, memory_order_relaxed))
      return flags & ~SLOT_WAITERS;
  }
}
