/* SPDX-License-Identifier: BSD-3-Clause */
/* The system's swap spaces, and what memory it has: as /proc knows them. */
#ifndef ZRAM_SWAPS_H
#define ZRAM_SWAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct swaps {
  bool on;       /* the system swaps to the device */
  uint64_t used; /* bytes of it, that is */
  uint64_t free; /* bytes of all others */
};

/* What FP, /proc/swaps, says of DEVICE. */
extern struct swaps swaps_read (FILE *fp, const char *device);

/* The number that follows NAME in FP, of which it is the first word of a
 * line, or the first number if NAME is ""; 0: there is none. */
extern uint64_t swaps_number (FILE *fp, const char *name);

/* The first for the system's own.  -1: it cannot be read, which has been
 * complained of. */
extern int swaps_of (const char *device, struct swaps *swaps);

/* The second for the file with that path; 0: it cannot be read, either. */
extern uint64_t swaps_number_in (const char *path, const char *name);

#endif /* ZRAM_SWAPS_H */
