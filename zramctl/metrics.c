/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics: the numbers of all disks, for Prometheus. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "ctlclient.h"
#include "disks.h"
#include "families.h"
#include "replacefile.h"

/* The server that is being asked, and where its disks go. */
struct asked {
  struct metrics *metrics;
  const char *server;
};

static void
add_disk (void *arg, const struct disks_entry *disk,
          const struct sample *sample)
{
  const struct asked *const asked = arg;
  struct metrics *const metrics = asked->metrics;

  metrics->disks = complain_unless (
      reallocarray (metrics->disks, metrics->n + 1, sizeof *metrics->disks));
  metrics->disks[metrics->n++] =
      (struct metrics_disk){.server = asked->server,
                            .name = complain_unless (strdup (disk->name)),
                            .sample = *sample};
}

static int
read_server (struct metrics *metrics, const char *server)
{
  struct asked asked = {metrics, server};
  struct ctlclient client;
  int r = ctlclient_open (&client, server, COMMAND_PATIENCE);

  if (r == 0)
    r = disks_sample (&client, SAMPLE_ATTRIBUTES, add_disk, &asked);
  if (r < 0)
    complain ("%s: %s", server, client.message);
  ctlclient_close (&client);
  return r;
}

/* -1: one of them has failed. */
static int
read_servers (struct metrics *metrics)
{
  int r = 0;

  metrics->up =
      complain_unless (calloc (metrics->servers + 1, sizeof *metrics->up));
  for (size_t i = 0; i < metrics->servers; i++) {
    metrics->up[i] = read_server (metrics, metrics->paths[i]) == 0;
    if (!metrics->up[i])
      r = -1;
  }
  return r;
}

static void
metrics_free (struct metrics *metrics)
{
  for (size_t i = 0; i < metrics->n; i++)
    free (metrics->disks[i].name);
  free (metrics->disks);
  free (metrics->up);
}

static int
write_file (const char *path, const struct metrics *metrics)
{
  struct replacefile file;

  if (replacefile_begin (&file, path) == 0) {
    families_print (file.fp, metrics);
    if (replacefile_end (&file) == 0)
      return 0;
  }
  complain ("%s: %s", path, strerrordesc_np (errno));
  return -1;
}

int
command_metrics (struct command_line *line)
{
  struct metrics metrics = {.n = 0};
  int r = 0;

  if (line->count > 0)
    return complain_usage ("metrics: unexpected argument: %s", line->words[0]);
  if (line->servers.n == 0)
    r = servers_find (&line->servers);
  metrics.paths = line->servers.paths;
  metrics.servers = line->servers.n;
  if (read_servers (&metrics) < 0)
    r = -1;
  if (!line->file)
    families_print (stdout, &metrics);
  else if (write_file (line->file, &metrics) < 0)
    r = -1;
  metrics_free (&metrics);
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
