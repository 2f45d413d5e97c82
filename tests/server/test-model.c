/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole device against a plain array of bytes, as modeldisk.h has it.
 *
 * In the last two servers pages are marked as idle, recompressed and written
 * back all the time, so that requests find them in memory, in the store, or on
 * their way.  The store of the last goes away and comes back: whoever needs it
 * waits, and no request fails.
 *
 * MODEL_SEED  makes the same requests again (it is printed)
 * MODEL_OPS   how many of them for each server: for as long as one likes
 */
#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "data.h"
#include "modeldisk.h"
#include "nbdstore.h"
#include "server.h"

#define SIZE        (6 * MiB + 3 * PAGE)
#define DISKSIZE    "6303744"
#define DEFAULT_OPS 60000U
#define BURSTS      20U

static struct modeldisk disk;

static void
connect_all (const struct server *server)
{
  modeldisk_connect (&disk, server, "");
  CHECK (nbd_get_size (disk.handles[0]) == (int64_t) SIZE);
}

static void
test_server (const char *one, const char *two, uint64_t n)
{
  struct server server;

  server_start (&server, DISKSIZE, one, two, NULL);
  connect_all (&server);
  modeldisk_run (&disk, n);
  modeldisk_verify (&disk);
  modeldisk_disconnect (&disk);
  server_stop (&server);
}

/* Who moves pages about while requests are made, and who has the store go away.
 */
struct mover {
  pthread_t thread;
  const char *control;
  int store_goes;
  uint64_t state;
  _Atomic int over;
};

static void *
move_pages (void *arg)
{
  static const char *const requests[] = {
      "set idle=all",
      "set writeback=type=idle",
      "set idle=all",
      "set recompress=type=idle",
      "set writeback=type=huge",
      "set recompress=threshold=1000",
      "set writeback=page_indexes=0-15",
      "set writeback=page_indexes=100-900",
      "set compact=1",
  };
  struct mover *const mover = arg;
  char answer[256];

  while (!mover->over) {
    const char *const request = requests[random_below (
        &mover->state, sizeof requests / sizeof requests[0])];

    /* A store that goes has a run say that it failed. */
    if (control_try (mover->control, request, answer, sizeof answer) != 0 &&
        !mover->store_goes)
      fail ("refused: %s", request);
  }
  return NULL;
}

static void
sleep_for_less_than (struct mover *mover, uint64_t ms)
{
  const struct timespec ts = {
      .tv_nsec = (long) random_below (&mover->state, ms) * 1000000};

  nanosleep (&ts, NULL);
}

static void *
move_store (void *arg)
{
  struct mover *const mover = arg;

  while (!mover->over) {
    sleep_for_less_than (mover, 1000);
    nbdstore_kill ();
    sleep_for_less_than (mover, 200);
    nbdstore_start ();
  }
  return NULL;
}

static void
mover_start (struct mover *mover, void *(*move) (void *arg), int store_goes,
             const char *control)
{
  *mover = (struct mover){.control = control,
                          .store_goes = store_goes,
                          .state = random_next (&disk.state)};
  CHECK (pthread_create (&mover->thread, NULL, move, mover) == 0);
}

static void
mover_stop (struct mover *mover)
{
  mover->over = 1;
  CHECK (pthread_join (mover->thread, NULL) == 0);
}

/* Has it happened, to pages in bd_stat and in recomp_stat? */
static bool
has_moved (const char *control)
{
  uint64_t there, reads, writes, tried, gained;
  char answer[256];

  control_ask (control, "get bd_stat", answer, sizeof answer);
  CHECK (sscanf (answer, "%" SCNu64 " %" SCNu64 " %" SCNu64, &there, &reads,
                 &writes) == 3);
  fprintf (stderr, "bd_stat: %s; ", answer);
  control_ask (control, "get recomp_stat", answer, sizeof answer);
  CHECK (sscanf (answer, "%" SCNu64 " %" SCNu64, &tried, &gained) == 2);
  fprintf (stderr, "recomp_stat: %s\n", answer);
  return reads > 0 && writes > 0 && gained > 0;
}

/* N requests, in bursts: a page that is used while it is on its way loses it,
 * and among requests for all pages hardly one ever arrives.  Between bursts
 * those who move pages are left alone; on a busy machine, where the server's
 * idle threads run late, until they have moved some, unless few requests were
 * asked for. */
static void
run_ops_beside (const char *control, uint64_t n)
{
  const struct timespec rest = {.tv_nsec = 50000000};

  for (unsigned i = 0; i < BURSTS; i++) {
    modeldisk_run (&disk, n / BURSTS);
    nanosleep (&rest, NULL);
  }
  for (unsigned i = 0; n >= DEFAULT_OPS / 3 && !has_moved (control); i++) {
    CHECK (i < 1200);
    nanosleep (&rest, NULL);
    modeldisk_run (&disk, n / 1000);
  }
}

static void
test_moving (const char *store, const char *more, int store_goes, uint64_t n)
{
  const char *const path = nbdstore_path (store_goes ? "control2" : "control1");
  struct mover of_pages, of_store;
  struct server server;
  char control[96];

  snprintf (control, sizeof control, "control=%s", path);
  server_start (&server, DISKSIZE, "recomp_algorithm=algo=zstd", control, store,
                more, NULL);
  connect_all (&server);
  mover_start (&of_pages, move_pages, store_goes, path);
  if (store_goes)
    mover_start (&of_store, move_store, store_goes, path);
  run_ops_beside (path, n);
  modeldisk_verify (&disk);
  if (store_goes) {
    mover_stop (&of_store);
    nbdstore_kill (); /* it ends with the thread that started it */
    nbdstore_start ();
  }
  mover_stop (&of_pages);
  modeldisk_verify (&disk);
  modeldisk_disconnect (&disk);
  server_stop (&server);
}

static void
test_moving_pages (uint64_t n)
{
  char store[96];

  nbdstore_make (16 * MiB);
  snprintf (store, sizeof store, "backing_dev=%s", nbdstore_path ("disk"));
  test_moving (store, "backing_size=16M", 0, n / 2);
  nbdstore_start ();
  /* It waits often, but never for too long. */
  test_moving (nbdstore_parameter (), "backing_timeout=600", 1, n / 3);
}

static uint64_t
setting (const char *name, uint64_t otherwise)
{
  const char *value = getenv (name);

  return value ? strtoull (value, NULL, 0) : otherwise;
}

int
main (void)
{
  const uint64_t seed = setting ("MODEL_SEED", (uint64_t) time (NULL));
  const uint64_t n = setting ("MODEL_OPS", DEFAULT_OPS);

  fprintf (stderr, "MODEL_SEED=%" PRIu64 " MODEL_OPS=%" PRIu64 "\n", seed, n);
  disk = (struct modeldisk){.size = SIZE, .longest = SIZE, .state = seed};
  modeldisk_open (&disk);

  test_server ("comp_algorithm=lz4", NULL, n);
  test_server ("comp_algorithm=zstd", NULL, n);
  test_server ("comp_algorithm=lz4", "spread_threshold=0", n);
  test_moving_pages (n);

  modeldisk_close (&disk);
  return EXIT_SUCCESS;
}
