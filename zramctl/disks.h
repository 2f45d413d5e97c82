/* SPDX-License-Identifier: BSD-3-Clause */
/* The disks of a server, by their names. */
#ifndef ZRAM_DISKS_H
#define ZRAM_DISKS_H

#include <stdbool.h>
#include <stddef.h>

struct ctlclient;

struct disks {
  char *text;
  const char **names; /* n of them, in TEXT */
  size_t n;
};

/* Ask the server that CLIENT is connected to.  -1, and CLIENT's message says
 * why; DISKS is to be freed all the same. */
extern int disks_list (struct disks *disks, struct ctlclient *client);

extern bool disks_have (const struct disks *disks, const char *name);

extern void disks_free (struct disks *disks);

#endif /* ZRAM_DISKS_H */
