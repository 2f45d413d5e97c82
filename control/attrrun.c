/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attrpriority.h"
#include "attrrun.h"
#include "attrwords.h"
#include "disk.h"
#include "run.h"
#include "zsmalloc.h"

static int
check_initialised (const struct disk *disk, const char *name,
                   struct attr_error *error)
{
  return disk->zram ? 0
                    : attr_fail (error,
                                 "%s: the disk is not initialised: give it a "
                                 "disksize first",
                                 name);
}

/* compact */

int
compact_set (struct disk *disk, const char *value, const struct run *run,
             struct attr_error *error)
{
  (void) value;
  if (check_initialised (disk, "compact", error) < 0)
    return -1;
  zram_compact (disk->zram, run);
  return run_stopped (run)
             ? attr_fail_as (error, EINTR, "compact: was interrupted")
             : 0;
}

/* idle */

static int
parse_age (const char *value, uint64_t *age, struct attr_error *error)
{
  if (strcmp (value, "all") == 0) {
    *age = ZRAM_IDLE_ALL;
    return 0;
  }
  if (attr_parse_count ("idle", value, "all, or a number of seconds", age,
                        error) < 0)
    return -1;
  return *age <= UINT32_MAX
             ? 0
             : attr_fail (error,
                          "idle: '%.64s' is out of range: give all, or up to "
                          "%" PRIu32 " seconds",
                          value, UINT32_MAX);
}

int
idle_set (struct disk *disk, const char *value, const struct run *run,
          struct attr_error *error)
{
  uint64_t age;

  if (check_initialised (disk, "idle", error) < 0 ||
      parse_age (value, &age, error) < 0)
    return -1;
  return zram_idle (disk->zram, age, run) < 0
             ? attr_fail_as (error, EINTR, "idle: was interrupted")
             : 0;
}

/* recompress */

struct recompress_words {
  struct attr_priority which;
  struct zram_recompress what;
};

static int
take_type (void *arg, const char *value, struct attr_error *error)
{
  struct recompress_words *const words = arg;

  words->what.huge =
      strcmp (value, "huge") == 0 || strcmp (value, "huge_idle") == 0;
  words->what.idle =
      strcmp (value, "idle") == 0 || strcmp (value, "huge_idle") == 0;
  return words->what.huge || words->what.idle
             ? 0
             : attr_fail (error,
                          "recompress: type '%.64s' is unknown: choose from "
                          "idle, huge and huge_idle",
                          value);
}

static int
take_threshold (void *arg, const char *value, struct attr_error *error)
{
  struct recompress_words *const words = arg;
  uint64_t n = 0;

  if (attr_parse_count ("recompress: threshold", value, "a number of bytes", &n,
                        error) < 0)
    return -1;
  if (n >= zs_huge_size ())
    return attr_fail (error,
                      "recompress: threshold '%.64s' is out of range: what is "
                      "compressed takes less than %zu bytes",
                      value, zs_huge_size ());
  words->what.threshold = (uint32_t) n;
  return 0;
}

static int
take_max_pages (void *arg, const char *value, struct attr_error *error)
{
  struct recompress_words *const words = arg;

  return attr_parse_count ("recompress: max_pages", value, "a number of pages",
                           &words->what.max_pages, error);
}

/* What came of it, in words that a program can read, too. */
static void
describe (const struct zram_recompressed *done, char *text, size_t size)
{
  snprintf (text, size, "tried %" PRIu64 " gained %" PRIu64 " saved %" PRIu64,
            done->tried, done->gained, done->saved);
}

static int
fail_run (int r, const char *done, struct attr_error *error)
{
  return r == -EINTR ? attr_fail_as (error, EINTR,
                                     "recompress: was interrupted: %s", done)
                     : attr_fail_as (error, -r, "recompress: %s: %s",
                                     strerrordesc_np (-r), done);
}

int
recompress_set (struct disk *disk, const char *value, const struct run *run,
                struct attr_error *error)
{
  static const struct attr_key keys[] = {
      {"type", take_type},
      {"threshold", take_threshold},
      {"max_pages", take_max_pages},
      {"algo", attr_take_algo},
      {"priority", attr_take_priority},
      {0},
  };
  const struct zcomp_backend *backends[ZRAM_PRIORITIES];
  struct recompress_words words = {.which = ATTR_PRIORITY ("recompress", 1),
                                   .what.max_pages = UINT64_MAX};
  struct zram_recompressed done;
  char text[RUN_OUTCOME_SIZE];
  int r;

  if (check_initialised (disk, "recompress", error) < 0 ||
      attr_take_words ("recompress", value, keys, &words, error) < 0)
    return -1;
  for (unsigned i = 0; i < ZRAM_PRIORITIES; i++)
    backends[i] = zram_algorithm (disk->zram, i);
  if (attr_find_priority (&words.which, backends, error) < 0)
    return -1;
  words.what.priority = words.which.priority;
  r = zram_recompress (disk->zram, &words.what, run, &done);
  describe (&done, text, sizeof text);
  if (r < 0)
    return fail_run (r, text, error);
  run_outcome (run, text);
  return 0;
}
