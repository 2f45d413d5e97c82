/* SPDX-License-Identifier: BSD-3-Clause */
/* The benchmark's random numbers: the same ones for every contestant. */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

/* The next number after STATE (splitmix64). */
static inline uint64_t
random64 (uint64_t *state)
{
  uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* A number below N, which is far below 2^32. */
static inline uint32_t
random_below (uint64_t *state, uint32_t n)
{
  return (uint32_t) (((random64 (state) >> 32) * n) >> 32);
}

#endif /* BENCH_RANDOM_H */
