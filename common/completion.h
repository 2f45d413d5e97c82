/* SPDX-License-Identifier: BSD-3-Clause */
/* Something that somebody else completes, once, and that one thread waits for.
 *
 *   STARTED -> COMPLETE             completed before anybody waited
 *   STARTED -> WAITED -> COMPLETE   and woken
 *
 * All-zero: started.  What was written before it was completed is seen after
 * it was waited for.  It may lie on the waiter's stack: whoever completes it
 * does not look at it again, and what is woken then is an address; who sleeps
 * there for something else looks again.
 */
#ifndef ZRAM_COMPLETION_H
#define ZRAM_COMPLETION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "futex.h"

enum completion_state {
  COMPLETION_STARTED,
  COMPLETION_WAITED,
  COMPLETION_COMPLETE
};

struct completion {
  _Atomic uint32_t state;
};

static inline void
completion_complete (struct completion *completion)
{
  if (atomic_exchange (&completion->state, COMPLETION_COMPLETE) ==
      COMPLETION_WAITED)
    futex_wake_one (&completion->state);
}

/* Sleep until it is complete. */
static inline void
completion_wait (struct completion *completion)
{
  uint32_t state = COMPLETION_STARTED;

  atomic_compare_exchange_strong (&completion->state, &state,
                                  COMPLETION_WAITED);
  while (atomic_load (&completion->state) != COMPLETION_COMPLETE)
    futex_wait (&completion->state, COMPLETION_WAITED);
}

/* Sleep until it is complete, or for about MS milliseconds: is it complete? */
static inline bool
completion_wait_ms (struct completion *completion, unsigned ms)
{
  uint32_t state = COMPLETION_STARTED;

  atomic_compare_exchange_strong (&completion->state, &state,
                                  COMPLETION_WAITED);
  if (atomic_load (&completion->state) != COMPLETION_COMPLETE)
    futex_wait_ms (&completion->state, COMPLETION_WAITED, ms);
  return atomic_load (&completion->state) == COMPLETION_COMPLETE;
}

#endif /* ZRAM_COMPLETION_H */
