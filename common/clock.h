/* SPDX-License-Identifier: BSD-3-Clause */
/* The time since some moment, for waiting. */
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

#endif /* ZRAM_CLOCK_H */
