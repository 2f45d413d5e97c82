/* SPDX-License-Identifier: BSD-3-Clause */
/* The time since some moment, for waiting and for telling ages. */
#ifndef ZRAM_CLOCK_H
#define ZRAM_CLOCK_H

#include <stdint.h>
#include <time.h>

/* In milliseconds; it never goes back. */
static inline uint64_t
clock_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* In seconds, for who asks once for each page: it is what the last tick of the
 * system left in memory, which costs 5 ns; the time in which the machine is
 * suspended does not count. */
static inline uint32_t
clock_s (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC_COARSE, &now);
  return (uint32_t) now.tv_sec;
}

#endif /* ZRAM_CLOCK_H */
