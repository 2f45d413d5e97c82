/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a result is what the script wants: README.md says what it may want.
 *
 * Results and wants are words separated by blanks, and compared one by one.
 */
#ifndef ZRAM_EXPECTATION_H
#define ZRAM_EXPECTATION_H

#include <stdbool.h>

/* Whether WANT makes sense. */
extern bool expectation_is_valid (const char *want);

/* BEFORE: what the same has been at its last reading, or "". */
extern bool
expectation_met (const char *want, const char *result, const char *before);

/* Whether two results, both of which meet WANT, are as near to each other as it
 * says. */
extern bool
expectation_agreed (const char *want, const char *one, const char *other);

#endif /* ZRAM_EXPECTATION_H */
