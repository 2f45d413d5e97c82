/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server is told about its disks together: how many there are, who may
 * make more, what memory they share, and how a client knows this run of it.
 */
#ifndef ZRAM_ATTRSERVER_H
#define ZRAM_ATTRSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "attrparse.h"
#include "exportname.h"

/* Disks that a server may have at most. */
#define ATTR_MAX_DEVICES 1024

struct attr_server {
  unsigned num_devices; /* made at the start, each of disksize bytes */
  unsigned max_devices;
  uint64_t on_demand; /* bytes; 0: a name that is not known is refused */
  bool
      drop_when_closed; /* disks that were made on demand, whatever they hold */
  unsigned workers;     /* threads of each lane of the pool; 0: no pool */
  uint64_t mem_total;   /* bytes, of all pools; 0: no limit */
  char run_id[EXPORTNAME_RUN_LEN + 1]; /* "": a name is the same in every run */
};

struct attr_config;

/* The stores of the table's rows; see struct attr. */
extern int num_devices_store (struct attr_config *config, const char *value,
                              struct attr_error *error);
extern int max_devices_store (struct attr_config *config, const char *value,
                              struct attr_error *error);
extern int on_demand_store (struct attr_config *config, const char *value,
                            struct attr_error *error);
extern int on_demand_close_store (struct attr_config *config, const char *value,
                                  struct attr_error *error);
extern int mem_total_store (struct attr_config *config, const char *value,
                            struct attr_error *error);
extern int workers_store (struct attr_config *config, const char *value,
                          struct attr_error *error);
extern int run_id_store (struct attr_config *config, const char *value,
                         struct attr_error *error);

/* After the last of them: what was not given is set, and what does not go
 * together is refused (-1 and ERROR). */
extern int
attr_complete_server (struct attr_config *config, struct attr_error *error);

#endif /* ZRAM_ATTRSERVER_H */
