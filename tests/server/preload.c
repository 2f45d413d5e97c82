/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>
#include <sys/mman.h>

#include "preload.h"
#include "server.h"

struct malloc_count *
map_counter (void)
{
  char name[32];
  const int fd = memory_file (name, sizeof (struct malloc_count));
  void *map = mmap (NULL, sizeof (struct malloc_count), PROT_READ | PROT_WRITE,
                    MAP_SHARED, fd, 0);

  CHECK (map != MAP_FAILED);
  CHECK (setenv (MALLOC_COUNT_FILE, name, 1) == 0);
  return map;
}

void
preload (const char *library)
{
  CHECK (setenv ("LD_PRELOAD", library, 1) == 0);
}

void
preload_nothing (void)
{
  CHECK (unsetenv ("LD_PRELOAD") == 0);
}
