/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command is about: one server, and one of its disks. */
#ifndef ZRAM_TARGET_H
#define ZRAM_TARGET_H

#include "command.h"
#include "ctlclient.h"
#include "disks.h"

struct target {
  struct ctlclient client;
  const char *server; /* the path of its socket */
  struct disks disks;
  const char *disk;
  bool errno_names;
};

/* Connect to the one server that LINE names, or else to the one that answers
 * among those that are found; it has PATIENCE (ctlclient.h).  -1: there is
 * none, or more than one, or it does not answer, which has been complained of,
 * and nothing is to be closed. */
extern int target_open (struct target *target, struct command_line *line,
                        unsigned patience);
extern void target_close (struct target *target);

/* Do so, and choose a disk: that which the first of LINE's words names, which
 * is taken away from there, or else the only one there is.  Returns what RUN
 * does with it, which is what main returns. */
extern int target_run (struct command_line *line, unsigned patience,
                       int (*run) (struct target *target,
                                   const struct command_line *line));

/* Ask what ATTRIBUTE of the disk is.  0, and the client has the answer; -1:
 * that has been complained of. */
extern int target_get (struct target *target, const char *attribute);

/* Set it to VALUE.  If that takes some time, and standard error is a terminal,
 * a bar shows there how far it is. */
extern int
target_set (struct target *target, const char *attribute, const char *value);

#endif /* ZRAM_TARGET_H */
