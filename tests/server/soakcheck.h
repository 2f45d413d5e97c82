/* SPDX-License-Identifier: BSD-3-Clause */
/* What is so at the end of each round of a soak, when requests have ended and
 * nobody disturbs any more. */
#ifndef ZRAM_TEST_SOAKCHECK_H
#define ZRAM_TEST_SOAKCHECK_H

#include <stdint.h>

#include "soakdisk.h"

/* All disks hold what their models do, count what they hold, and have given
 * back what they do not; whoever used them is disconnected. */
extern void soak_verify (struct soak *soak);

/* The memory that their pools take. */
extern uint64_t soak_stored (const struct soak *soak);

/* Trim all of it; then they soon hold nothing, in memory or in a store,
 * whose segments are free again. */
extern void soak_empty (struct soak *soak);

#endif /* ZRAM_TEST_SOAKCHECK_H */
