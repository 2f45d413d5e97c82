/* SPDX-License-Identifier: BSD-3-Clause */
/* swap: what its first word says, on or off. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"

int
command_swap (struct command_line *line)
{
  const char *const what = line->count > 0 ? line->words[0] : "";
  const bool on = strcmp (what, "on") == 0;

  if (!on && strcmp (what, "off") != 0)
    return complain_usage ("swap: say \"on\" or \"off\"");
  if (!on && (line->priority || line->connections))
    return complain_usage ("swap off: --%s means nothing to it",
                           line->priority ? "priority" : "connections");
  if (!line->dry_run && geteuid () != 0) {
    complain ("swap %s: only root may do that", what);
    return EXIT_FAILURE;
  }
  return on ? command_swap_on (line) : command_swap_off (line);
}
