/* SPDX-License-Identifier: BSD-3-Clause */
/* One operation of the script, done to one side. */
#ifndef ZRAM_PERFORM_H
#define ZRAM_PERFORM_H

#include "script.h"
#include "side.h"

/* Do OP; RESULT is what comes of it, BEFORE what the same statistic was at its
 * last reading, or "".  NUMBER is the side's, script.h. */
extern void perform (const struct op *op, struct side *side, int number,
                     char result[RESULT_SIZE], char before[RESULT_SIZE]);

/* Close the disk, if the script has left it open. */
extern void perform_close (struct side *side, int number);

/* Free all that SIDE stores: the disk is closed. */
extern void
perform_reset (struct side *side, int number, char result[RESULT_SIZE]);

#endif /* ZRAM_PERFORM_H */
