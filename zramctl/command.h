/* SPDX-License-Identifier: BSD-3-Clause */
/* What the program does: with no command the table of disks, otherwise one of
 * the commands.  Each has a file of its own.
 */
#ifndef ZRAM_COMMAND_H
#define ZRAM_COMMAND_H

#include <stdbool.h>

#include "output.h"
#include "servers.h"

/* A server may take so many seconds to tell something. */
#define COMMAND_PATIENCE 10

/* What the program was given. */
struct command_line {
  struct servers servers; /* none: they are to be found */
  struct output output;
  bool bytes;
  bool all_columns;
  bool errno_names;             /* before what a server refuses */
  const char *columns;          /* NULL: the default */
  const char *file;             /* NULL: standard output */
  const char *interval, *times; /* of watch; NULL: the defaults */
  bool dry_run;
  const char *priority, *connections; /* of swap on and attach */
  char *const *words; /* what follows the command, "count" of them */
  int count;
};

/* Each returns what main returns, and has complained of whatever failed. */
extern int command_table (struct command_line *line);
extern int command_get (struct command_line *line);
extern int command_set (struct command_line *line);
extern int command_attributes (struct command_line *line);
extern int command_metrics (struct command_line *line);
extern int command_watch (struct command_line *line);
extern int command_hot_add (struct command_line *line);
extern int command_hot_remove (struct command_line *line);
extern int command_swap (struct command_line *line);

/* What the last is, by its first word. */
extern int command_swap_on (struct command_line *line);
extern int command_swap_attach (struct command_line *line);
extern int command_swap_off (struct command_line *line);

#endif /* ZRAM_COMMAND_H */
