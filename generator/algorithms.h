/* SPDX-License-Identifier: BSD-3-Clause */
/* zram-generator's list of compression algorithms, as the plugin takes it:
 *
 *   lz4 zstd(level=3,dict=/etc/zram.dict) (type=idle)
 *
 * The first compresses what is written, the others recompress, in that order.
 * What stands in parentheses behind one are its parameters.
 */
#ifndef ZRAM_ALGORITHMS_H
#define ZRAM_ALGORITHMS_H

#include <stdio.h>

/* Print the plugin's parameters for TEXT to FP, a blank before each, in quotes
 * where there are blanks within.  -1: TEXT is no such list, which has been
 * complained of, as SECTION's. */
extern int algorithms_print (FILE *fp, const char *text, const char *section);

#endif /* ZRAM_ALGORITHMS_H */
