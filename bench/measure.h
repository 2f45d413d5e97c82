/* SPDX-License-Identifier: BSD-3-Clause */
/* A phase is done, and what it took is a line of JSON. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench.h"

#define MAX_CONNS 64

/* What all the lines of one contestant say. */
struct contestant {
  const char *name;
  unsigned round;
  unsigned threads; /* nbdkit's */
  const struct target *target;
  struct data *data;
  char *const *command; /* for phases beside one */
  uint64_t seed;
};

/* Do the NTHth phase, and print a line unless it is a quiet one, or has been
 * interrupted. */
extern void measure (const struct contestant *contestant,
                     const struct phase *phase, unsigned nth);

#endif /* BENCH_MEASURE_H */
