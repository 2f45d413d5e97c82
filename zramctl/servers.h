/* SPDX-License-Identifier: BSD-3-Clause */
/* Servers, by their control sockets: those that somebody has named, or those
 * in the runtime directories.
 */
#ifndef ZRAM_SERVERS_H
#define ZRAM_SERVERS_H

#include <stddef.h>

/* Instead of the runtime directories, if it is in the environment. */
#define SERVERS_RUNDIR_VARIABLE "NBDKIT_ZRAM_RUNDIR"

struct servers {
  char **paths; /* n of them */
  size_t n;
};

/* The runtime directory of the system's servers. */
extern const char *servers_rundir (void);

/* One more, at its end. */
extern void servers_add (struct servers *servers, const char *path);

/* Add the sockets in the runtime directories, by name.  A directory that does
 * not exist has none.  -1: one cannot be read, which has been complained of. */
extern int servers_find (struct servers *servers);

extern void servers_free (struct servers *servers);

#endif /* ZRAM_SERVERS_H */
