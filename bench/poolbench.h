/* SPDX-License-Identifier: BSD-3-Clause */
/* poolbench's parts: allocation (churn.c) and reading (poolread.c). */
#ifndef BENCH_POOLBENCH_H
#define BENCH_POOLBENCH_H

#include <stdint.h>

struct options {
  unsigned rounds;
  uint32_t nr_objects; /* live, of each thread's own */
  uint32_t mib;        /* of objects, to read from */
};

extern void bench_churn (const struct options *options);
extern void bench_read (const struct options *options);

#endif /* BENCH_POOLBENCH_H */
