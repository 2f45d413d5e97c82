/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data.h"
#include "nbdstore.h"
#include "server.h"
#include "soakdisk.h"
#include "soaktally.h"

#define LONGEST    (2 * MiB)
#define FILE_STORE (10 * MiB) /* is full now and then */
#define DICT_SIZE  (64 * KiB)

#define RECOMPRESSION                          \
  "recomp_algorithm=\"algo=zstd priority=1\" " \
  "recomp_algorithm=\"algo=zstd priority=2\" " \
  "algorithm_params=\"priority=2 level=9\""

void
soak_rest (uint64_t *state, uint64_t ms)
{
  const uint64_t ns = random_below (state, ms * 1000000);
  const struct timespec ts = {.tv_sec = (time_t) (ns / 1000000000),
                              .tv_nsec = (long) (ns % 1000000000)};

  nanosleep (&ts, NULL);
}

static const char *
say (const struct soak *soak, struct control_answer *answer, const char *format,
     va_list args)
{
  char line[1024];

  vsnprintf (line, sizeof line - 1, format, args);
  strncat (line, "\n", 2);
  control_say (soak->control, line, answer);
  return answer->error;
}

const char *
soak_say (const struct soak *soak, struct control_answer *answer,
          const char *format, ...)
{
  const char *error;
  va_list args;

  va_start (args, format);
  error = say (soak, answer, format, args);
  va_end (args);
  return error;
}

void
soak_tell (const struct soak *soak, const char *format, ...)
{
  struct control_answer answer;
  va_list args;

  va_start (args, format);
  say (soak, &answer, format, args);
  va_end (args);
  if (answer.error[0])
    fail ("refused: \"%s\": %s %s", format, answer.error, answer.text);
}

uint64_t
soak_column (const struct soak *soak, const char *disk, const char *attribute,
             unsigned column)
{
  struct control_answer answer;
  const char *at = answer.text;

  if (soak_say (soak, &answer, "get %s %s", disk, attribute)[0])
    fail ("get %s %s: %s", disk, attribute, answer.text);
  for (unsigned i = 0; i < column; i++) {
    at += strcspn (at, " ");
    at += strspn (at, " ");
  }
  CHECK (*at != '\0');
  return strtoull (at, NULL, 10);
}

struct asked {
  const struct soak *soak;
  const char *disk;
  const char *engine;
};

static int
is_unused (void *arg)
{
  const struct asked *asked = arg;

  return soak_column (asked->soak, asked->disk, "clients", 0) == 0;
}

void
soak_await_unused (const struct soak *soak, const char *disk)
{
  struct asked asked = {.soak = soak, .disk = disk};

  wait_until (is_unused, &asked, "a disk to be left");
}

static int
engine_is (void *arg)
{
  const struct asked *asked = arg;
  struct control_answer answer;

  soak_say (asked->soak, &answer, "get %s backing_engine", asked->disk);
  return strcmp (answer.text, asked->engine) == 0;
}

static void
await_engine (const struct soak *soak, const char *engine)
{
  struct asked asked = {soak, soak->disks[DISK_NBD].name, engine};

  wait_until (engine_is, &asked, engine);
}

void
soak_store_goes (struct soak *soak)
{
  struct soakdisk *const disk = &soak->disks[DISK_NBD];

  excuse_begin (&disk->model.no_store);
  excuse_begin (&disk->no_write);
  nbdstore_kill ();
  await_engine (soak, "nbd away");
}

void
soak_store_returns (struct soak *soak)
{
  struct soakdisk *const disk = &soak->disks[DISK_NBD];

  nbdstore_start ();
  await_engine (soak, "nbd");
  excuse_end (&disk->no_write);
  excuse_end (&disk->model.no_store);
}

void
soak_model (struct soak *soak, struct modeldisk *model, uint64_t size,
            bool fallible)
{
  *model = (struct modeldisk){
      .size = size,
      .longest = LONGEST,
      .state = random_next (&soak->state),
      .spread = true,
      .programs = soak->programs,
      .programs_size = soak->programs_size,
      .fallible = fallible,
  };
  modeldisk_open (model);
}

static void
tally (enum soak_kind kind, _Atomic uint64_t *count)
{
  soak_add (kind, atomic_exchange (count, 0));
}

void
soak_tally_model (struct modeldisk *model)
{
  static const enum soak_kind kinds[OP_KINDS] = {
      [OP_READ] = SOAK_READ,   [OP_WRITE] = SOAK_WRITE,
      [OP_ZERO] = SOAK_ZERO,   [OP_TRIM] = SOAK_TRIM,
      [OP_FLUSH] = SOAK_FLUSH, [OP_EXTENTS] = SOAK_EXTENTS,
      [OP_CACHE] = SOAK_CACHE,
  };

  for (unsigned i = 0; i < OP_KINDS; i++)
    tally (kinds[i], &model->done[i]);
  tally (SOAK_NO_ROOM, &model->failed_for_room);
  tally (SOAK_NO_STORE, &model->failed_for_store);
  soak_add (SOAK_VERIFIED, atomic_exchange (&model->verified, 0) / PAGE);
}

/* A dictionary of pages of programs. */
static const char *
make_dictionary (const struct soak *soak)
{
  const char *const path = nbdstore_path ("dict");
  const int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  CHECK (fd != -1 && soak->programs_size >= DICT_SIZE);
  CHECK (write (fd, soak->programs, DICT_SIZE) == (ssize_t) DICT_SIZE);
  close (fd);
  return path;
}

void
soakdisks_make (struct soak *soak)
{
  static const char *const disk_names[] = {"memory", "file", "behind"};

  for (unsigned i = 0; i < SOAK_DISKS; i++) {
    soak->disks[i].name = disk_names[i];
    soak_model (soak, &soak->disks[i].model, SOAK_SIZE, true);
  }
  soak_tell (soak,
             "hot_add name=memory disksize=65M comp_algorithm=lz4 "
             "reserve=2M " RECOMPRESSION
             " algorithm_params=\"priority=1 level=9 dict=%s\"",
             make_dictionary (soak));
  soak_tell (soak,
             "hot_add name=file disksize=65M comp_algorithm=zstd "
             "algorithm_params=level=-1 " RECOMPRESSION
             " backing_dev=%s backing_size=%" PRIu64,
             nbdstore_path ("cold"), FILE_STORE);
  nbdstore_start ();
  soak_tell (
      soak,
      "hot_add name=behind disksize=65M comp_algorithm=lz4 " RECOMPRESSION
      " backing_timeout=2 %s",
      nbdstore_parameter ());
}

void
soakdisks_close (struct soak *soak)
{
  for (unsigned i = 0; i < SOAK_DISKS; i++)
    modeldisk_close (&soak->disks[i].model);
}
