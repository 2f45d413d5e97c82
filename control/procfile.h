/* SPDX-License-Identifier: BSD-3-Clause */
/* A file of /proc, whole.
 *
 * It has no size before it is read, may be of any length, and may change
 * between two reads: so it is read to its end before anything is done about
 * what it says.
 */
#ifndef ZRAM_PROCFILE_H
#define ZRAM_PROCFILE_H

#include <stddef.h>

/* What is in FILE, *LEN bytes and a NUL byte after them, which may not be the
 * first; LEN may be NULL.  To be freed.  NULL: it cannot be read, or there is
 * no memory. */
extern char *procfile_read (const char *file, size_t *len);

#endif /* ZRAM_PROCFILE_H */
