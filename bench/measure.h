/* SPDX-License-Identifier: BSD-3-Clause */
/* A phase is done, and what it took is a line of JSON. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench.h"

#define MAX_CONNS 64

/* What there is and has been used at some time. */
struct resources {
  struct usage usage;
  uint64_t free; /* the machine's MemFree */
};

/* What is told of requests' times, in microseconds. */
enum quantile {
  P50,
  P90,
  P99,
  P999,
  LONGEST,
  NR_QUANTILES
};

/* What a phase did. */
struct done {
  uint64_t ops;
  uint64_t verified; /* pages */
  double seconds;
  double client_cpu;
  double quantile[NR_QUANTILES];
};

/* What all the lines of one contestant say. */
struct contestant {
  const char *name;
  unsigned round;
  unsigned threads; /* nbdkit's */
  const struct target *target;
  struct data *data;
  char *const *command; /* for phases beside one */
  uint64_t seed;
  bool count;    /* system calls */
  bool complain; /* if they cannot be counted */
  struct resources at_start;
};

/* Before the first phase. */
extern void measure_start (struct contestant *contestant);

/* Do the NTHth phase, and print a line unless it is a quiet one, or has been
 * interrupted. */
extern void measure (const struct contestant *contestant,
                     const struct phase *phase, unsigned nth);

#endif /* BENCH_MEASURE_H */
