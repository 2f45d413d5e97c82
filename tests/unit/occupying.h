/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that are busy with something else until they are told to end. */
#ifndef ZRAM_OCCUPYING_H
#define ZRAM_OCCUPYING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "workpool.h"

/* What one of them is busy with. */
struct occupation {
  struct work work;
  _Atomic bool begun;
};

/* Keep as many workers of POOL's lane busy as there are OCCUPATIONS, which live
 * until workers_release () has been called and the pool is stopped. */
extern void workers_occupy (struct workpool *pool, enum work_lane lane,
                            struct occupation occupations[], unsigned nr);

extern void workers_release (void);

#endif /* ZRAM_OCCUPYING_H */
