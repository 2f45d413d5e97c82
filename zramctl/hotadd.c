/* SPDX-License-Identifier: BSD-3-Clause */
/* hot_add and hot_remove: how many disks a server has. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "target.h"

/* Filling the memory of a disk that serves swap, or freeing that of a large
 * one, takes as long as it takes. */
#define PATIENCE 0

/* "hot_add" and what follows it, for the server, to which a word with blanks in
 * it is one in quotation marks; to be freed.  NULL: one of the words cannot be
 * sent, which has been complained of. */
static char *
make_request (const struct command_line *line)
{
  char *text = NULL;
  size_t size;
  FILE *const fp = complain_unless (open_memstream (&text, &size));
  int i = 0;

  fputs ("hot_add", fp);
  while (i < line->count && !strchr (line->words[i], '"'))
    fprintf (fp, " \"%s\"", line->words[i++]);
  fclose (fp);
  if (i == line->count)
    return complain_unless (text);
  complain_usage ("hot_add: '%s' has a quotation mark in it: leave it out",
                  line->words[i]);
  free (text);
  return NULL;
}

static int
complain_of_answer (const struct target *target,
                    const struct command_line *line)
{
  const char *const code = line->errno_names ? target->client.code : "";

  complain ("%s%s%s", code, *code ? ": " : "", target->client.message);
  return EXIT_FAILURE;
}

int
command_hot_add (struct command_line *line)
{
  char *const request = make_request (line);
  int status = EXIT_FAILURE;
  struct target target;

  if (request && target_open (&target, line, PATIENCE) == 0) {
    if (ctlclient_ask (&target.client, "%s", request) == 0) {
      fputs (target.client.answer, stdout);
      status = EXIT_SUCCESS;
    }
    else
      complain_of_answer (&target, line);
    target_close (&target);
  }
  free (request);
  return status;
}

int
command_hot_remove (struct command_line *line)
{
  int status = EXIT_SUCCESS;
  struct target target;

  if (line->count == 0)
    return complain_usage ("hot_remove: give the names of disks");
  if (target_open (&target, line, PATIENCE) < 0)
    return EXIT_FAILURE;
  for (int i = 0; i < line->count && target.client.fd >= 0; i++)
    if (ctlclient_ask (&target.client, "hot_remove %s", line->words[i]) < 0)
      status = complain_of_answer (&target, line);
  target_close (&target);
  return status;
}
