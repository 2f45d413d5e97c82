/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of unknown origin, made fit for a terminal. */
#ifndef ZRAM_SAFETEXT_H
#define ZRAM_SAFETEXT_H

#include <stddef.h>

/* Put '?' for whatever in the LEN bytes at TEXT the locale's LC_CTYPE does not
 * know as a character that prints: control characters in any disguise, broken
 * multibyte characters, NUL bytes. */
extern void safetext_clean (char *text, size_t len);

#endif /* ZRAM_SAFETEXT_H */
