/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts of any length. */
#ifndef ZRAM_NEWTEXT_H
#define ZRAM_NEWTEXT_H

#include <stdarg.h>

#include "compiler.h"

/* What printf would print; to be freed.  Without memory for it the program
 * ends, and says so. */
ZRAM_PRINTF (1, 2)
extern char *newtext (const char *format, ...);

ZRAM_PRINTF (1, 0)
extern char *newtext_list (const char *format, va_list args);

#endif /* ZRAM_NEWTEXT_H */
