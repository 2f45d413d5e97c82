/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>

#include "cell.h"
#include "details.h"
#include "rate.h"
#include "view.h"

bool
view_has_failed (const struct view_disk *disk)
{
  return rate_of (disk->before, disk->now, SAMPLE_IO_STAT, IO_FAILED_READS) >
             0 ||
         rate_of (disk->before, disk->now, SAMPLE_IO_STAT, IO_FAILED_WRITES) >
             0;
}

static void
add_headings (struct screen *screen)
{
  screen_add (screen, SCREEN_HEADING, "%-8s %7s %7s %7s %6s %8s %8s %7s %s",
              "NAME", "DATA", "MEMORY", "LIMIT", "RATIO", "READ/S", "WRITE/S",
              "MIB/S", "SERVER");
}

/* What the path ends with. */
static const char *
last_part (const char *path)
{
  const char *const slash = strrchr (path, '/');

  return slash ? slash + 1 : path;
}

static void
add_gone (struct screen *screen, const struct view_disk *disk)
{
  screen_add (screen, SCREEN_ALARM, "%-8s gone: %s: %s", disk->name,
              last_part (disk->server), disk->gone);
}

static void
add_disk (struct screen *screen, const struct view_disk *disk)
{
  const struct sample *const now = disk->now, *const before = disk->before;
  const uint64_t limit = sample_mm (now, MM_MEM_LIMIT);
  const double read = rate_of (before, now, SAMPLE_STAT, STAT_READ_SECTORS);
  const double written = rate_of (before, now, SAMPLE_STAT, STAT_WRITE_SECTORS);

  screen_add (
      screen, view_has_failed (disk) ? SCREEN_ALARM : SCREEN_PLAIN,
      "%-8s %7s %7s %7s %6s %8s %8s %7s %s", disk->name,
      cell_size (sample_mm (now, MM_ORIG_DATA_SIZE)).text,
      cell_size (sample_mm (now, MM_MEM_USED_TOTAL)).text,
      limit ? cell_size (limit).text : "-", cell_ratio (now).text,
      cell_rate (rate_of (before, now, SAMPLE_STAT, STAT_READS), 1).text,
      cell_rate (rate_of (before, now, SAMPLE_STAT, STAT_WRITES), 1).text,
      cell_rate (read < 0 ? read : read + written, SECTORS_PER_MIB).text,
      last_part (disk->server));
}

static void
add_overview (struct screen *screen, const struct view_disk *disks, size_t n)
{
  const size_t room = screen->height > 2 ? screen->height - 2 : 0;
  const size_t shown = n > room + 1 ? room : n;

  add_headings (screen);
  for (size_t i = 0; i < shown; i++)
    if (disks[i].gone)
      add_gone (screen, &disks[i]);
    else
      add_disk (screen, &disks[i]);
  if (shown < n)
    screen_add (screen, SCREEN_PLAIN, "... and %zu more", n - shown);
}

void
view_lay_out (struct screen *screen, const struct view_disk *disks, size_t n,
              unsigned width, unsigned height)
{
  *screen = (struct screen){.width = width, .height = height};
  if (n == 0)
    screen_add (screen, SCREEN_PLAIN, "There is no disk.");
  else if (n == 1)
    details_add (screen, disks);
  else
    add_overview (screen, disks, n);
}
