/* SPDX-License-Identifier: BSD-3-Clause */
/* swap: what its first word says. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"

static const struct {
  const char *word;
  int (*run) (struct command_line *line);
  bool attaches; /* it takes the options of who does */
} whats[] = {
    {"on", command_swap_on, true},
    {"off", command_swap_off, false},
    {"attach", command_swap_attach, true},
};

#define NR_WHATS (sizeof whats / sizeof *whats)

int
command_swap (struct command_line *line)
{
  const char *const word = line->count > 0 ? line->words[0] : "";
  size_t i = 0;

  while (i < NR_WHATS && strcmp (whats[i].word, word) != 0)
    i++;
  if (i == NR_WHATS)
    return complain_usage ("swap: say \"on\", \"off\" or \"attach\"");
  if (!whats[i].attaches && (line->priority || line->connections))
    return complain_usage ("swap %s: --%s means nothing to it", word,
                           line->priority ? "priority" : "connections");
  if (!line->dry_run && geteuid () != 0) {
    complain ("swap %s: only root may do that", word);
    return EXIT_FAILURE;
  }
  return whats[i].run (line);
}
