/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include "soaktally.h"

static _Atomic uint64_t counts[SOAK_KINDS_END];

static const char *const texts[] = {
#define SOAK_KIND(name, text) text,
    SOAK_KINDS (SOAK_KIND)
#undef SOAK_KIND
};

void
soak_add (enum soak_kind kind, uint64_t n)
{
  counts[kind] += n;
}

void
soak_count (enum soak_kind kind)
{
  soak_add (kind, 1);
}

uint64_t
soak_counted (enum soak_kind kind)
{
  return counts[kind];
}

void
soak_print (void)
{
  for (unsigned i = 0; i < SOAK_KINDS_END; i++)
    printf ("%12" PRIu64 "  %s\n", counts[i], texts[i]);
}

unsigned
soak_missing (void)
{
  unsigned n = 0;

  for (unsigned i = 0; i < SOAK_KINDS_END; i++)
    if (counts[i] == 0) {
      printf ("never: %s\n", texts[i]);
      n++;
    }
  return n;
}
