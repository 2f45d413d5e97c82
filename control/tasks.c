/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfile.h"
#include "tasks.h"

/* Fields of a task's stat. */
#define STAT_FLAGS  9U
#define STAT_POLICY 41U

/* Among the flags: PF_MEMALLOC_NOIO, the same since Linux 3.9.  (The other that
 * PR_SET_IO_FLUSHER sets has moved.) */
#define TASK_MEMALLOC_NOIO 0x00080000UL

/* The name, field 2, may hold anything, so counting begins at the last
 * parenthesis. */
void
tasks_add (struct tasks *tasks, const char *stat)
{
  const char *at = strrchr (stat, ')');

  tasks->all++;
  for (unsigned n = 3; at && n <= STAT_POLICY; n++) {
    at = strchr (at, ' ');
    if (!at)
      break;
    at++;
    if (n == STAT_FLAGS && strtoul (at, NULL, 10) & TASK_MEMALLOC_NOIO)
      tasks->flushers++;
    if (n == STAT_POLICY && strtoul (at, NULL, 10) == SCHED_RR)
      tasks->realtime++;
  }
}

static void
add_task (struct tasks *tasks, const char *tid)
{
  char file[64], *stat;

  snprintf (file, sizeof file, "/proc/self/task/%.20s/stat", tid);
  stat = procfile_read (file, NULL);
  if (stat)
    tasks_add (tasks, stat);
  free (stat);
}

void
tasks_count (struct tasks *tasks)
{
  DIR *const dir = opendir ("/proc/self/task");
  const struct dirent *entry;

  *tasks = (struct tasks){0};
  if (!dir)
    return;
  while ((entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.')
      add_task (tasks, entry->d_name);
  closedir (dir);
}
