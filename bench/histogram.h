/* SPDX-License-Identifier: BSD-3-Clause */
/* How long things took, without a list of them: each power of two is divided
 * into as many equal buckets, so that what is read out of it is within 1 % of
 * what was put in, and putting it in takes a few instructions.  A thread has
 * one of its own; they are added up afterwards.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

/* 2^6 buckets for each power of two; beyond 2^40 ns, 18 minutes, all is one. */
#define HISTOGRAM_BITS    6
#define HISTOGRAM_BUCKETS ((40 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

/* All zeros: empty. */
struct histogram {
  uint64_t nr;
  uint64_t max;
  uint64_t bucket[HISTOGRAM_BUCKETS];
};

extern void histogram_add (struct histogram *histogram, uint64_t value);

/* Add all that is in FROM. */
extern void
histogram_merge (struct histogram *histogram, const struct histogram *from);

/* What a SHARE of them, from 0 to 1, are at most; 0 if there are none. */
extern uint64_t
histogram_quantile (const struct histogram *histogram, double share);

#endif /* BENCH_HISTOGRAM_H */
