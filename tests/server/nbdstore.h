/* SPDX-License-Identifier: BSD-3-Clause */
/* A backing store behind NBD that can go away and come back: an nbdkit that
 * serves a file, with a plugin of nbdkit's own.
 *
 * There is one for a test program, in a directory that goes when the program
 * ends, with whatever the program has put there.
 */
#ifndef ZRAM_TEST_NBDSTORE_H
#define ZRAM_TEST_NBDSTORE_H

#include <stddef.h>

/* Make the directory, and the file, of SIZE bytes; call it once. */
extern void nbdstore_make (size_t size);

/* NAME in that directory; it is removed at exit.  Five names at most. */
extern const char *nbdstore_path (const char *name);

/* Serve the file; returns when clients can connect. */
extern void nbdstore_start (void);

/* SIGKILL: it is gone, and the file stays. */
extern void nbdstore_kill (void);

/* What a server is to be told: "backing_dev=nbd+unix:...". */
extern const char *nbdstore_parameter (void);

#endif /* ZRAM_TEST_NBDSTORE_H */
