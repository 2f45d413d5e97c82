/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"
#include "watermark.h"

/* Of one zone, in pages. */
struct zone {
  uint64_t free;
  uint64_t boost; /* "min" is so much higher for a while */
  uint64_t min;
  uint64_t protection; /* from those who could have the highest addresses */
};

/* Does LINE say what NAME is?  Then *END is after the name. */
static bool
is_named (const char *line, const char *name, const char **end)
{
  const size_t len = strlen (name);

  line += strspn (line, " ");
  *end = line + len;
  return strncmp (line, name, len) == 0;
}

/* The last number of a list. */
static uint64_t
last_number (const char *text)
{
  const size_t len = strcspn (text, ")\n");
  uint64_t n = 0;

  for (size_t i = 0; i < len; i++)
    if (i == 0 || text[i - 1] == ' ' || text[i - 1] == '(')
      n = strtoull (text + i, NULL, 10);
  return n;
}

/* What is not there cannot be left free. */
static uint64_t
zone_pages (const struct zone *zone)
{
  const uint64_t pages = zone->protection + zone->min - zone->boost;

  return zone->free < pages ? zone->free : pages;
}

uint64_t
watermark_pages (const char *zoneinfo)
{
  struct zone zone = {0};
  uint64_t pages = 0;
  const char *line, *end;

  for (line = zoneinfo; *line; line += *line == '\n') {
    if (is_named (line, "pages free ", &end))
      zone = (struct zone){.free = strtoull (end, NULL, 10)};
    else if (is_named (line, "boost ", &end))
      zone.boost = strtoull (end, NULL, 10);
    else if (is_named (line, "min ", &end))
      zone.min = strtoull (end, NULL, 10);
    else if (is_named (line, "protection: ", &end)) {
      zone.protection = last_number (end);
      pages += zone_pages (&zone);
    }
    line += strcspn (line, "\n");
  }
  return pages;
}

uint64_t
watermark_bytes (void)
{
  char *const zoneinfo = procfile_read ("/proc/zoneinfo", NULL);
  const uint64_t pages = zoneinfo ? watermark_pages (zoneinfo) : 0;

  free (zoneinfo);
  return pages * (uint64_t) sysconf (_SC_PAGESIZE);
}
