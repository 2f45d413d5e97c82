/* SPDX-License-Identifier: BSD-3-Clause */
/* What a soak's disks are told while they are used: what may be refused, and
 * when, is what the manual says. */
#include <config.h>

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "data.h"
#include "server.h"
#include "soaktally.h"
#include "soakupset.h"

/* Where a file's first bytes are that are refused: the store's mark and the
 * server's log are before it. */
#define FILE_LIMIT (2 * MiB)

#define PAGES (SOAK_SIZE / PAGE)

struct pages_action {
  enum soak_kind kind;
  const char *attribute;
  const char *value; /* or NULL: it has numbers in it */
};

static const struct pages_action actions[] = {
    {SOAK_IDLE, "idle", "all"},
    {SOAK_IDLE, "idle", "all"},
    {SOAK_IDLE, "idle", "all"},
    {SOAK_IDLE_AGE, "idle", "1"},
    {SOAK_WB_IDLE, "writeback", "type=idle"},
    {SOAK_WB_IDLE, "writeback", "type=idle"},
    {SOAK_WB_HUGE, "writeback", "type=huge"},
    {SOAK_WB_HUGE_IDLE, "writeback", "type=huge_idle"},
    {SOAK_WB_INCOMPRESSIBLE, "writeback", "type=incompressible"},
    {SOAK_WB_PAGE, "writeback", NULL},
    {SOAK_WB_PAGES, "writeback", NULL},
    {SOAK_RECOMPRESS, "recompress", "type=idle"},
    {SOAK_RECOMPRESS, "recompress", "type=huge"},
    {SOAK_RECOMPRESS, "recompress", "threshold=1500 max_pages=300"},
    {SOAK_RECOMPRESS, "recompress", "priority=2 max_pages=500"},
    {SOAK_COMPACT, "compact", "1"},
    {SOAK_BLOCK_STATE, "block_state", NULL},
};

static bool
is (const struct control_answer *answer, const char *error)
{
  return strcmp (answer->error, error) == 0;
}

/* A run is under way already, or whoever asked for it has gone. */
static bool
beside_another (const struct control_answer *answer)
{
  return is (answer, "EBUSY");
}

/* Whether writeback may have said so; MARK was taken before. */
static bool
writeback_may_fail (const struct upset *upset,
                    const struct control_answer *answer, unsigned mark)
{
  if (is (answer, "ENODEV"))
    return upset->disk == &upset->soak->disks[DISK_MEMORY];
  if (is (answer, "ENOSPC")) {
    soak_count (SOAK_WB_FULL);
    return upset->disk != &upset->soak->disks[DISK_MEMORY];
  }
  if (is (answer, "EIO") || is (answer, "EFBIG") || is (answer, "ETIMEDOUT")) {
    soak_count (SOAK_WB_FAILED);
    return excuse_holds (&upset->disk->no_write, mark);
  }
  return beside_another (answer);
}

static void
choose_pages (struct upset *upset, enum soak_kind kind, char *value,
              size_t size)
{
  const uint64_t first = random_below (&upset->state, PAGES);
  const uint64_t last = first + random_below (&upset->state, PAGES - first);

  if (kind == SOAK_WB_PAGE)
    snprintf (value, size, "page_index=%" PRIu64, first);
  else
    snprintf (value, size, "page_indexes=%" PRIu64 "-%" PRIu64, first, last);
}

static void
act (struct upset *upset, const struct pages_action *action)
{
  const struct soakdisk *const disk = upset->disk;
  const unsigned mark = excuse_mark (&disk->no_write);
  struct control_answer answer;
  char value[64];

  if (action->kind == SOAK_BLOCK_STATE) {
    soak_tell (upset->soak, "get %s block_state", disk->name);
    soak_count (action->kind);
    return;
  }
  if (action->value)
    snprintf (value, sizeof value, "%s", action->value);
  else
    choose_pages (upset, action->kind, value, sizeof value);
  soak_say (upset->soak, &answer, "set %s %s %s", disk->name, action->attribute,
            value);
  if (!answer.error[0])
    soak_count (action->kind);
  else if (strcmp (action->attribute, "writeback") == 0
               ? !writeback_may_fail (upset, &answer, mark)
               : !beside_another (&answer))
    fail ("set %s %s %s: %s %s", disk->name, action->attribute, value,
          answer.error, answer.text);
}

void *
upset_pages (void *arg)
{
  struct upset *const upset = arg;

  while (!upset->soak->no_more_upsets) {
    act (upset, &actions[random_below (&upset->state,
                                       sizeof actions / sizeof *actions)]);
    soak_rest (&upset->state, 100);
  }
  return NULL;
}

/* For a moment there is hardly more than there is. */
static void
limit_memory (struct upset *upset)
{
  struct soakdisk *const disk =
      &upset->soak->disks[random_below (&upset->state, SOAK_DISKS)];
  const uint64_t used = soak_column (upset->soak, disk->name, "mm_stat", 2);
  const uint64_t percent = 50 + random_below (&upset->state, 60);

  excuse_begin (&disk->model.no_room);
  soak_tell (upset->soak, "set %s mem_limit %" PRIu64, disk->name,
             used / 100 * percent + PAGE);
  soak_rest (&upset->state, 1000);
  soak_tell (upset->soak, "set %s mem_limit 0", disk->name);
  excuse_end (&disk->model.no_room);
  soak_count (SOAK_LIMIT);
}

/* For a moment little may be written to a store. */
static void
limit_writeback (struct upset *upset)
{
  struct soakdisk *const disk =
      &upset->soak->disks[DISK_FILE + random_below (&upset->state, 2)];
  struct control_answer answer;

  excuse_begin (&disk->no_write);
  soak_tell (upset->soak, "set %s writeback_limit %" PRIu64, disk->name,
             random_below (&upset->state, 100));
  soak_tell (upset->soak, "set %s writeback_limit_enable 1", disk->name);
  soak_say (upset->soak, &answer, "set %s writeback page_indexes=0-%" PRIu64,
            disk->name, PAGES - 1);
  if (is (&answer, "EIO") &&
      soak_column (upset->soak, disk->name, "writeback_limit", 0) == 0)
    soak_count (SOAK_WB_LIMITED);
  soak_rest (&upset->state, 100);
  soak_tell (upset->soak, "set %s writeback_limit_enable 0", disk->name);
  excuse_end (&disk->no_write);
}

void *
upset_limits (void *arg)
{
  struct upset *const upset = arg;

  while (!upset->soak->no_more_upsets) {
    soak_rest (&upset->state, 1500);
    limit_memory (upset);
    soak_rest (&upset->state, 1000);
    limit_writeback (upset);
  }
  return NULL;
}

/* The file store can be written up to there; SIGXFSZ is ignored. */
static void
limit_files (const struct soak *soak, rlim_t limit)
{
  struct rlimit rlimit;

  CHECK (prlimit (soak->server->pid, RLIMIT_FSIZE, NULL, &rlimit) == 0);
  rlimit.rlim_cur = limit;
  CHECK (prlimit (soak->server->pid, RLIMIT_FSIZE, &rlimit, NULL) == 0);
}

static void
fail_file (struct upset *upset)
{
  struct soakdisk *const disk = &upset->soak->disks[DISK_FILE];

  excuse_begin (&disk->no_write);
  limit_files (upset->soak, FILE_LIMIT);
  soak_rest (&upset->state, 1000);
  limit_files (upset->soak, RLIM_INFINITY);
  excuse_end (&disk->no_write);
  soak_count (SOAK_STORE_FAILED);
}

void *
upset_stores (void *arg)
{
  struct upset *const upset = arg;
  struct soak *const soak = upset->soak;

  while (!soak->no_more_upsets) {
    const bool late = random_below (&upset->state, 4) == 0;
    const uint64_t ms = random_below (&upset->state, 500) + (late ? 2500 : 0);
    const struct timespec ts = {.tv_sec = (time_t) (ms / 1000),
                                .tv_nsec = (long) (ms % 1000 * 1000000)};

    soak_rest (&upset->state, 2000);
    soak_store_goes (soak);
    nanosleep (&ts, NULL);
    soak_store_returns (soak);
    soak_count (SOAK_STORE_KILLED);
    soak_add (SOAK_STORE_LATE, late);
    soak_rest (&upset->state, 1000);
    fail_file (upset);
  }
  soak_store_goes (soak);
  return NULL;
}
