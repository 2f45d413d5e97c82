/* SPDX-License-Identifier: BSD-3-Clause */
/* A slot: what the device knows of one page.  Sixteen bytes.
 *
 *   word    compressed, huge   the object's handle in the pool: 46 bits; the
 *                              upper 18 are free, and will say which page of
 *                              an object that several slots share
 *           written back       the place of the object in the backing store, in
 *                              units of 8 bytes: 46 bits; and its length there:
 *                              13 bits
 *           same-filled        the eight bytes that fill the page
 *           empty              0
 *
 *   flags   bits 0-12          stored length in bytes, 0 to 4096; of a page
 *                              that was written back, what it was in the pool
 *           SLOT_SAME          same-filled; the length is 0
 *           SLOT_HUGE          stored raw; the length is 4096
 *           SLOT_PRIORITY      which algorithm compressed it, 0 to 3
 *           SLOT_IDLE          marked idle, and not read or written since
 *           SLOT_INCOMPRESSIBLE  the last algorithm did not make it smaller
 *           SLOT_PP            a run of post-processing has it in hand; whoever
 *                              reads or changes it takes the mark away, and
 *                              the run lets it be
 *           SLOT_WB            written back: nothing is in the pool
 *           SLOT_LOCKED        somebody holds the slot
 *           SLOT_WAITERS       somebody may sleep until it is let go
 *
 *   accessed  when it was last read or written: clock_s
 *
 * A slot is allocated when its length is not 0 or it is SAME: the lock bits
 * aside, an empty slot is all zeros, so that memory that was never touched is a
 * table of empty slots.  All three change only under the slot lock, and
 * flags only at its release.
 */
#ifndef ZRAM_SLOT_H
#define ZRAM_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "page.h"

struct slot {
  _Atomic uint64_t word;
  _Atomic uint32_t flags;
  _Atomic uint32_t accessed;
};

_Static_assert(sizeof (struct slot) == 16, "a slot is 16 bytes");

#define SLOT_SIZE_MASK      (ZRAM_PAGE_SIZE * 2 - 1)
#define SLOT_SAME           (1U << (ZRAM_PAGE_SHIFT + 1))
#define SLOT_HUGE           (1U << (ZRAM_PAGE_SHIFT + 2))
#define SLOT_PRIORITY_SHIFT (ZRAM_PAGE_SHIFT + 3)
#define SLOT_PRIORITY       (3U << SLOT_PRIORITY_SHIFT)
#define SLOT_IDLE           (1U << (ZRAM_PAGE_SHIFT + 5))
#define SLOT_INCOMPRESSIBLE (1U << (ZRAM_PAGE_SHIFT + 6))
#define SLOT_PP             (1U << (ZRAM_PAGE_SHIFT + 7))
#define SLOT_WB             (1U << (ZRAM_PAGE_SHIFT + 8))
#define SLOT_LOCKED         (1U << 30)
#define SLOT_WAITERS        (1U << 31)

static inline bool
slot_allocated (uint32_t flags)
{
  return (flags & (SLOT_SIZE_MASK | SLOT_SAME)) != 0;
}

static inline uint32_t
slot_size (uint32_t flags)
{
  return flags & SLOT_SIZE_MASK;
}

/* Is there an object in the pool? */
static inline bool
slot_in_pool (uint32_t flags)
{
  return slot_size (flags) > 0 && !(flags & SLOT_WB);
}

/* The word of a slot that was written back: LEN bytes at WHERE, a multiple
 * of 8.
 */
#define SLOT_WHERE_BITS 46

static inline uint64_t
slot_wb_word (uint64_t where, uint32_t len)
{
  return where >> 3 | (uint64_t) len << SLOT_WHERE_BITS;
}

static inline uint64_t
slot_wb_where (uint64_t word)
{
  return (word & ((UINT64_C (1) << SLOT_WHERE_BITS) - 1)) << 3;
}

static inline uint32_t
slot_wb_len (uint64_t word)
{
  return (uint32_t) (word >> SLOT_WHERE_BITS);
}

static inline unsigned
slot_priority (uint32_t flags)
{
  return (flags & SLOT_PRIORITY) >> SLOT_PRIORITY_SHIFT;
}

/* The page of the slot, which the caller holds, is read or written: returns
 * what FLAGS become by that. */
static inline uint32_t
slot_access (struct slot *slot, uint32_t flags)
{
  atomic_store_explicit (&slot->accessed, clock_s (), memory_order_relaxed);
  return flags & ~(SLOT_IDLE | SLOT_PP);
}

#endif /* ZRAM_SLOT_H */
