/* SPDX-License-Identifier: BSD-3-Clause */
/* pool's parts: allocation (churn.c) and reading (poolread.c). */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <stdint.h>

struct options {
  unsigned rounds;
  uint32_t nr_objects; /* live, of each thread's own */
  uint32_t nr_ops;     /* replacements, of each thread at a time */
  uint32_t mib;        /* of objects, to read from */
};

extern void pool_churn (const struct options *options);
extern void pool_read (const struct options *options);

#endif /* BENCH_POOL_H */
