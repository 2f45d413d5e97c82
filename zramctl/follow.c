/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "disks.h"
#include "follow.h"

/* Servers. */

static bool
has_server (const struct follow *follow, const char *path)
{
  for (const struct follow_server *s = follow->servers; s; s = s->next)
    if (strcmp (s->path, path) == 0)
      return true;
  return false;
}

static void
add_server (struct follow *follow, const char *path)
{
  struct follow_server *const server =
      complain_unless (malloc (sizeof *server));
  struct follow_server **end = &follow->servers;

  while (*end)
    end = &(*end)->next;
  *server = (struct follow_server){.path = complain_unless (strdup (path)),
                                   .client = CTLCLIENT_CLOSED};
  *end = server;
}

void
follow_add (struct follow *follow, const struct servers *servers)
{
  for (size_t i = 0; i < servers->n; i++)
    if (!has_server (follow, servers->paths[i]))
      add_server (follow, servers->paths[i]);
}

/* Disks. */

static struct follow_disk *
add_disk (struct follow *follow, const struct follow_server *server,
          const char *name)
{
  struct follow_disk *const disk = complain_unless (calloc (1, sizeof *disk));
  struct follow_disk **end = &follow->disks;

  while (*end)
    end = &(*end)->next;
  disk->name = complain_unless (strdup (name));
  disk->server = server;
  *end = disk;
  follow->n_disks++;
  return disk;
}

/* The one of that name; NULL: it is new. */
static struct follow_disk *
find_disk (const struct follow *follow, const struct follow_server *server,
           const char *name)
{
  struct follow_disk *disk = follow->disks;

  while (disk && (disk->server != server || strcmp (disk->name, name) != 0))
    disk = disk->next;
  return disk;
}

static void
take_sample (struct follow_disk *disk, const struct sample *sample)
{
  struct sample *const spare = &disk->samples[disk->now == disk->samples];

  *spare = *sample;
  disk->before = disk->gone[0] ? NULL : disk->now;
  disk->now = spare;
  disk->is_there = true;
  disk->gone[0] = '\0';
}

/* A round. */

/* The server that is being asked, and where its disks are. */
struct asked {
  struct follow *follow;
  const struct follow_server *server;
};

static void
take_disk (void *arg, const struct disks_entry *entry,
           const struct sample *sample)
{
  const struct asked *const asked = arg;
  struct follow_disk *disk =
      find_disk (asked->follow, asked->server, entry->name);

  if (!disk)
    disk = add_disk (asked->follow, asked->server, entry->name);
  take_sample (disk, sample);
}

static int
ask_disks (struct follow *follow, struct follow_server *server)
{
  struct asked asked = {follow, server};

  return disks_sample (&server->client, SAMPLE_ATTRIBUTES, take_disk, &asked);
}

/* Those that have not been sampled have gone, for the reason WHY. */
static void
miss_disks (struct follow *follow, const struct follow_server *server,
            const char *why)
{
  for (struct follow_disk *d = follow->disks; d; d = d->next)
    if (d->server == server && !d->is_there)
      snprintf (d->gone, sizeof d->gone, "%s", why);
}

/* Whoever answers there now counts from the beginning: what has been sampled so
 * far is of another life. */
static int
ask_again (struct follow *follow, struct follow_server *server,
           unsigned patience)
{
  for (struct follow_disk *d = follow->disks; d; d = d->next)
    if (d->server == server)
      d->is_there = false;
  miss_disks (follow, server, "the server has ended");
  ctlclient_close (&server->client);
  if (ctlclient_open (&server->client, server->path, patience) < 0)
    return -1;
  return ask_disks (follow, server);
}

static void
ask_server (struct follow *follow, struct follow_server *server,
            unsigned patience)
{
  int r = -1;

  if (server->client.fd >= 0)
    r = ask_disks (follow, server);
  if (server->client.fd < 0)
    r = ask_again (follow, server, patience);
  miss_disks (follow, server,
              r < 0 ? server->client.message : "the server has it no more");
}

void
follow_round (struct follow *follow, unsigned patience)
{
  for (struct follow_disk *d = follow->disks; d; d = d->next)
    d->is_there = false;
  for (struct follow_server *s = follow->servers; s; s = s->next)
    ask_server (follow, s, patience);
}

static void
free_disks (struct follow_disk *disk)
{
  for (struct follow_disk *next; disk; disk = next) {
    next = disk->next;
    free (disk->name);
    free (disk);
  }
}

static void
free_servers (struct follow_server *server)
{
  for (struct follow_server *next; server; server = next) {
    next = server->next;
    ctlclient_close (&server->client);
    free (server->path);
    free (server);
  }
}

void
follow_free (struct follow *follow)
{
  free_disks (follow->disks);
  free_servers (follow->servers);
}
