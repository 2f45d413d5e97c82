/* SPDX-License-Identifier: BSD-3-Clause */
/* The unit of everything: one slot of the device holds one page.  It is zram's
 * PAGE_SIZE on most machines, and swap's; it does not follow the host's. */
#ifndef ZRAM_PAGE_H
#define ZRAM_PAGE_H

#define ZRAM_PAGE_SHIFT 12
#define ZRAM_PAGE_SIZE  (1U << ZRAM_PAGE_SHIFT)

#endif /* ZRAM_PAGE_H */
