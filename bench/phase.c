/* SPDX-License-Identifier: BSD-3-Clause */
/* The phases by their names: nbdbench.c says what each is. */
#include <config.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "util.h"

/* What they leave open is as the program's options say. */
static const struct phase phases[] = {
    {.name = "fill", .access = ACCESS_WRITE, .once = true, .block = 16},
    {.name = "over", .access = ACCESS_WRITE, .random = true, .once = true},
    {.name = "write", .access = ACCESS_WRITE, .random = true},
    {.name = "same", .access = ACCESS_WRITE, .random = true, .same = true},
    {.name = "scatter", .access = ACCESS_WRITE, .once = true, .step = 256},
    {.name = "read", .access = ACCESS_READ, .random = true},
    {.name = "check", .access = ACCESS_CHECK, .once = true, .block = 16},
    {.name = "trim", .access = ACCESS_TRIM, .once = true, .block = 512},
    {.name = "empty",
     .access = ACCESS_TRIM,
     .once = true,
     .block = 512,
     .settle = true},
    {.name = "warm",
     .access = ACCESS_READ,
     .random = true,
     .quiet = true,
     .seconds = 0.2},
    {.name = "fioread",
     .label = "read",
     .access = ACCESS_READ,
     .random = true,
     .fio = true},
    {.name = "fiomixed",
     .label = "mixed",
     .access = ACCESS_WRITE,
     .random = true,
     .fio = true},
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

/* The number that TEXT is, 0 if that is none from 1 on; OTHERWISE, if there is
 * no text. */
static uint32_t
number_or (const char *text, uint32_t otherwise)
{
  char *end;

  if (text == NULL)
    return otherwise;

  const unsigned long n = strtoul (text, &end, 10);

  return isdigit ((unsigned char) *text) && *end == '\0' && n <= UINT32_MAX
             ? (uint32_t) n
             : 0;
}

/* Whole requests make up the device, and what they write has enough pages. */
static void
check_phase (const struct phase *phase, const struct data *data)
{
  if (data->nr_pages % phase->step != 0)
    fail ("%s: the device's %u pages are no multiple of %u", phase->name,
          data->nr_pages, phase->step);
  if (phase->access == ACCESS_WRITE &&
      (phase->same ? phase->block > data->same_size
                   : data->corpus_size % phase->block != 0))
    fail ("%s: %u pages in a request do not divide the corpus", phase->name,
          phase->block);
  if (phase->depth == 0 || phase->depth > MAX_DEPTH)
    fail ("%s: DEPTH must be from 1 to %d", phase->name, MAX_DEPTH);
}

struct phase
parse_phase (const char *text, const struct phase *defaults,
             const struct data *data)
{
  char *const words = strdup (text);
  char *rest;

  if (words == NULL)
    fail ("out of memory");

  struct phase phase = find_phase (strtok_r (words, "/", &rest));

  phase.block = number_or (strtok_r (NULL, "/", &rest),
                           phase.block != 0 ? phase.block : 1);
  phase.depth = number_or (strtok_r (NULL, "/", &rest), defaults->depth);
  if (strtok_r (NULL, "/", &rest) != NULL)
    fail ("%s: more than NAME/PAGES/DEPTH", text);
  if (phase.block == 0)
    fail ("%s: PAGES must be a number from 1 on", phase.name);
  if (phase.label == NULL)
    phase.label = phase.name;
  if (phase.step < phase.block)
    phase.step = phase.block;
  if (phase.seconds == 0)
    phase.seconds = defaults->seconds;
  check_phase (&phase, data);
  free (words);
  return phase;
}
