/* SPDX-License-Identifier: BSD-3-Clause */
/* watch: what disks do, again and again. */
#include <config.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "complain.h"
#include "follow.h"
#include "terminal.h"
#include "view.h"

/* Seconds that one server may keep the others from being shown. */
#define PATIENCE 2

/* Columns where there is no terminal. */
#define WIDTH 80

struct watch {
  struct command_line *line;
  const char *disk; /* NULL: all */
  bool on_terminal;
  uint64_t interval; /* in milliseconds */
  uint64_t count;    /* 0: for ever */
  struct follow follow;
};

/* Arguments. */

/* Milliseconds, from 100 on; 0: that was complained of. */
static uint64_t
parse_interval (const char *text)
{
  char *end;
  const double seconds = strtod (text, &end);

  if (*text != '\0' && strspn (text, "0123456789.") == strlen (text) &&
      *end == '\0' && seconds >= 0.1 && seconds <= 86400)
    return (uint64_t) (seconds * 1000 + 0.5);
  complain_usage ("watch: --interval: '%s' is no number of seconds from 0.1 to "
                  "86400",
                  text);
  return 0;
}

static uint64_t
parse_count (const char *text)
{
  const size_t len = strlen (text);

  if (len > 0 && len <= 9 && strspn (text, "0123456789") == len &&
      strtoul (text, NULL, 10) > 0)
    return strtoul (text, NULL, 10);
  complain_usage ("watch: --count: '%s' is no number from 1 to 999999999",
                  text);
  return 0;
}

static int
parse (struct watch *watch, const struct command_line *line)
{
  if (line->count > 1)
    return complain_usage ("watch: unexpected argument: %s", line->words[1]);
  watch->disk = line->count > 0 ? line->words[0] : NULL;
  watch->interval = line->interval ? parse_interval (line->interval) : 1000;
  if (watch->interval == 0)
    return EXIT_FAILURE;
  if (line->times)
    watch->count = parse_count (line->times);
  return line->times && watch->count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Showing. */

static struct view_disk
to_be_shown (const struct follow_disk *disk)
{
  return (struct view_disk){.name = disk->name,
                            .server = disk->server->path,
                            .now = disk->now,
                            .before = disk->before,
                            .gone = disk->is_there ? NULL : disk->gone};
}

static void
layout (struct screen *screen, const struct watch *watch, unsigned width,
        unsigned height)
{
  const struct follow *const follow = &watch->follow;
  struct view_disk *const disks =
      complain_unless (calloc (follow->n_disks + 1, sizeof *disks));
  size_t n = 0;

  for (const struct follow_disk *d = follow->disks; d; d = d->next)
    if (!watch->disk || strcmp (watch->disk, d->name) == 0)
      disks[n++] = to_be_shown (d);
  view_lay_out (screen, disks, n, width, height);
  free (disks);
}

static void
show_on_terminal (const struct watch *watch)
{
  struct screen screen;
  unsigned width, height;

  terminal_size (&width, &height);
  layout (&screen, watch, width, height);
  terminal_show (&screen);
  screen_free (&screen);
}

/* A block of lines, and an empty one, at once. */
static void
print (const struct watch *watch)
{
  struct screen screen;

  layout (&screen, watch, WIDTH, UINT_MAX);
  for (size_t i = 0; i < screen.n; i++)
    puts (screen.lines[i].text);
  putchar ('\n');
  fflush (stdout);
  screen_free (&screen);
}

static void
show (const struct watch *watch)
{
  if (watch->on_terminal)
    show_on_terminal (watch);
  else
    print (watch);
}

/* Going on. */

/* Without names, servers that are new are found.  -1: that was complained of.
 */
static int
find_servers (struct watch *watch)
{
  struct servers found = {.n = 0};
  int r = 0;

  if (watch->line->servers.n > 0)
    follow_add (&watch->follow, &watch->line->servers);
  else {
    r = servers_find (&found);
    follow_add (&watch->follow, &found);
  }
  servers_free (&found);
  return r;
}

/* False: that is enough. */
static bool
wait_until (const struct watch *watch, uint64_t deadline)
{
  enum terminal_event event;

  while ((event = terminal_wait (deadline)) == TERMINAL_CHANGED)
    show (watch);
  return event != TERMINAL_QUIT;
}

/* The last one stays on a terminal for as long as the others did. */
static void
go_on (struct watch *watch)
{
  uint64_t next = clock_ms ();

  for (uint64_t round = 1;; round++) {
    show (watch);
    next += watch->interval;
    if (next < clock_ms ())
      next = clock_ms ();
    if (round == watch->count && !watch->on_terminal)
      return;
    if (!wait_until (watch, next) || round == watch->count || ferror (stdout))
      return;
    find_servers (watch);
    follow_round (&watch->follow, PATIENCE);
  }
}

/* Those that have been named must be there when it begins. */
static int
check_servers (const struct watch *watch)
{
  const struct follow_server *server = watch->follow.servers;
  int r = 0;

  if (watch->line->servers.n == 0)
    return 0;
  for (; server; server = server->next)
    if (server->client.fd < 0) {
      complain ("%s: %s", server->path, server->client.message);
      r = -1;
    }
  return r;
}

int
command_watch (struct command_line *line)
{
  struct watch watch = {.line = line};
  int r;

  if (parse (&watch, line) != EXIT_SUCCESS)
    return EXIT_FAILURE;
  r = find_servers (&watch);
  if (r == 0) {
    follow_round (&watch.follow, COMMAND_PATIENCE);
    r = check_servers (&watch);
  }
  if (r == 0) {
    watch.on_terminal = terminal_begin ();
    go_on (&watch);
    terminal_end ();
  }
  follow_free (&watch.follow);
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
