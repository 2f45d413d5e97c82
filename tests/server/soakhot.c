/* SPDX-License-Identifier: BSD-3-Clause */
/* Disks of a soak that come and go: added, used, reset, used again, removed. */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "nbdstore.h"
#include "server.h"
#include "soaktally.h"
#include "soakupset.h"

#define HOT_SIZE  (4 * MiB)
#define HOT_STORE (16 * MiB)

static void
must_be_busy (const struct soak *soak, const char *line)
{
  struct control_answer answer;

  if (strcmp (soak_say (soak, &answer, "%s", line), "EBUSY") != 0)
    fail ("%s, which is used: %s %s", line, answer.error, answer.text);
  soak_count (SOAK_HOT_BUSY);
}

/* Its store is a file, too: it fails when the other one does. */
static void
write_back (struct soak *soak)
{
  struct excuse *const excuse = &soak->disks[DISK_FILE].no_write;
  const unsigned mark = excuse_mark (excuse);
  struct control_answer answer;

  if (soak_say (soak, &answer, "set hot writeback page_indexes=0-%" PRIu64,
                HOT_SIZE / PAGE - 1)[0] &&
      !excuse_holds (excuse, mark))
    fail ("set hot writeback: %s %s", answer.error, answer.text);
}

/* As large as it will be: it could not be made so while files may not grow. */
static const char *
make_store (void)
{
  const char *const path = nbdstore_path ("hot");
  const int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  CHECK (fd != -1 && ftruncate (fd, HOT_STORE) == 0);
  close (fd);
  return path;
}

/* Requests, between which its pages are moved, if there is a store to it. */
static void
use (struct upset *upset, struct modeldisk *model, bool has_store)
{
  struct soak *const soak = upset->soak;

  modeldisk_connect (model, soak->server, "hot");
  modeldisk_run (model, random_below (&upset->state, 300));
  soak_tell (soak, "set hot idle all");
  soak_tell (soak, "set hot recompress type=idle");
  modeldisk_run (model, random_below (&upset->state, 20));
  if (has_store)
    write_back (soak);
  modeldisk_run (model, random_below (&upset->state, 100));
  modeldisk_verify (model);
  if (random_below (&upset->state, 2))
    must_be_busy (soak, "hot_remove hot");
  else
    must_be_busy (soak, "set hot reset 1");
  modeldisk_disconnect (model);
  soak_await_unused (soak, "hot");
}

static const char *
any_algorithm (struct upset *upset)
{
  static const char *const names[] = {"lz4", "zstd", "zstd-4k"};

  return names[random_below (&upset->state, 3)];
}

static void
reset_and_use (struct upset *upset, struct modeldisk *model)
{
  struct soak *const soak = upset->soak;

  soak_tell (soak, "set hot reset 1");
  CHECK (soak_column (soak, "hot", "initstate", 0) == 0);
  soak_tell (soak, "set hot comp_algorithm %s", any_algorithm (upset));
  soak_tell (soak, "set hot recomp_algorithm algo=zstd");
  soak_tell (soak, "set hot disksize %" PRIu64, HOT_SIZE);
  use (upset, model, false);
  soak_count (SOAK_RESET);
}

static void
add_and_remove (struct upset *upset, struct modeldisk *model, const char *store)
{
  struct soak *const soak = upset->soak;
  const bool has_store = random_below (&upset->state, 2) == 0;
  char backing[128] = "";

  if (has_store)
    snprintf (backing, sizeof backing, " backing_dev=%s backing_size=16M",
              store);
  soak_tell (soak,
             "hot_add name=hot disksize=%" PRIu64
             " comp_algorithm=%s recomp_algorithm=algo=zstd%s",
             HOT_SIZE, any_algorithm (upset), backing);
  soak_count (SOAK_HOT_ADD);
  use (upset, model, has_store);
  if (random_below (&upset->state, 2))
    reset_and_use (upset, model);
  soak_tell (soak, "hot_remove hot");
  soak_count (SOAK_HOT_REMOVE);
}

void *
upset_disks (void *arg)
{
  static const char *store;
  struct upset *const upset = arg;
  struct modeldisk model;

  if (store == NULL)
    store = make_store ();
  soak_model (upset->soak, &model, HOT_SIZE, false);
  while (!upset->soak->no_more_upsets) {
    add_and_remove (upset, &model, store);
    soak_rest (&upset->state, 300);
  }
  soak_tally_model (&model);
  modeldisk_close (&model);
  return NULL;
}
