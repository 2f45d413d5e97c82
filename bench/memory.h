/* SPDX-License-Identifier: BSD-3-Clause */
/* What memory the kernel says is taken: no counter of the code's own. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>

struct memory {
  int64_t rss;         /* this process has resident, counted page by page */
  int64_t page_tables; /* and what maps it (VmPTE) */
  int64_t free;        /* the machine's MemFree: huge pages do not deceive it,
                        * other processes do */
};

extern void memory_now (struct memory *memory);

#endif /* BENCH_MEMORY_H */
