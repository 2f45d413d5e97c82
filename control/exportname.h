/* SPDX-License-Identifier: BSD-3-Clause */
/* What a disk is called by NBD clients.
 *
 *     zram0               a disk; the empty name is this one's, too
 *     zram0@5f3c9a...     ... of this run of the server, where runs have names
 *
 * A disk is empty when the server has been started again.  A client that comes
 * back by itself (nbd-client -persist) would take it for the one that it had:
 * the size is the same.  If that was swap, every process that has pages there
 * is then broken.  So where runs have names, a name without one, or with an
 * older one, is no disk's.
 */
#ifndef ZRAM_EXPORTNAME_H
#define ZRAM_EXPORTNAME_H

#include <stdbool.h>
#include <stddef.h>

/* The longest names, in bytes. */
#define EXPORTNAME_DISK_LEN 64
#define EXPORTNAME_RUN_LEN  32

/* With a NUL byte. */
#define EXPORTNAME_SIZE (EXPORTNAME_DISK_LEN + 1 + EXPORTNAME_RUN_LEN + 1)

/* The disk that a client gets who gives no name. */
#define EXPORTNAME_DEFAULT "zram0"

/* Is TEXT 1 to LEN letters, digits, and . _ - after the first?  Nothing that
 * needs quoting where names are typed. */
extern bool exportname_ok (const char *text, size_t len);

/* The export of DISK in the run RUN_ID ("": runs have no names). */
extern void exportname_make (char export[EXPORTNAME_SIZE], const char *disk,
                             const char *run_id);

/* The disk that a client means by EXPORT in the run RUN_ID.  -ESTALE: it is not
 * of this run; -EINVAL: no disk can be called so. */
extern int exportname_disk (const char *export, const char *run_id,
                            char disk[EXPORTNAME_DISK_LEN + 1]);

#endif /* ZRAM_EXPORTNAME_H */
