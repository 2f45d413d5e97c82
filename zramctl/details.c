/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "details.h"
#include "rate.h"

/* What it is. */

static void
add_title (struct screen *screen, const struct view_disk *disk)
{
  screen_add (screen, SCREEN_HEADING, "%s  %s  %s  %s", disk->name,
              disk->now->algorithm,
              cell_size (sample_disksize (disk->now)).text, disk->server);
  if (disk->gone)
    screen_add (screen, SCREEN_ALARM, "gone: %s", disk->gone);
  else
    screen_add (screen, SCREEN_PLAIN, "%s", "");
}

/* From so many percent of the limit on it is told as an alarm. */
#define NEARLY_FULL 95

static void
add_memory_used (struct screen *screen, const struct sample *now)
{
  const uint64_t total = sample_mm (now, MM_MEM_USED_TOTAL);
  const uint64_t limit = sample_mm (now, MM_MEM_LIMIT);
  const struct cell used = cell_size (total);
  const struct cell most = cell_size (sample_mm (now, MM_MEM_USED_MAX));
  const double percent = limit ? 100 * ((double) total / (double) limit) : 0;

  if (limit)
    screen_add (screen, percent >= NEARLY_FULL ? SCREEN_ALARM : SCREEN_PLAIN,
                "%-11s%8s  %.0f %% of the limit, %s; at most it was %s",
                "Memory", used.text, percent, cell_size (limit).text,
                most.text);
  else
    screen_add (screen, SCREEN_PLAIN, "%-11s%8s  no limit; at most it was %s",
                "Memory", used.text, most.text);
}

static void
add_memory (struct screen *screen, const struct sample *now)
{
  const uint64_t data = sample_mm (now, MM_ORIG_DATA_SIZE);

  screen_add (screen, SCREEN_PLAIN, "%-11s%8s  data divided by memory", "Ratio",
              cell_ratio (now).text);
  screen_add (screen, SCREEN_PLAIN, "%-11s%8s  in %" PRIu64 " pages", "Data",
              cell_size (data).text, data / SAMPLE_PAGE);
  screen_add (screen, SCREEN_PLAIN, "%-11s%8s", "Compressed",
              cell_size (sample_mm (now, MM_COMPR_DATA_SIZE)).text);
  add_memory_used (screen, now);
}

/* What it does, and beside that, where its pages are. */

#define BESIDE     6
#define LEFT_WIDTH 42

struct beside {
  struct cell left[BESIDE], right[BESIDE];
  unsigned tiers;
};

static void
put_rate (struct cell *cell, const char *what, struct cell requests,
          struct cell mib, struct cell failed)
{
  snprintf (cell->text, sizeof cell->text, "%-9s%10.10s%9.9s%9.9s", what,
            requests.text, mib.text, failed.text);
}

static void
put_rates (struct beside *beside, const struct view_disk *disk)
{
  static const struct {
    const char *name;
    unsigned requests, sectors;
    int failed; /* column of io_stat; -1: none */
  } kinds[] = {
      {"Reads", STAT_READS, STAT_READ_SECTORS, IO_FAILED_READS},
      {"Writes", STAT_WRITES, STAT_WRITE_SECTORS, IO_FAILED_WRITES},
      {"Discards", STAT_DISCARDS, STAT_DISCARD_SECTORS, -1},
  };
  const struct sample *const now = disk->now, *const before = disk->before;

  put_rate (&beside->left[0], "", (struct cell){"/s"}, (struct cell){"MiB/s"},
            (struct cell){"failed"});
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
    put_rate (
        &beside->left[i + 1], kinds[i].name,
        cell_rate (rate_of (before, now, SAMPLE_STAT, kinds[i].requests), 1),
        cell_rate (rate_of (before, now, SAMPLE_STAT, kinds[i].sectors),
                   SECTORS_PER_MIB),
        kinds[i].failed >= 0
            ? cell_count (now, SAMPLE_IO_STAT, (unsigned) kinds[i].failed)
            : (struct cell){""});
}

static void
put_tier (struct beside *beside, const char *name, uint64_t pages,
          uint64_t bytes)
{
  snprintf (beside->right[beside->tiers++].text, CELL,
            "%-12s%12" PRIu64 "%10.10s", name, pages, cell_size (bytes).text);
}

/* What is read while requests come and go need not fit together. */
static uint64_t
without (uint64_t all, uint64_t part)
{
  return all > part ? all - part : 0;
}

/* Those that there are. */
static void
put_tiers (struct beside *beside, const struct sample *now)
{
  const uint64_t huge = sample_mm (now, MM_HUGE_PAGES);
  const uint64_t same = sample_mm (now, MM_SAME_PAGES);
  const uint64_t backed = now->columns[SAMPLE_BD_STAT][BD_COUNT];
  const uint64_t pages = sample_mm (now, MM_ORIG_DATA_SIZE) / SAMPLE_PAGE;
  const uint64_t reserve = now->columns[SAMPLE_RESERVE][0];

  snprintf (beside->right[beside->tiers++].text, CELL, "%-12s%12s%10s", "Tier",
            "pages", "bytes");
  put_tier (beside, "compressed", without (pages, huge + same + backed),
            without (sample_mm (now, MM_COMPR_DATA_SIZE), huge * SAMPLE_PAGE));
  if (huge > 0)
    put_tier (beside, "huge", huge, huge * SAMPLE_PAGE);
  if (same > 0)
    put_tier (beside, "same-filled", same, 0);
  if (backed > 0)
    put_tier (beside, "written back", backed,
              now->columns[SAMPLE_BACKING_STAT][BACKING_LIVE]);
  if (reserve > 0)
    put_tier (beside, "reserve", 0, reserve);
}

static bool
has_text (const struct beside *beside, unsigned i)
{
  return beside->left[i].text[0] || beside->right[i].text[0];
}

static void
add_rates_and_tiers (struct screen *screen, const struct view_disk *disk)
{
  struct beside beside = {.tiers = 0};

  put_rates (&beside, disk);
  put_tiers (&beside, disk->now);
  screen_add (screen, SCREEN_PLAIN, "%s", "");
  for (unsigned i = 0; i < BESIDE && has_text (&beside, i); i++)
    screen_add (screen,
                i == 0                             ? SCREEN_HEADING
                : i <= 2 && view_has_failed (disk) ? SCREEN_ALARM
                                                   : SCREEN_PLAIN,
                "%-*s%s", LEFT_WIDTH, beside.left[i].text,
                beside.right[i].text);
}

/* The histogram, in two columns of text. */

#define HALF (SIZE_STEPS / 2)

static uint64_t
most_of (const uint64_t *counts)
{
  uint64_t most = 1;

  for (unsigned i = 0; i < SIZE_STEPS; i++)
    if (counts[i] > most)
      most = counts[i];
  return most;
}

/* COUNT as a part of MOST, which has WIDTH signs; any has one. */
static void
put_bar (char *bar, size_t width, uint64_t count, uint64_t most)
{
  size_t len = (size_t) ((double) width * ((double) count / (double) most));

  if (len == 0 && count > 0)
    len = 1;
  memset (bar, '#', len);
  bar[len] = '\0';
}

#define BAR_MOST 128

static void
add_sizes (struct screen *screen, const struct sample *now)
{
  const uint64_t *const counts =
      now->columns[SAMPLE_SIZE_STAT] + SIZE_COMPRESSED;
  const uint64_t most = most_of (counts);
  size_t width = screen->width / 2 > 20 ? screen->width / 2 - 19 : 1;
  char left[BAR_MOST + 1], right[BAR_MOST + 1];

  if (width > BAR_MOST)
    width = BAR_MOST;
  screen_add (screen, SCREEN_PLAIN, "%s", "");
  screen_add (screen, SCREEN_HEADING, "%s",
              "Compressed pages by size in bytes");
  for (unsigned i = 0; i < HALF; i++) {
    put_bar (left, width, counts[i], most);
    put_bar (right, width, counts[i + HALF], most);
    screen_add (screen, SCREEN_PLAIN,
                "<=%4u%10" PRIu64 " %-*s  <=%4u%10" PRIu64 " %s",
                (i + 1) * SIZE_STEP, counts[i], (int) width, left,
                (i + 1 + HALF) * SIZE_STEP, counts[i + HALF], right);
  }
}

void
details_add (struct screen *screen, const struct view_disk *disk)
{
  add_title (screen, disk);
  add_memory (screen, disk->now);
  add_rates_and_tiers (screen, disk);
  if (sample_has (disk->now, SAMPLE_SIZE_STAT))
    add_sizes (screen, disk->now);
}
