/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
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
  uint64_t managed;    /* in all */
  uint64_t protection; /* from those who could have the highest addresses */
};

static struct {
  pthread_mutex_t lock; /* of what is read, which several may ask for */
  int fd;     /* of /proc/zoneinfo: one that stays open has its memory */
  char *text; /* what it says */
  size_t size;
  uint64_t buffer; /* as watermark_open was told */
} source = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

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

/* A zone that is protected from us may have less than that: what the kernel
 * itself has taken of it does not come back. */
static void
add_zone (struct watermark_zones *zones, const struct zone *zone)
{
  const uint64_t min = zone->min - zone->boost;
  const uint64_t kept = zone->protection + min;

  if (zone->managed == 0)
    return;
  if (zone->protection > 0)
    zones->protected += zone->free < kept ? zone->free : kept;
  else
    zones->min += min;
}

static void
parse_line (const char *line, struct zone *zone, struct watermark_zones *zones)
{
  const char *end;

  if (is_named (line, "pages free ", &end))
    *zone = (struct zone){.free = strtoull (end, NULL, 10)};
  else if (is_named (line, "boost ", &end))
    zone->boost = strtoull (end, NULL, 10);
  else if (is_named (line, "min ", &end))
    zone->min = strtoull (end, NULL, 10);
  else if (is_named (line, "managed ", &end))
    zone->managed = strtoull (end, NULL, 10);
  else if (is_named (line, "protection: ", &end)) {
    zone->protection = last_number (end);
    add_zone (zones, zone);
  }
}

struct watermark_zones
watermark_parse (const char *zoneinfo)
{
  struct watermark_zones zones = {0};
  struct zone zone = {0};

  for (const char *line = zoneinfo; *line; line += *line == '\n') {
    parse_line (line, &zone, &zones);
    line += strcspn (line, "\n");
  }
  return zones;
}

uint64_t
watermark_of (const struct watermark_zones *zones, uint64_t page,
              uint64_t buffer)
{
  const uint64_t min = zones->min * page;
  const uint64_t above = min / 4 > 2 * buffer ? min / 4 : 2 * buffer;
  const uint64_t mark = min / 2 + above;

  return zones->protected * page + (mark < min ? mark : min);
}

int
watermark_open (uint64_t buffer)
{
  size_t len = 0;
  char *const text = procfile_read ("/proc/zoneinfo", &len);

  source.buffer = buffer;
  free (text);
  /* It may grow, by a few digits. */
  source.size = 2 * len + 1;
  source.text = text ? malloc (source.size) : NULL;
  if (!source.text)
    return -1;
  memset (source.text, ' ', source.size);
  source.fd = open ("/proc/zoneinfo", O_RDONLY | O_CLOEXEC);
  return watermark_bytes () > 0 ? 0 : -1;
}

/* The caller holds the lock. */
static struct watermark_zones
do_read_zones (void)
{
  size_t len = 0;
  ssize_t n;

  while ((n = pread (source.fd, source.text + len, source.size - 1 - len,
                     (off_t) len)) > 0)
    len += (size_t) n;
  source.text[len] = '\0';
  return watermark_parse (source.text);
}

uint64_t
watermark_bytes (void)
{
  struct watermark_zones zones;

  if (source.fd < 0)
    return 0;
  pthread_mutex_lock (&source.lock);
  zones = do_read_zones ();
  pthread_mutex_unlock (&source.lock);
  return watermark_of (&zones, (uint64_t) getpagesize (), source.buffer);
}
