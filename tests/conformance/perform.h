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

/* Undo what a section has left: the disk is closed, what was added is removed,
 * and what the first device stores is freed.  RESULT is "ok", or what was in
 * the way. */
extern void
perform_begin (struct side *side, int number, char result[RESULT_SIZE]);

#endif /* ZRAM_PERFORM_H */
