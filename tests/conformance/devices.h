/* SPDX-License-Identifier: BSD-3-Clause */
/* The devices of a section: the script has names for them, and so has each
 * side, other ones.  "first" is the one that there always is.
 */
#ifndef ZRAM_DEVICES_H
#define ZRAM_DEVICES_H

#include "script.h"
#include "side.h"

/* NUMBER is SIDE's, script.h.  "hot_add NAME", which is OP: RESULT is "ok", or
 * an errno. */
extern void devices_add (const struct op *op, struct side *side, int number,
                         char result[RESULT_SIZE]);

/* What the side calls the one with that NAME, which is a word of OP's; it may
 * have been removed. */
extern const char *
devices_find (const struct op *op, int number, const char *name);

/* The script has removed it, if it is there; DEVICE is the side's word. */
extern void devices_remove (int number, const char *device);

/* Only the first one is left, which the side is to use. */
extern void devices_begin (struct side *side, int number);

/* One that has been added, and not removed; NULL: there is none. */
extern const char *devices_left (int number);

#endif /* ZRAM_DEVICES_H */
