/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast a counter goes. */
#ifndef ZRAM_RATE_H
#define ZRAM_RATE_H

#include "sample.h"

/* By how much the column has grown, for each second that lies between the two
 * samples.  Negative: nobody knows, since there is no BEFORE, one of them lacks
 * the column, no time has passed, or it has been set back. */
extern double rate_of (const struct sample *before, const struct sample *now,
                       enum sample_attribute attribute, unsigned column);

#endif /* ZRAM_RATE_H */
