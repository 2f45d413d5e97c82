/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of several rounds. */
#ifndef BENCH_MEDIAN_H
#define BENCH_MEDIAN_H

#include <stddef.h>

/* Sort VALUES, so that the first is the least; returns the one in the middle,
 * or of an even number the mean of both.  NR is not 0. */
extern double sort_median (double *values, size_t nr);

/* Sorted, VALUES: their middle, the least and the most. */
struct summary {
  double median, least, most;
};

extern struct summary summary_of (double *values, size_t nr);

#endif /* BENCH_MEDIAN_H */
