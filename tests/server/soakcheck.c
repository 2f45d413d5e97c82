/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "server.h"
#include "soakcheck.h"

/* What a pool keeps of emptied memory, at most: what one of them has for a
 * reserve. */
#define MOST_KEPT (UINT64_C (2) << 20)

/* Segments that a store without objects has in use, at most: writeback and
 * cleaning go on in those that they have begun. */
#define MOST_BEGUN 2U

/* One who looks at a disk, and what he found at last. */
struct looking {
  const struct soak *soak;
  const char *disk;
  char found[1200];
};

/* What is counted as pages come and go is what there is. */
static int
is_counted_right (void *arg)
{
  struct looking *const looking = arg;
  struct control_answer slots, sizes;
  uint64_t n[2];
  const char *rest;

  soak_say (looking->soak, &slots, "get %s slot_stat", looking->disk);
  soak_say (looking->soak, &sizes, "get %s size_stat", looking->disk);
  for (unsigned i = 0; i < 2; i++)
    n[i] = soak_column (looking->soak, looking->disk, "mm_stat", i);
  snprintf (looking->found, sizeof looking->found,
            "%s: slot_stat %s; mm_stat %" PRIu64 " %" PRIu64 ", size_stat %s",
            looking->disk, slots.text, n[0], n[1], sizes.text);
  rest = strstr (looking->found, "slot_stat ") + strlen ("slot_stat ");
  for (unsigned i = 0; i < 2; i++) {
    char *end;

    if (strtoull (rest, &end, 10) != n[i])
      return 0;
    rest = end + strspn (end, " ");
  }
  return strncmp (rest, sizes.text, strlen (sizes.text)) == 0;
}

/* What has been emptied is given back, but for the little that is kept. */
static int
has_given_back (void *arg)
{
  struct looking *const looking = arg;
  const uint64_t kept =
      soak_column (looking->soak, looking->disk, "frag_stat", 1);

  snprintf (looking->found, sizeof looking->found,
            "%s: at most %" PRIu64 " bytes to be in reserve, not %" PRIu64,
            looking->disk, MOST_KEPT, kept);
  return kept <= MOST_KEPT;
}

uint64_t
soak_stored (const struct soak *soak)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < SOAK_DISKS; i++)
    sum += soak_column (soak, soak->disks[i].name, "mm_stat", 2);
  return sum;
}

void
soak_verify (struct soak *soak)
{
  for (unsigned i = 0; i < SOAK_DISKS; i++) {
    struct soakdisk *const disk = &soak->disks[i];
    struct looking looking = {.soak = soak, .disk = disk->name};

    modeldisk_verify (&disk->model);
    wait_until (is_counted_right, &looking, looking.found);
    wait_until (has_given_back, &looking, looking.found);
    CHECK (soak_column (soak, disk->name, "backing_stat", 7) == 0);
    modeldisk_disconnect (&disk->model);
    soak_await_unused (soak, disk->name);
    soak_tally_model (&disk->model);
  }
}

static int
holds_nothing (void *arg)
{
  static const struct {
    const char *attribute;
    unsigned column;
  } what[] = {{"mm_stat", 0},
              {"mm_stat", 1},
              {"mm_stat", 2},
              {"bd_stat", 0},
              {"backing_stat", 1}};
  struct looking *const looking = arg;

  for (unsigned i = 0; i < sizeof what / sizeof *what; i++) {
    const uint64_t n = soak_column (looking->soak, looking->disk,
                                    what[i].attribute, what[i].column);

    if (n != 0) {
      snprintf (looking->found, sizeof looking->found,
                "%s, emptied: column %u of %s to be 0, not %" PRIu64,
                looking->disk, what[i].column + 1, what[i].attribute, n);
      return 0;
    }
  }
  return 1;
}

/* Segments in which nothing is alive are free, but for the few that are written
 * next. */
static int
has_freed_segments (void *arg)
{
  struct looking *const looking = arg;
  const uint64_t segments =
      soak_column (looking->soak, looking->disk, "backing_stat", 3);
  const uint64_t free =
      soak_column (looking->soak, looking->disk, "backing_stat", 4);

  snprintf (looking->found, sizeof looking->found,
            "%s, emptied: all but %u of %" PRIu64
            " segments to be free, not %" PRIu64,
            looking->disk, MOST_BEGUN, segments, free);
  return free + MOST_BEGUN >= segments;
}

void
soak_empty (struct soak *soak)
{
  for (unsigned i = 0; i < SOAK_DISKS; i++) {
    struct looking looking = {.soak = soak, .disk = soak->disks[i].name};
    struct nbd_handle *nbd = server_connect_to (soak->server, looking.disk);

    NBD_OK (nbd_trim (nbd, SOAK_DISKSIZE, 0, 0));
    wait_until (holds_nothing, &looking, looking.found);
    wait_until (has_freed_segments, &looking, looking.found);
    wait_until (has_given_back, &looking, looking.found);
    NBD_OK (nbd_shutdown (nbd, 0));
    nbd_close (nbd);
    soak_await_unused (soak, looking.disk);
  }
}
