/* SPDX-License-Identifier: BSD-3-Clause */
/* All that watch shows of one disk. */
#ifndef ZRAM_DETAILS_H
#define ZRAM_DETAILS_H

#include "view.h"

extern void details_add (struct screen *screen, const struct view_disk *disk);

#endif /* ZRAM_DETAILS_H */
