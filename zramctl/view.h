/* SPDX-License-Identifier: BSD-3-Clause */
/* What watch shows of disks: made of samples and the size of the screen, and of
 * nothing else.
 */
#ifndef ZRAM_VIEW_H
#define ZRAM_VIEW_H

#include <stdbool.h>

#include "sample.h"
#include "screen.h"

struct view_disk {
  const char *name;
  const char *server; /* the path of its socket */
  const struct sample *now;
  const struct sample *before; /* to take rates from; NULL: none yet */
  const char *gone;            /* why there is no more of it; NULL: there is */
};

#define SECTORS_PER_MIB (1048576.0 / SAMPLE_SECTOR)

/* Have requests failed since the sample before? */
extern bool view_has_failed (const struct view_disk *disk);

/* Lay out an overview of N disks, or the details of one alone.  SCREEN is to be
 * freed. */
extern void view_lay_out (struct screen *screen, const struct view_disk *disks,
                          size_t n, unsigned width, unsigned height);

#endif /* ZRAM_VIEW_H */
