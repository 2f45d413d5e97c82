/* SPDX-License-Identifier: BSD-3-Clause */
/* attributes: what a disk can be asked and told, as the server has it. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "target.h"

static const char *const headings[] = {"NAME", "MODE", "DESCRIPTION"};

#define COLUMNS (sizeof headings / sizeof *headings)

/* "NAME MODE DESCRIPTION", the rest of the line; what is missing is NULL. */
static void
add_attribute (struct libscols_table *table, char *line)
{
  const char *values[COLUMNS];

  values[0] = strsep (&line, " ");
  values[1] = line ? strsep (&line, " ") : NULL;
  values[2] = line;
  output_add_line (table, values, COLUMNS);
}

static void
print_attributes (const struct output *output, char *answer)
{
  struct libscols_table *const table = output_table (output, "attributes");
  char *rest, *line;

  for (size_t i = 0; i < COLUMNS; i++)
    output_add_column (table, headings[i], OUTPUT_TEXT);
  for (rest = answer; (line = strsep (&rest, "\n")) && rest;)
    add_attribute (table, line);
  output_print (table);
}

int
command_attributes (struct command_line *line)
{
  struct target target;
  int r;

  if (line->count > 0)
    return complain_usage ("attributes: unexpected argument: %s",
                           line->words[0]);
  if (target_open (&target, line, COMMAND_PATIENCE) < 0)
    return EXIT_FAILURE;
  r = ctlclient_ask (&target.client, "attributes");
  if (r < 0)
    complain ("%s: %s", target.server, target.client.message);
  else
    print_attributes (&line->output, target.client.answer);
  target_close (&target);
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
