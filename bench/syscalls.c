/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "procfs.h"
#include "strace.h"
#include "syscalls.h"
#include "util.h"

/* The tracepoint's number, or 0, and a counter of it for each thread. */
static uint64_t tracepoint;
static int *counters;
static unsigned nr_counters;

static uint64_t
find_tracepoint (void)
{
  static const char *const files[] = {
      "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
      "/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id",
  };
  char line[32];
  FILE *fp = NULL;

  for (size_t i = 0; i < sizeof files / sizeof *files && fp == NULL; i++)
    fp = fopen (files[i], "re");
  if (fp == NULL)
    return 0;
  if (fgets (line, sizeof line, fp) == NULL)
    line[0] = '\0';
  fclose (fp);
  return strtoull (line, NULL, 10);
}

static bool
open_counter (pid_t tid)
{
  struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT,
                                 .size = sizeof attr,
                                 .config = tracepoint,
                                 .inherit = 1};
  const int fd = (int) syscall (SYS_perf_event_open, &attr, tid, -1, -1,
                                PERF_FLAG_FD_CLOEXEC);

  if (fd < 0)
    return false;
  counters = realloc (counters, (nr_counters + 1) * sizeof *counters);
  if (counters == NULL)
    fail ("out of memory");
  counters[nr_counters++] = fd;
  return true;
}

/* What the counters have, which are closed. */
static uint64_t
close_counters (void)
{
  uint64_t sum = 0, value;

  for (unsigned i = 0; i < nr_counters; i++) {
    if (read (counters[i], &value, sizeof value) == sizeof value)
      sum += value;
    close (counters[i]);
  }
  nr_counters = 0;
  return sum;
}

/* A server of many connections has more threads than a program usually may
 * have files. */
static bool
open_counters (pid_t pid)
{
  struct rlimit limit;

  tracepoint = find_tracepoint ();
  if (tracepoint == 0)
    return false;
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  if (for_threads (pid, open_counter))
    return true;
  close_counters ();
  return false;
}

bool
syscalls_begin (pid_t pid, const char **why)
{
  if (open_counters (pid) || strace_begin (pid))
    return true;
  *why = "neither perf's tracepoint raw_syscalls:sys_enter may be used nor "
         "strace attached";
  return false;
}

uint64_t
syscalls_end (void)
{
  return nr_counters > 0 ? close_counters () : strace_end ();
}
