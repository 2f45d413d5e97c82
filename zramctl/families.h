/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told of disks in OpenMetrics: which families, from which columns. */
#ifndef ZRAM_FAMILIES_H
#define ZRAM_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sample.h"

struct metrics_disk {
  const char *server;
  char *name;
  struct sample sample;
};

/* "servers" of them, and all of their disks, "n". */
struct metrics {
  char *const *paths;
  bool *up; /* for each server: has it told all? */
  size_t servers;
  struct metrics_disk *disks;
  size_t n;
};

/* Print all, to the end of the text.  A family that no disk has a column for is
 * not there. */
extern void families_print (FILE *fp, const struct metrics *metrics);

#endif /* ZRAM_FAMILIES_H */
