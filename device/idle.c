/* SPDX-License-Identifier: BSD-3-Clause */
/* Which pages nobody uses: zram's idle. */
#include <config.h>

#include <errno.h>

#include "clock.h"
#include "pageio.h"
#include "run.h"
#include "slottable.h"

/* Pages between two looks at whether the run is to end. */
#define LOOK_PAGES 1024

/* What is allocated but for what has nothing to gain by being idle. */
static bool
can_be_idle (uint32_t flags)
{
  return slot_in_pool (flags);
}

/* Idle is what was last used before OLDEST. */
static void
mark_page (struct zram *zram, uint64_t index, uint64_t oldest)
{
  uint32_t flags;
  struct slot *const slot = slot_borrow (zram->table, index, &flags);

  if (!slot)
    return;
  if (can_be_idle (flags)) {
    if (atomic_load_explicit (&slot->accessed, memory_order_relaxed) < oldest)
      flags |= SLOT_IDLE;
    else
      flags &= ~SLOT_IDLE;
  }
  slot_return (zram->table, index, slot, flags);
}

int
zram_idle (struct zram *zram, uint64_t age, const struct run *run)
{
  const uint64_t end = zram->disksize >> ZRAM_PAGE_SHIFT;
  const uint32_t now = clock_s ();
  const uint64_t oldest = age == ZRAM_IDLE_ALL ? UINT64_MAX
                          : age < now          ? now - age
                                               : 0;
  uint64_t look = 0;
  uint32_t flags = 0;

  for (uint64_t i = slot_next_allocated (zram->table, 0, end, &flags); i < end;
       i = slot_next_allocated (zram->table, i + 1, end, &flags)) {
    if (i >= look) {
      if (run_stopped (run))
        return -EINTR;
      run_progress (run, i, end);
      look = i + LOOK_PAGES;
    }
    if (can_be_idle (flags))
      mark_page (zram, i, oldest);
  }
  run_progress (run, end, end);
  return 0;
}
