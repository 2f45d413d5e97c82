/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "ctlclient.h"
#include "disks.h"
#include "sample.h"

/* The words of LINE; others may follow, some day. */
static void
add (struct disks *disks, char *line)
{
  const char *const name = strsep (&line, " ");
  const char *const export = line ? strsep (&line, " ") : "";

  disks->entries = complain_unless (
      reallocarray (disks->entries, disks->n + 1, sizeof *disks->entries));
  disks->entries[disks->n++] = (struct disks_entry){name, export};
}

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
    add (disks, line);
  }
  return 0;
}

bool
disks_have (const struct disks *disks, const char *name)
{
  for (size_t i = 0; i < disks->n; i++)
    if (strcmp (disks->entries[i].name, name) == 0)
      return true;
  return false;
}

void
disks_free (struct disks *disks)
{
  free (disks->entries);
  free (disks->text);
}

int
disks_sample (struct ctlclient *client, unsigned n,
              void (*take) (void *arg, const struct disks_entry *disk,
                            const struct sample *sample),
              void *arg)
{
  struct sample sample;
  struct disks disks;
  int r = disks_list (&disks, client);

  for (size_t i = 0; r == 0 && i < disks.n; i++) {
    r = sample_read (&sample, client, disks.entries[i].name, n);
    if (r == 0)
      take (arg, &disks.entries[i], &sample);
    else if (strcmp (client->code, "ENODEV") == 0)
      r = 0;
  }
  disks_free (&disks);
  return r;
}
