/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfs.h"
#include "util.h"

bool
for_threads (pid_t pid, bool (*fn) (pid_t tid))
{
  char path[64];
  const struct dirent *entry;
  bool ok = true;
  DIR *dir;

  snprintf (path, sizeof path, "/proc/%d/task", (int) pid);
  dir = opendir (path);
  if (dir == NULL)
    fail ("%s: %s", path, strerror (errno));
  while (ok && (entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.')
      ok = fn ((pid_t) strtol (entry->d_name, NULL, 10));
  closedir (dir);
  return ok;
}

/* If LINE is NAME's, the number there. */
static uint64_t
number_in (const char *line, const char *name)
{
  const size_t len = strlen (name);

  return strncmp (line, name, len) == 0 && line[len] == ':'
             ? strtoull (line + len + 1, NULL, 10)
             : 0;
}

/* A thread may have ended meanwhile. */
uint64_t
proc_number (const char *path, const char *name)
{
  uint64_t number = 0;
  char line[256];
  FILE *fp = fopen (path, "re");

  if (fp == NULL && errno != ENOENT)
    fail ("%s: %s", path, strerror (errno));
  while (fp != NULL && number == 0 && fgets (line, sizeof line, fp) != NULL)
    number = number_in (line, name);
  if (fp != NULL)
    fclose (fp);
  return number;
}

uint64_t
proc_pid_number (pid_t pid, const char *file, const char *name)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%d/%s", (int) pid, file);
  return proc_number (path, name);
}
