/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "points.h"
#include "server.h"

struct point *
points_find (struct points *points, const char *name)
{
  for (unsigned i = 0; i < points->n; i++)
    if (strcmp (points->p[i].name, name) == 0)
      return &points->p[i];
  return NULL;
}

static void
add (struct points *points, const struct point *point)
{
  struct point *known = points_find (points, point->name);

  if (!known) {
    CHECK (points->n < MAX_POINTS);
    points->p[points->n++] = *point;
    return;
  }
  known->hits += point->hits;
  known->fired += point->fired;
}

static void
add_line (struct points *points, const char *line)
{
  struct point point;

  if (sscanf (line, " %95s %23s %" SCNu64 " %" SCNu64, point.name, point.faults,
              &point.hits, &point.fired) != 4)
    fail ("no point: %s", line);
  add (points, &point);
}

void
points_add (struct points *points, const char *text)
{
  for (const char *line = text; *line; line = strchr (line, '\n') + 1)
    add_line (points, line);
}

void
points_add_file (struct points *points, const char *file)
{
  FILE *const fp = fopen (file, "re");
  char line[256];

  if (!fp)
    return;
  while (fgets (line, sizeof line, fp))
    add_line (points, line);
  fclose (fp);
}

bool
point_can (const struct point *point, const char *fault)
{
  return strstr (point->faults, fault) != NULL;
}
