/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "util.h"

/* The number of kB that FILE gives after NAME, in bytes. */
static int64_t
proc_bytes (const char *file, const char *name)
{
  FILE *fp = fopen (file, "re");
  char line[256];
  int64_t kib = -1;

  if (fp == NULL)
    fail ("%s cannot be read", file);
  while (kib < 0 && fgets (line, sizeof line, fp) != NULL)
    if (strncmp (line, name, strlen (name)) == 0)
      sscanf (line + strlen (name), ": %" SCNd64, &kib);
  fclose (fp);
  if (kib < 0)
    fail ("%s has no %s", file, name);
  return kib << 10;
}

void
memory_now (struct memory *memory)
{
  memory->rss = proc_bytes ("/proc/self/smaps_rollup", "Rss");
  memory->page_tables = proc_bytes ("/proc/self/status", "VmPTE");
  memory->free = proc_bytes ("/proc/meminfo", "MemFree");
}
