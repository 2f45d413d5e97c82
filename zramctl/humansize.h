/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes as util-linux's programs print them. */
#ifndef ZRAM_HUMANSIZE_H
#define ZRAM_HUMANSIZE_H

#include <stddef.h>
#include <stdint.h>

/* Room for any of them, with its NUL byte. */
#define HUMANSIZE_TEXT 16

/* BYTES in the largest unit that it has one of, with one decimal that is not 0:
 * "0B", "74B", "1.5K", "1G". */
extern void humansize_print (char text[HUMANSIZE_TEXT], uint64_t bytes);

#endif /* ZRAM_HUMANSIZE_H */
