/* SPDX-License-Identifier: BSD-3-Clause */
/* Sleeping on a 32-bit word of this process (futex(2), private). */
#ifndef ZRAM_FUTEX_H
#define ZRAM_FUTEX_H

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>
#include <sys/syscall.h>

/* Sleep while *word is expected.  Returns on a wake, on a signal, or at once
 * if *word is something else: the caller looks again in every case. */
static inline void
futex_wait (_Atomic uint32_t *word, uint32_t expected)
{
  syscall (SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

/* The same, for at most MS milliseconds. */
static inline void
futex_wait_ms (_Atomic uint32_t *word, uint32_t expected, unsigned ms)
{
  const struct timespec timeout = {.tv_sec = ms / 1000,
                                   .tv_nsec = ms % 1000 * 1000000L};

  syscall (SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

static inline void
futex_wake_one (_Atomic uint32_t *word)
{
  syscall (SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static inline void
futex_wake_all (_Atomic uint32_t *word)
{
  syscall (SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Set *word to 1 and wake those who wait for that; one atomic if it is 1. */
static inline void
futex_tell (_Atomic uint32_t *word)
{
  if (atomic_exchange (word, 1) == 0)
    futex_wake_all (word);
}

#endif /* ZRAM_FUTEX_H */
