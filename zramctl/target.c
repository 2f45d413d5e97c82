/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "progressbar.h"
#include "target.h"

/* What is done by then, in milliseconds, needs no bar. */
#define BAR_DELAY 500

/* The server. */

/* Those of SERVERS at which somebody answers. */
static struct servers
find_alive (const struct servers *servers)
{
  struct servers alive = {.n = 0};
  struct ctlclient client;

  for (size_t i = 0; i < servers->n; i++) {
    if (ctlclient_open (&client, servers->paths[i], COMMAND_PATIENCE) == 0)
      servers_add (&alive, servers->paths[i]);
    ctlclient_close (&client);
  }
  return alive;
}

/* A dead server's socket is in nobody's way, unless there is no other. */
static void
find_server (struct command_line *line)
{
  struct servers alive;

  servers_find (&line->servers);
  alive = find_alive (&line->servers);
  if (alive.n > 0) {
    servers_free (&line->servers);
    line->servers = alive;
  }
}

static void
complain_of_number (const struct servers *servers)
{
  if (servers->n == 0) {
    complain ("there is no server: give its control socket by --socket");
    return;
  }
  complain ("there are several servers: choose one by --socket");
  for (size_t i = 0; i < servers->n; i++)
    complain ("%s", servers->paths[i]);
}

int
target_open (struct target *target, struct command_line *line,
             unsigned patience)
{
  *target = (struct target){.client = CTLCLIENT_CLOSED,
                            .errno_names = line->errno_names};
  if (line->servers.n == 0)
    find_server (line);
  if (line->servers.n != 1) {
    complain_of_number (&line->servers);
    return -1;
  }
  target->server = line->servers.paths[0];
  if (ctlclient_open (&target->client, target->server, patience) == 0)
    return 0;
  complain ("%s: %s", target->server, target->client.message);
  target_close (target);
  return -1;
}

void
target_close (struct target *target)
{
  disks_free (&target->disks);
  ctlclient_close (&target->client);
}

/* The disk. */

/* It is not said which; or the first of LINE's words is none. */
static void
complain_of_disks (const struct target *target, const struct command_line *line)
{
  if (line->count > 1)
    complain ("%s: there is no disk '%s'", target->server, line->words[0]);
  complain ("%s: %s", target->server,
            target->disks.n > 0 ? "has several disks: name one"
                                : "has no disk");
  for (size_t i = 0; i < target->disks.n; i++)
    complain ("%s", target->disks.entries[i].name);
}

static int
choose_disk (struct target *target, struct command_line *line)
{
  if (disks_list (&target->disks, &target->client) < 0) {
    complain ("%s: %s", target->server, target->client.message);
    return -1;
  }
  if (line->count > 0 && disks_have (&target->disks, line->words[0])) {
    target->disk = *line->words++;
    line->count--;
    return 0;
  }
  if (target->disks.n != 1) {
    complain_of_disks (target, line);
    return -1;
  }
  target->disk = target->disks.entries[0].name;
  return 0;
}

int
target_run (struct command_line *line, unsigned patience,
            int (*run) (struct target *target, const struct command_line *line))
{
  struct target target;
  int status = EXIT_FAILURE;

  if (target_open (&target, line, patience) < 0)
    return EXIT_FAILURE;
  if (choose_disk (&target, line) == 0)
    status = run (&target, line);
  target_close (&target);
  return status;
}

/* Asking. */

/* The server names the attribute itself when its value is wrong.  Not every
 * refusal is the server's, so not every one has an errno. */
static void
complain_of_answer (const struct target *target, const char *attribute)
{
  const char *const message = target->client.message;
  const char *const code = target->errno_names ? target->client.code : "";
  const char *const colon = *code ? ": " : "";
  const size_t len = strlen (attribute);

  if (target->client.fd < 0)
    complain ("%s: %s", target->server, message);
  else if (strncmp (message, attribute, len) == 0 && message[len] == ':')
    complain ("%s%s%s: %s", code, colon, target->disk, message);
  else
    complain ("%s%s%s: %s: %s", code, colon, target->disk, attribute, message);
}

/* In a request a blank would end it. */
static bool
is_word (const char *text)
{
  return *text != '\0' && !strchr (text, ' ');
}

static int
check_attribute (const struct target *target, const char *attribute)
{
  if (is_word (attribute))
    return 0;
  complain ("%s: '%s' is no name of an attribute", target->disk, attribute);
  return -1;
}

int
target_get (struct target *target, const char *attribute)
{
  if (check_attribute (target, attribute) < 0)
    return -1;
  if (ctlclient_ask (&target->client, "get %s %s", target->disk, attribute) ==
      0)
    return 0;
  complain_of_answer (target, attribute);
  return -1;
}

int
target_set (struct target *target, const char *attribute, const char *value)
{
  struct ctlclient *const client = &target->client;
  bool shown;
  int r;

  if (check_attribute (target, attribute) < 0)
    return -1;
  shown = progressbar_begin (STDERR_FILENO, attribute, BAR_DELAY);
  client->progress = shown ? progressbar_update : NULL;
  r = ctlclient_ask (client, "%s %s %s %s", shown ? "run" : "set", target->disk,
                     attribute, value);
  progressbar_end ();
  if (r < 0)
    complain_of_answer (target, attribute);
  else
    fputs (client->answer, stdout);
  return r;
}
