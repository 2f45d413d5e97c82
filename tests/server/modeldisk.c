/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk beside its model: modeldisk.h says what is compared. */
#include <config.h>

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "data.h"
#include "modeldisk.h"
#include "server.h"

struct modelop {
  struct modeldisk *disk;
  enum modelop_kind kind;
  int busy;
  uint64_t offset;
  uint64_t count;
  uint64_t first; /* the bytes that it depends on or changes: from, */
  uint64_t last;  /* up to before */
  uint64_t ordinal;
  unsigned char *buf;
  unsigned char *old; /* what was there before */
  struct extents extents;

  int failed;     /* it has, and what it left is to be read */
  bool resolving; /* that is being read */
  unsigned no_room;
  unsigned no_store;
  unsigned faulty;
};

static const char *const names[] = {"read",    "write", "zero", "trim",
                                    "extents", "flush", "cache"};

static uint64_t
below (struct modeldisk *disk, uint64_t n)
{
  return random_below (&disk->state, n);
}

static bool
one_in (struct modeldisk *disk, uint64_t n)
{
  return below (disk, n) == 0;
}

static uint64_t
up_to_longest (struct modeldisk *disk, uint64_t n)
{
  return 1 + below (disk, n < disk->longest ? n : disk->longest);
}

/* Lengths: bytes, parts of pages, runs of pages, up to everything. */
static uint64_t
random_count (struct modeldisk *disk)
{
  switch (below (disk, 16)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return 1 + below (disk, PAGE / 4);
  case 4:
    return 1 + below (disk, PAGE);
  case 5:
  case 6:
  case 7:
  case 8:
    return (1 + below (disk, 8)) * PAGE;
  case 9:
  case 10:
  case 11:
  case 12:
  case 13:
    return up_to_longest (disk, 64 * KiB);
  case 14:
    return up_to_longest (disk, MiB);
  default:
    return one_in (disk, 8) ? disk->longest - below (disk, PAGE)
                            : up_to_longest (disk, 256 * KiB);
  }
}

/* Short requests mostly crowd in a few pages, so that several are under way in
 * the same one; many of the others in 64 KiB. */
static uint64_t
random_offset (struct modeldisk *disk, uint64_t count)
{
  const uint64_t crowd = count < PAGE / 4 ? 3 * PAGE : 64 * KiB;
  uint64_t first = 0, room = disk->size - count;
  bool crowded;

  if (one_in (disk, 8))
    return room;
  if (disk->spread)
    crowded = one_in (disk, 4);
  else
    crowded = !one_in (disk, count < PAGE / 4 ? 8 : 2);
  if (crowded && room > disk->crowd + crowd) {
    first = disk->crowd;
    room = crowd;
  }
  return first + (one_in (disk, 2) ? below (disk, room + 1)
                                   : below (disk, room / PAGE + 1) * PAGE);
}

static enum modelop_kind
random_kind (struct modeldisk *disk)
{
  static const enum modelop_kind kinds[] = {
      OP_READ,  OP_READ,  OP_READ,  OP_READ,  OP_READ,    OP_READ,
      OP_READ,  OP_READ,  OP_READ,  OP_READ,  OP_ZERO,    OP_ZERO,
      OP_WRITE, OP_WRITE, OP_WRITE, OP_WRITE, OP_TRIM,    OP_TRIM,
      OP_WRITE, OP_WRITE, OP_FLUSH, OP_CACHE, OP_EXTENTS, OP_EXTENTS,
  };

  return kinds[below (disk, sizeof kinds / sizeof kinds[0])];
}

static void
op_choose (struct modelop *op)
{
  struct modeldisk *const disk = op->disk;

  op->kind = random_kind (disk);
  op->count = random_count (disk);
  if (op->kind == OP_TRIM && op->count > disk->longest / 2 && one_in (disk, 16))
    op->count = disk->size;
  op->offset = random_offset (disk, op->count);
  op->first = op->offset;
  op->last = op->offset + op->count;
  if (op->kind == OP_EXTENTS) {
    op->first = op->first / PAGE * PAGE;
    op->last = (op->last + PAGE - 1) / PAGE * PAGE;
  }
}

static int
op_changes (const struct modelop *op)
{
  return op->kind == OP_WRITE || op->kind == OP_ZERO || op->kind == OP_TRIM;
}

static int
op_depends (const struct modelop *op)
{
  return op->kind != OP_FLUSH && op->kind != OP_CACHE;
}

static int
op_conflicts (const struct modelop *op)
{
  if (!op_depends (op))
    return 0;
  for (size_t i = 0; i < MODELDISK_DEPTH; i++) {
    const struct modelop *other = &op->disk->ops[i];

    if (other != op && other->busy && op_depends (other) &&
        (op_changes (op) || op_changes (other)) && op->first < other->last &&
        other->first < op->last)
      return 1;
  }
  return 0;
}

/* From anywhere in the pages of programs. */
static void
program_fill (struct modeldisk *disk, unsigned char *buf, uint64_t len)
{
  const uint64_t pages = disk->programs_size / PAGE;

  memcpy (buf, disk->programs + below (disk, pages) * PAGE, len);
}

/* Page by page some other kind of data. */
static void
write_prepare (struct modelop *op)
{
  struct modeldisk *const disk = op->disk;
  const unsigned kinds = DATA_KINDS + (disk->programs ? 4 : 0);

  for (uint64_t at = 0; at < op->count;) {
    const uint64_t room = PAGE - (op->offset + at) % PAGE;
    const uint64_t len = op->count - at < room ? op->count - at : room;
    const unsigned kind = (unsigned) below (disk, kinds);

    if (kind < DATA_KINDS)
      data_fill (op->buf + at, len, (enum data_kind) kind,
                 random_next (&disk->state));
    else
      program_fill (disk, op->buf + at, len);
    at += len;
  }
  memcpy (disk->model + op->offset, op->buf, op->count);
}

static void
trim_prepare (const struct modelop *op)
{
  const uint64_t first = (op->offset + PAGE - 1) / PAGE * PAGE;
  const uint64_t last = (op->offset + op->count) / PAGE * PAGE;

  if (first < last)
    memset (op->disk->model + first, 0, last - first);
}

static int
page_is_zero (const struct modeldisk *disk, uint64_t offset)
{
  const unsigned char *page = disk->model + offset / PAGE * PAGE;

  return page[0] == 0 && memcmp (page, page + 1, PAGE - 1) == 0;
}

/* Every page of zeros is a hole, and every hole is a page of zeros. */
static void
extents_verify (const struct modelop *op)
{
  uint64_t at = op->offset;

  if (op->extents.n == 0)
    fail ("extents: none");
  for (size_t i = 0; i < op->extents.n; i++) {
    const uint64_t end = at + op->extents.e[i].length;
    const uint32_t flags = op->extents.e[i].flags;

    CHECK (end <= op->offset + op->count);
    for (; at < end; at += PAGE - at % PAGE)
      if (flags != (page_is_zero (op->disk, at) ? (uint32_t) HOLE : 0))
        fail ("extents: flags %" PRIu32 " at byte %" PRIu64, flags, at);
    at = end;
  }
}

/* Whether OP may have failed with ERROR; then it is counted. */
static bool
is_excused (struct modelop *op, int error)
{
  struct modeldisk *const disk = op->disk;
  const bool writes = op->kind == OP_WRITE || op->kind == OP_ZERO;

  if (excuse_holds (&disk->faulty, op->faulty)) {
    disk->failed_by_fault++;
    return true;
  }
  if (error == ENOSPC && writes && !op->resolving &&
      excuse_holds (&disk->no_room, op->no_room)) {
    disk->failed_for_room++;
    return true;
  }
  if (error == EIO && (writes || op->kind == OP_READ) &&
      excuse_holds (&disk->no_store, op->no_store)) {
    disk->failed_for_store++;
    return true;
  }
  return false;
}

/* What a request has left that failed, is now in "buf". */
static void
resolve (struct modelop *op)
{
  unsigned char *const model = op->disk->model + op->offset;

  for (uint64_t at = 0; at < op->count;) {
    const uint64_t room = PAGE - (op->offset + at) % PAGE;
    const uint64_t len = op->count - at < room ? op->count - at : room;

    if (memcmp (op->buf + at, op->old + at, len) == 0)
      memcpy (model + at, op->buf + at, len);
    else
      check_same (op->buf + at, model + at, len, op->offset + at);
    at += len;
  }
}

static void
op_verify (struct modelop *op)
{
  struct modeldisk *const disk = op->disk;

  if (op->resolving)
    resolve (op);
  else if (op->kind == OP_READ)
    check_same (op->buf, disk->model + op->offset, op->count, op->offset);
  else if (op->kind == OP_EXTENTS)
    extents_verify (op);
  if (op->resolving || op->kind == OP_READ)
    disk->verified += op->count;
  if (!op->resolving)
    disk->done[op->kind]++;
  op->resolving = false;
  op->busy = 0;
}

/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
static int
op_done (void *user_data, int *error)
{
  struct modelop *op = user_data;

  if (*error == 0)
    op_verify (op);
  else if (!is_excused (op, *error))
    fail ("request %" PRIu64 ", %s of %" PRIu64 " bytes at %" PRIu64 "%s: %s",
          op->ordinal, names[op->kind], op->count, op->offset,
          op->resolving ? ", what it left" : "", strerror (*error));
  else if (!op->resolving && !op_changes (op))
    op->busy = 0;
  else
    op->failed = 1;
  return 1;
}
/* NOLINTEND(readability-non-const-parameter) */

/* Keep what a request is about to change; but for long trims, which fail by
 * faults alone. */
static void
op_keep (struct modelop *op)
{
  if (op->disk->fallible && op->count <= op->disk->longest)
    memcpy (op->old, op->disk->model + op->offset, op->count);
}

static int64_t
op_send (struct modelop *op, struct nbd_handle *nbd)
{
  const nbd_completion_callback done = {.callback = op_done, .user_data = op};
  struct modeldisk *const disk = op->disk;
  const uint32_t fua = one_in (disk, 4) ? LIBNBD_CMD_FLAG_FUA : 0;

  switch (op->kind) {
  case OP_READ:
    memset (op->buf, 0xa5, op->count);
    return nbd_aio_pread (nbd, op->buf, op->count, op->offset, done, 0);
  case OP_WRITE:
    op_keep (op);
    write_prepare (op);
    return nbd_aio_pwrite (nbd, op->buf, op->count, op->offset, done, fua);
  case OP_ZERO:
    op_keep (op);
    memset (disk->model + op->offset, 0, op->count);
    return nbd_aio_zero (
        nbd, op->count, op->offset, done,
        fua | (one_in (disk, 2) ? LIBNBD_CMD_FLAG_NO_HOLE : 0) |
            (one_in (disk, 2) ? LIBNBD_CMD_FLAG_FAST_ZERO : 0));
  case OP_TRIM:
    op_keep (op);
    trim_prepare (op);
    return nbd_aio_trim (nbd, op->count, op->offset, done, fua);
  case OP_EXTENTS:
    op->extents.n = 0;
    op->extents.end = op->offset;
    return nbd_aio_block_status (
        nbd, op->count, op->offset, extents_into (&op->extents), done,
        one_in (disk, 4) ? 0 : LIBNBD_CMD_FLAG_REQ_ONE);
  case OP_FLUSH:
    return nbd_aio_flush (nbd, done, 0);
  case OP_CACHE:
  case OP_KINDS:
  default:
    return nbd_aio_cache (nbd, op->count, op->offset, done, 0);
  }
}

static struct nbd_handle *
any_handle (struct modeldisk *disk)
{
  return disk->handles[below (disk, MODELDISK_CONNECTIONS)];
}

static void
op_mark (struct modelop *op)
{
  op->no_room = excuse_mark (&op->disk->no_room);
  op->no_store = excuse_mark (&op->disk->no_store);
  op->faulty = excuse_mark (&op->disk->faulty);
}

/* Send one if one can be found that goes with what is under way. */
static int
op_start (struct modelop *op, uint64_t ordinal)
{
  for (int tries = 0; tries < 8; tries++) {
    op_choose (op);
    if (op_conflicts (op))
      continue;
    op->busy = 1;
    op->ordinal = ordinal;
    op_mark (op);
    NBD_OK (op_send (op, any_handle (op->disk)));
    return 1;
  }
  return 0;
}

/* Ask what it has left. */
static void
op_resolve (struct modelop *op)
{
  const nbd_completion_callback done = {.callback = op_done, .user_data = op};
  const struct timespec ts = {.tv_nsec = 5000000};

  nanosleep (&ts, NULL); /* it may fail as soon as it is asked */
  op->failed = 0;
  op->resolving = true;
  op_mark (op);
  memset (op->buf, 0xa5, op->count);
  NBD_OK (nbd_aio_pread (any_handle (op->disk), op->buf, op->count, op->offset,
                         done, 0));
}

static void
wait_for_replies (struct modeldisk *disk)
{
  struct pollfd fds[MODELDISK_CONNECTIONS];

  for (size_t i = 0; i < MODELDISK_CONNECTIONS; i++) {
    const unsigned direction = nbd_aio_get_direction (disk->handles[i]);

    fds[i].fd = nbd_aio_get_fd (disk->handles[i]);
    fds[i].events =
        (short) ((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
                 (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
  }
  CHECK (poll (fds, MODELDISK_CONNECTIONS, 60 * 1000) > 0);
  for (size_t i = 0; i < MODELDISK_CONNECTIONS; i++) {
    const unsigned direction = nbd_aio_get_direction (disk->handles[i]);

    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR) &&
        direction & LIBNBD_AIO_DIRECTION_READ)
      NBD_OK (nbd_aio_notify_read (disk->handles[i]));
    else if (fds[i].revents & POLLOUT && direction & LIBNBD_AIO_DIRECTION_WRITE)
      NBD_OK (nbd_aio_notify_write (disk->handles[i]));
  }
}

void
modeldisk_run (struct modeldisk *disk, uint64_t n)
{
  uint64_t started = 0;
  unsigned busy;

  if (disk->spread)
    disk->crowd = below (disk, disk->size / PAGE) * PAGE;
  do {
    busy = 0;
    for (size_t i = 0; i < MODELDISK_DEPTH; i++) {
      struct modelop *const op = &disk->ops[i];

      if (op->failed)
        op_resolve (op);
      else if (!op->busy && started < n && op_start (op, started))
        started++;
      busy += op->busy != 0;
    }
    if (busy > 0)
      wait_for_replies (disk);
  } while (busy > 0 || started < n);
}

void
modeldisk_open (struct modeldisk *disk)
{
  disk->model = buffer_new (disk->size);
  disk->ops = calloc (MODELDISK_DEPTH, sizeof *disk->ops);
  CHECK (disk->ops != NULL);
  for (size_t i = 0; i < MODELDISK_DEPTH; i++) {
    disk->ops[i].disk = disk;
    disk->ops[i].buf = buffer_new (disk->longest);
    disk->ops[i].old = disk->fallible ? buffer_new (disk->longest) : NULL;
  }
}

void
modeldisk_close (struct modeldisk *disk)
{
  for (size_t i = 0; i < MODELDISK_DEPTH; i++) {
    free (disk->ops[i].buf);
    free (disk->ops[i].old);
  }
  free (disk->ops);
  free (disk->model);
}

void
modeldisk_connect (struct modeldisk *disk, const struct server *server,
                   const char *export)
{
  memset (disk->model, 0, disk->size);
  for (size_t i = 0; i < MODELDISK_CONNECTIONS; i++)
    disk->handles[i] = server_connect_to (server, export);
  CHECK (nbd_get_size (disk->handles[0]) >= (int64_t) disk->size);
}

void
modeldisk_disconnect (struct modeldisk *disk)
{
  for (size_t i = 0; i < MODELDISK_CONNECTIONS; i++) {
    NBD_OK (nbd_shutdown (disk->handles[i], 0));
    nbd_close (disk->handles[i]);
  }
}

/* Read so many bytes from AT on, and compare. */
static void
verify_part (struct modeldisk *disk, uint64_t at, uint64_t len)
{
  unsigned char *const buf = disk->ops[0].buf;
  const unsigned mark = excuse_mark (&disk->faulty);

  memset (buf, 0xa5, len);
  if (nbd_pread (any_handle (disk), buf, len, at, 0) == 0) {
    check_same (buf, disk->model + at, len, at);
    disk->verified += len;
  }
  else if (excuse_holds (&disk->faulty, mark))
    disk->failed_by_fault++;
  else
    fail ("%" PRIu64 " bytes at %" PRIu64 ": %s", len, at, nbd_get_error ());
}

void
modeldisk_verify (struct modeldisk *disk)
{
  const uint64_t most = disk->longest < 64 * KiB ? disk->longest : 64 * KiB;
  uint64_t len;

  for (uint64_t at = 0; at < disk->size; at += len) {
    len = disk->size - at < most ? disk->size - at : most;
    verify_part (disk, at, len);
  }
}
