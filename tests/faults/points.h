/* SPDX-License-Identifier: BSD-3-Clause */
/* The points of a server, and how often each was come by. */
#ifndef ZRAM_TEST_POINTS_H
#define ZRAM_TEST_POINTS_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_POINTS 512U

struct point {
  char name[96];
  char faults[24]; /* that it can have: "fail,late" */
  uint64_t hits, fired;
};

struct points {
  unsigned n;
  struct point p[MAX_POINTS];
};

/* Add what the lines of TEXT say; points that are there already get more hits.
 */
extern void points_add (struct points *points, const char *text);

/* The same of a file, which may not be there. */
extern void points_add_file (struct points *points, const char *file);

extern struct point *points_find (struct points *points, const char *name);

extern bool point_can (const struct point *point, const char *fault);

#endif /* ZRAM_TEST_POINTS_H */
