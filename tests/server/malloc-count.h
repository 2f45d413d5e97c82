/* SPDX-License-Identifier: BSD-3-Clause */
/* What malloc-count.so shares with the test that has a server preload it. */
#ifndef ZRAM_TEST_MALLOC_COUNT_H
#define ZRAM_TEST_MALLOC_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

/* The environment names the file that the counter lives in. */
#define MALLOC_COUNT_FILE "ZRAM_TEST_MALLOC_COUNT_FILE"

struct malloc_count {
  _Atomic uint64_t calls; /* of malloc and all its relatives but free */
};

#endif /* ZRAM_TEST_MALLOC_COUNT_H */
