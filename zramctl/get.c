/* SPDX-License-Identifier: BSD-3-Clause */
/* get: what attributes are. */
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "target.h"

/* A line of the answer, as it comes, with the NAME if there is one. */
static void
print_line (void *name, const char *line)
{
  if (name)
    printf ("%s: ", (const char *) name);
  puts (line);
}

static int
complain_of_words (void)
{
  return complain_usage ("get: give an attribute");
}

/* One that fails does not keep the others from being printed. */
static int
get_all (struct target *target, const struct command_line *line)
{
  const bool named = line->count > 1 && !line->output.noheadings;
  int status = EXIT_SUCCESS;

  if (line->count == 0)
    return complain_of_words ();
  target->client.take = print_line;
  for (int i = 0; i < line->count && target->client.fd >= 0; i++) {
    target->client.take_arg = named ? line->words[i] : NULL;
    if (target_get (target, line->words[i]) < 0)
      status = EXIT_FAILURE;
  }
  return status;
}

int
command_get (struct command_line *line)
{
  return line->count > 0 ? target_run (line, COMMAND_PATIENCE, get_all)
                         : complain_of_words ();
}
