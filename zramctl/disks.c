/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "ctlclient.h"
#include "disks.h"

static void
add (struct disks *disks, const char *name)
{
  disks->names = complain_unless (
      reallocarray (disks->names, disks->n + 1, sizeof *disks->names));
  disks->names[disks->n++] = name;
}

/* The first word of each line; others may follow, some day. */
int
disks_list (struct disks *disks, struct ctlclient *client)
{
  char *rest, *line;

  *disks = (struct disks){.n = 0};
  if (ctlclient_ask (client, "list") < 0)
    return -1;
  disks->text = complain_unless (strdup (client->answer));
  for (rest = disks->text; (line = strsep (&rest, "\n")) && rest;) {
    if (*line == '\0' || *line == ' ')
      return ctlclient_garbled (client, "list");
    add (disks, strsep (&line, " "));
  }
  return 0;
}

bool
disks_have (const struct disks *disks, const char *name)
{
  for (size_t i = 0; i < disks->n; i++)
    if (strcmp (disks->names[i], name) == 0)
      return true;
  return false;
}

void
disks_free (struct disks *disks)
{
  free (disks->names);
  free (disks->text);
}
