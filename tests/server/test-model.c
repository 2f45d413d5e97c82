/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole device against a plain array of bytes: random requests of every
 * kind, of any offset and length, many at once on several connections.
 *
 * A request is not sent while another one is under way that would make its
 * outcome a matter of chance: bytes that one request changes, no other request
 * looks at or changes.  Neighbouring bytes of the same page are fair game.
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
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "data.h"
#include "nbdstore.h"
#include "server.h"

#define SIZE        (6 * MiB + 3 * PAGE)
#define DISKSIZE    "6303744"
#define CONNECTIONS 4U
#define DEPTH       12U
#define DEFAULT_OPS 60000U
#define BURSTS      20U

enum op_kind {
  OP_READ,
  OP_WRITE,
  OP_ZERO,
  OP_TRIM,
  OP_EXTENTS,
  OP_OTHER
};

struct op {
  enum op_kind kind;
  int busy;
  uint64_t offset;
  uint64_t count;
  uint64_t first; /* the bytes that it depends on or changes: from, */
  uint64_t last;  /* up to before */
  uint64_t ordinal;
  unsigned char *buf;
  struct extents extents;
};

static const char *const names[] = {"read", "write",   "zero",
                                    "trim", "extents", "other"};

static unsigned char *model;
static struct nbd_handle *handles[CONNECTIONS];
static struct op ops[DEPTH];
static uint64_t state; /* of the random numbers */

static uint64_t
below (uint64_t n)
{
  return random_below (&state, n);
}

/* Lengths: bytes, parts of pages, runs of pages, up to everything. */
static uint64_t
random_count (void)
{
  switch (below (16)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return 1 + below (PAGE / 4);
  case 4:
    return 1 + below (PAGE);
  case 5:
  case 6:
  case 7:
  case 8:
    return (1 + below (8)) * PAGE;
  case 9:
  case 10:
  case 11:
  case 12:
  case 13:
    return 1 + below (64 * KiB);
  case 14:
    return 1 + below (MiB);
  default:
    return below (8) == 0 ? SIZE - below (PAGE) : 1 + below (256 * KiB);
  }
}

/* Short requests mostly crowd in the first few pages, so that several are under
 * way in the same one; half of the others in the first 64 KiB. */
static uint64_t
random_offset (uint64_t count)
{
  const uint64_t crowd = count < PAGE / 4 ? 3 * PAGE : 64 * KiB;
  uint64_t room = SIZE - count;

  if (below (8) == 0)
    return room;
  if (room > crowd && below (count < PAGE / 4 ? 8 : 2) != 0)
    room = crowd;
  return below (2) ? below (room + 1) : below (room / PAGE + 1) * PAGE;
}

static enum op_kind
random_kind (void)
{
  static const enum op_kind kinds[] = {
      OP_READ,  OP_READ,  OP_READ, OP_READ, OP_READ,    OP_WRITE,
      OP_WRITE, OP_WRITE, OP_ZERO, OP_TRIM, OP_EXTENTS, OP_OTHER,
  };

  return kinds[below (sizeof kinds / sizeof kinds[0])];
}

static void
op_choose (struct op *op)
{
  op->kind = random_kind ();
  op->count = random_count ();
  op->offset = random_offset (op->count);
  op->first = op->offset;
  op->last = op->offset + op->count;
  if (op->kind == OP_EXTENTS) {
    op->first = op->first / PAGE * PAGE;
    op->last = (op->last + PAGE - 1) / PAGE * PAGE;
  }
}

static int
op_changes (const struct op *op)
{
  return op->kind == OP_WRITE || op->kind == OP_ZERO || op->kind == OP_TRIM;
}

static int
op_conflicts (const struct op *op)
{
  if (op->kind == OP_OTHER)
    return 0;
  for (size_t i = 0; i < DEPTH; i++) {
    const struct op *other = &ops[i];

    if (other != op && other->busy && other->kind != OP_OTHER &&
        (op_changes (op) || op_changes (other)) && op->first < other->last &&
        other->first < op->last)
      return 1;
  }
  return 0;
}

/* Page by page some other kind of data. */
static void
write_prepare (struct op *op)
{
  for (uint64_t at = 0; at < op->count;) {
    const uint64_t room = PAGE - (op->offset + at) % PAGE;
    const uint64_t len = op->count - at < room ? op->count - at : room;

    data_fill (op->buf + at, len, (enum data_kind) below (DATA_KINDS),
               random_next (&state));
    at += len;
  }
  memcpy (model + op->offset, op->buf, op->count);
}

static void
trim_prepare (const struct op *op)
{
  const uint64_t first = (op->offset + PAGE - 1) / PAGE * PAGE;
  const uint64_t last = (op->offset + op->count) / PAGE * PAGE;

  if (first < last)
    memset (model + first, 0, last - first);
}

static int
page_is_zero (uint64_t offset)
{
  const unsigned char *page = model + offset / PAGE * PAGE;

  return page[0] == 0 && memcmp (page, page + 1, PAGE - 1) == 0;
}

/* Every page of zeros is a hole, and every hole is a page of zeros. */
static void
extents_verify (const struct op *op)
{
  uint64_t at = op->offset;

  if (op->extents.n == 0)
    fail ("extents: none");
  for (size_t i = 0; i < op->extents.n; i++) {
    const uint64_t end = at + op->extents.e[i].length;
    const uint32_t flags = op->extents.e[i].flags;

    CHECK (end <= op->offset + op->count);
    for (; at < end; at += PAGE - at % PAGE)
      if (flags != (page_is_zero (at) ? (uint32_t) HOLE : 0))
        fail ("extents: flags %" PRIu32 " at byte %" PRIu64, flags, at);
    at = end;
  }
}

/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
static int
op_done (void *user_data, int *error)
{
  struct op *op = user_data;

  if (*error != 0)
    fail ("request %" PRIu64 ", %s of %" PRIu64 " bytes at %" PRIu64 ": %s",
          op->ordinal, names[op->kind], op->count, op->offset,
          strerror (*error));
  if (op->kind == OP_READ)
    check_same (op->buf, model + op->offset, op->count, op->offset);
  else if (op->kind == OP_EXTENTS)
    extents_verify (op);
  op->busy = 0;
  return 1;
}
/* NOLINTEND(readability-non-const-parameter) */

static int64_t
send_other (struct op *op, struct nbd_handle *nbd, nbd_completion_callback done)
{
  if (below (2))
    return nbd_aio_flush (nbd, done, 0);
  return nbd_aio_cache (nbd, op->count, op->offset, done, 0);
}

static int64_t
op_send (struct op *op, struct nbd_handle *nbd)
{
  const nbd_completion_callback done = {.callback = op_done, .user_data = op};
  const uint32_t fua = below (4) ? 0 : LIBNBD_CMD_FLAG_FUA;

  switch (op->kind) {
  case OP_READ:
    memset (op->buf, 0xa5, op->count);
    return nbd_aio_pread (nbd, op->buf, op->count, op->offset, done, 0);
  case OP_WRITE:
    write_prepare (op);
    return nbd_aio_pwrite (nbd, op->buf, op->count, op->offset, done, fua);
  case OP_ZERO:
    memset (model + op->offset, 0, op->count);
    return nbd_aio_zero (nbd, op->count, op->offset, done,
                         fua | (below (2) ? LIBNBD_CMD_FLAG_NO_HOLE : 0) |
                             (below (2) ? LIBNBD_CMD_FLAG_FAST_ZERO : 0));
  case OP_TRIM:
    trim_prepare (op);
    return nbd_aio_trim (nbd, op->count, op->offset, done, fua);
  case OP_EXTENTS:
    op->extents.n = 0;
    op->extents.end = op->offset;
    return nbd_aio_block_status (nbd, op->count, op->offset,
                                 extents_into (&op->extents), done,
                                 below (4) ? 0 : LIBNBD_CMD_FLAG_REQ_ONE);
  case OP_OTHER:
  default:
    return send_other (op, nbd, done);
  }
}

/* Send one if one can be found that goes with what is under way. */
static int
op_start (struct op *op, uint64_t ordinal)
{
  for (int tries = 0; tries < 8; tries++) {
    op_choose (op);
    if (op_conflicts (op))
      continue;
    op->busy = 1;
    op->ordinal = ordinal;
    NBD_OK (op_send (op, handles[below (CONNECTIONS)]));
    return 1;
  }
  return 0;
}

static void
wait_for_replies (void)
{
  struct pollfd fds[CONNECTIONS];

  for (size_t i = 0; i < CONNECTIONS; i++) {
    const unsigned direction = nbd_aio_get_direction (handles[i]);

    fds[i].fd = nbd_aio_get_fd (handles[i]);
    fds[i].events =
        (short) ((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
                 (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
  }
  CHECK (poll (fds, CONNECTIONS, 60 * 1000) > 0);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    const unsigned direction = nbd_aio_get_direction (handles[i]);

    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR) &&
        direction & LIBNBD_AIO_DIRECTION_READ)
      NBD_OK (nbd_aio_notify_read (handles[i]));
    else if (fds[i].revents & POLLOUT && direction & LIBNBD_AIO_DIRECTION_WRITE)
      NBD_OK (nbd_aio_notify_write (handles[i]));
  }
}

static void
run_ops (uint64_t n)
{
  uint64_t started = 0;
  unsigned busy;

  do {
    busy = 0;
    for (size_t i = 0; i < DEPTH; i++) {
      if (!ops[i].busy && started < n && op_start (&ops[i], started))
        started++;
      busy += ops[i].busy != 0;
    }
    if (busy > 0)
      wait_for_replies ();
  } while (busy > 0 || started < n);
}

static void
connect_all (const struct server *server)
{
  memset (model, 0, SIZE);
  for (size_t i = 0; i < CONNECTIONS; i++)
    handles[i] = server_connect (server);
  CHECK (nbd_get_size (handles[0]) == (int64_t) SIZE);
}

static void
disconnect_all (void)
{
  for (size_t i = 0; i < CONNECTIONS; i++)
    nbd_close (handles[i]);
}

static void
test_server (const char *one, const char *two, uint64_t n)
{
  struct server server;

  server_start (&server, DISKSIZE, one, two, NULL);
  connect_all (&server);
  run_ops (n);
  check_read (handles[0], model, SIZE, 0);
  disconnect_all ();
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
                          .state = random_next (&state)};
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
    run_ops (n / BURSTS);
    nanosleep (&rest, NULL);
  }
  for (unsigned i = 0; n >= DEFAULT_OPS / 3 && !has_moved (control); i++) {
    CHECK (i < 1200);
    nanosleep (&rest, NULL);
    run_ops (n / 1000);
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
  check_read (handles[0], model, SIZE, 0);
  if (store_goes) {
    mover_stop (&of_store);
    nbdstore_kill (); /* it ends with the thread that started it */
    nbdstore_start ();
  }
  mover_stop (&of_pages);
  check_read (handles[0], model, SIZE, 0);
  disconnect_all ();
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
  model = buffer_new (SIZE);
  for (size_t i = 0; i < DEPTH; i++)
    ops[i].buf = buffer_new (SIZE);

  state = seed;
  test_server ("comp_algorithm=lz4", NULL, n);
  test_server ("comp_algorithm=zstd", NULL, n);
  test_server ("comp_algorithm=lz4", "spread_threshold=0", n);
  test_moving_pages (n);

  for (size_t i = 0; i < DEPTH; i++)
    free (ops[i].buf);
  free (model);
  return EXIT_SUCCESS;
}
