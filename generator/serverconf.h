/* SPDX-License-Identifier: BSD-3-Clause */
/* What one section of the configuration asks for: a server.
 *
 * [zramN] is swap of this machine's on /dev/nbdN, as zram-generator's is on
 * /dev/zramN, unless it has "listen"; any other must have that.
 */
#ifndef ZRAM_SERVERCONF_H
#define ZRAM_SERVERCONF_H

#include <stdbool.h>
#include <stdint.h>

#include "conffile.h"

struct server_conf {
  char *name;          /* of the units' instance: "nbd0", or the section's */
  bool swap;           /* this machine swaps to it */
  uint64_t size;       /* bytes; 0: it is not wanted */
  char *parameters;    /* of the plugin, as a unit's command line has them */
  const char *options; /* of nbdkit, likewise */
  const char *listen;  /* as ListenStream has it; NULL: the default socket */
  const char *writeback_device; /* NULL: none */
  unsigned priority;
  unsigned connections; /* 0: as many as pay */
};

/* What SECTION, of a machine with RAM megabytes, asks for.  It is to be freed,
 * and points into SECTION.  -1: something in it is wrong, each of which has
 * been complained of; keys that are not known are complained of only. */
extern int server_conf_take (struct server_conf *server,
                             const struct conf_section *section, uint64_t ram);

extern void server_conf_free (struct server_conf *server);

#endif /* ZRAM_SERVERCONF_H */
