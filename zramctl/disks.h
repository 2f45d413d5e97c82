/* SPDX-License-Identifier: BSD-3-Clause */
/* The disks of a server, by their names, and what they are. */
#ifndef ZRAM_DISKS_H
#define ZRAM_DISKS_H

#include <stdbool.h>
#include <stddef.h>

struct ctlclient;
struct sample;

struct disks {
  char *text;
  struct disks_entry {
    const char *name;   /* in TEXT, both */
    const char *export; /* what NBD clients call it; "": the server has not
                         * said that */
  } * entries;
  size_t n;
};

/* Ask the server that CLIENT is connected to.  -1, and CLIENT's message says
 * why; DISKS is to be freed all the same. */
extern int disks_list (struct disks *disks, struct ctlclient *client);

extern bool disks_have (const struct disks *disks, const char *name);

extern void disks_free (struct disks *disks);

/* Ask it for the first N attributes of all, and give TAKE what it says of each,
 * in order.  One that is removed meanwhile is left out.  -1, and CLIENT's
 * message says why: those before the one that failed have been taken. */
extern int
disks_sample (struct ctlclient *client, unsigned n,
              void (*take) (void *arg, const struct disks_entry *disk,
                            const struct sample *sample),
              void *arg);

#endif /* ZRAM_DISKS_H */
