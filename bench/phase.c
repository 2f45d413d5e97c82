/* SPDX-License-Identifier: BSD-3-Clause */
/* The phases by their names: nbdbench.c says what each is. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "util.h"

/* What they leave open is as the program's options say. */
static const struct phase phases[] = {
    {.name = "fill", .access = ACCESS_WRITE, .once = true, .block = 16},
    {.name = "over", .access = ACCESS_WRITE, .random = true, .once = true},
    {.name = "write", .access = ACCESS_WRITE, .random = true},
    {.name = "read", .access = ACCESS_READ, .random = true},
    {.name = "check", .access = ACCESS_CHECK, .once = true, .block = 16},
    {.name = "warm",
     .access = ACCESS_READ,
     .random = true,
     .quiet = true,
     .seconds = 0.2},
    {.name = "beside", .access = ACCESS_READ, .random = true, .beside = true},
};

static struct phase
find_phase (const char *name)
{
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
    if (strcmp (phases[i].name, name) == 0)
      return phases[i];
  fail ("%s: no such phase", name);
}

/* The number that TEXT is; DEFAULT if there is none. */
static uint32_t
number_or (const char *text, uint32_t otherwise)
{
  return text != NULL ? (uint32_t) strtoul (text, NULL, 10) : otherwise;
}

struct phase
parse_phase (char *text, const struct phase *defaults, const struct data *data)
{
  char *rest;
  struct phase phase = find_phase (strtok_r (text, "/", &rest));

  phase.block = number_or (strtok_r (NULL, "/", &rest),
                           phase.block != 0 ? phase.block : 1);
  phase.depth = number_or (strtok_r (NULL, "/", &rest), defaults->depth);
  if (phase.seconds == 0)
    phase.seconds = defaults->seconds;
  if (phase.block == 0 || data->nr_pages % phase.block != 0)
    fail ("%s: PAGES must divide the device's %u", phase.name, data->nr_pages);
  if (phase.depth == 0 || phase.depth > MAX_DEPTH)
    fail ("%s: DEPTH must be from 1 to %d", phase.name, MAX_DEPTH);
  return phase;
}
