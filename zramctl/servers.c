/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "complain.h"
#include "newtext.h"
#include "servers.h"

/* Of the system's servers, and within XDG_RUNTIME_DIR of a user's. */
#define RUNDIR         "/run/nbdkit-zram"
#define RUNDIR_OF_USER "nbdkit-zram"

/* PATH is the program's from now on. */
static void
take_path (struct servers *servers, char *path)
{
  servers->paths = complain_unless (
      reallocarray (servers->paths, servers->n + 1, sizeof *servers->paths));
  servers->paths[servers->n++] = path;
}

void
servers_add (struct servers *servers, const char *path)
{
  take_path (servers, complain_unless (strdup (path)));
}

void
servers_free (struct servers *servers)
{
  for (size_t i = 0; i < servers->n; i++)
    free (servers->paths[i]);
  free (servers->paths);
  *servers = (struct servers){.n = 0};
}

static bool
is_socket (const char *path)
{
  struct stat statbuf;

  return stat (path, &statbuf) == 0 && S_ISSOCK (statbuf.st_mode);
}

static int
is_visible (const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static int
find_in (struct servers *servers, const char *dir)
{
  struct dirent **entries;
  const int n = scandir (dir, &entries, is_visible, alphasort);

  if (n < 0 && errno == ENOENT)
    return 0;
  if (n < 0) {
    complain ("%s: %s", dir, strerrordesc_np (errno));
    return -1;
  }
  for (int i = 0; i < n; i++) {
    char *const path = newtext ("%s/%s", dir, entries[i]->d_name);

    if (is_socket (path))
      take_path (servers, path);
    else
      free (path);
    free (entries[i]);
  }
  free (entries);
  return 0;
}

/* A variable that is empty is as good as none. */
static const char *
get_variable (const char *name)
{
  const char *const value = getenv (name);

  return value && *value ? value : NULL;
}

const char *
servers_rundir (void)
{
  const char *const rundir = get_variable (SERVERS_RUNDIR_VARIABLE);

  return rundir ? rundir : RUNDIR;
}

int
servers_find (struct servers *servers)
{
  const char *const user = get_variable ("XDG_RUNTIME_DIR");
  int r = find_in (servers, servers_rundir ());

  if (user && !get_variable (SERVERS_RUNDIR_VARIABLE)) {
    char *const dir = newtext ("%s/" RUNDIR_OF_USER, user);

    if (find_in (servers, dir) < 0)
      r = -1;
    free (dir);
  }
  return r;
}
