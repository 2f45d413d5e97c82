/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection of a store to its NBD server.
 *
 * Problem.  A server may go away, for a moment or for good, in the middle of
 * anything, and what answers after a while need not be what was there.  And
 * libnbd's own way to wait (nbd_poll) holds the handle's lock meanwhile, so
 * that nobody could submit.
 *
 * Idea.  All that is done is a step that does not wait; between two steps
 * whoever looks after the connection waits for the socket with what else he has
 * to wait for.
 *
 *            begin_connecting         begin_checking        end_checking
 *   AWAY -----------------> CONNECTING -----------> CHECKING ---------> UP
 *    ^                          |                      |                |
 *    +--------------------------+----------------------+----------------+
 *                              nbdconn_lose
 *
 * Between two attempts it waits, each time for longer.  A server is asked for
 * the mark that this store left, and if it has another one, or none, it is left
 * alone.
 *
 * Invariants:
 *   - once a thread looks after it, only that one touches the handle;
 *   - it is up again only after the server has shown the mark: nothing but the
 *     check is sent before (the first time the store itself has a look);
 *   - to connect and to be checked take no longer than an answer may;
 *   - nothing of libnbd is used elsewhere, nor before it has been loaded.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libnbd.h>

#include "clock.h"
#include "nbdconn.h"

#define LIBNBD "libnbd.so.0"

/* libnbd's functions.  It is loaded with the first store that needs it: with it
 * come libxml2 and 31 MB of ICU, and a server of swap locks all that it has. */
/* clang-format off */
#define LIBNBD_FUNCTIONS(F)                     \
  F (nbd_aio_command_completed)                 \
  F (nbd_aio_connect_uri)                       \
  F (nbd_aio_get_direction)                     \
  F (nbd_aio_get_fd)                            \
  F (nbd_aio_is_closed)                         \
  F (nbd_aio_is_dead)                           \
  F (nbd_aio_is_ready)                          \
  F (nbd_aio_notify_read)                       \
  F (nbd_aio_notify_write)                      \
  F (nbd_aio_pread)                             \
  F (nbd_aio_pwrite)                            \
  F (nbd_close)                                 \
  F (nbd_create)                                \
  F (nbd_get_block_size)                        \
  F (nbd_get_errno)                             \
  F (nbd_get_error)                             \
  F (nbd_get_size)                              \
  F (nbd_is_read_only)                          \
  F (nbd_poll)                                  \
  F (nbd_set_uri_allow_local_file)
/* clang-format on */

#define MEMBER(name) __typeof__ (name) *(name);
static struct {
  LIBNBD_FUNCTIONS (MEMBER)
} lib;

static pthread_once_t lib_once = PTHREAD_ONCE_INIT;
static char lib_missing[256]; /* why it cannot be used */

static void *
find_function (void *handle, const char *name)
{
  void *const function = dlsym (handle, name);

  if (!function)
    snprintf (lib_missing, sizeof lib_missing, "%s has no %s", LIBNBD, name);
  return function;
}

static void
load_lib (void)
{
  void *const handle = dlopen (LIBNBD, RTLD_NOW | RTLD_LOCAL);

  if (!handle) {
    snprintf (lib_missing, sizeof lib_missing, "%s", dlerror ());
    return;
  }
#define FIND(name) *(void **) &lib.name = find_function (handle, #name);
  LIBNBD_FUNCTIONS (FIND)
}

/* The connection, one step at a time. */

/* What transfers are multiples of, at least and at most. */
#define MIN_BLOCK 512U
#define MAX_BLOCK 4096U

/* Between two attempts to connect: at first, and at most. */
#define BACKOFF_MS     100U
#define MAX_BACKOFF_MS 5000U

static uint64_t
larger (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

uint64_t
nbdconn_patience (const struct nbdconn *conn)
{
  return larger (conn->timeout / 2, NBDCONN_TICK_MS);
}

/* Begin to connect.  False: libnbd says why. */
static bool
begin_connecting (struct nbdconn *conn)
{
  conn->nbd = lib.nbd_create ();
  if (!conn->nbd)
    return false;
  /* The URI is the administrator's, who may name his keys in it. */
  return lib.nbd_set_uri_allow_local_file (conn->nbd, true) == 0 &&
         lib.nbd_aio_connect_uri (conn->nbd, conn->uri) == 0;
}

struct pollfd
nbdconn_awaited (const struct nbdconn *conn)
{
  struct pollfd awaited = {.fd = -1};
  unsigned direction;

  if (!conn->nbd)
    return awaited;
  direction = lib.nbd_aio_get_direction (conn->nbd);
  awaited.fd = lib.nbd_aio_get_fd (conn->nbd);
  if (direction & LIBNBD_AIO_DIRECTION_READ)
    awaited.events |= POLLIN;
  if (direction & LIBNBD_AIO_DIRECTION_WRITE)
    awaited.events |= POLLOUT;
  return awaited;
}

void
nbdconn_go_on (struct nbdconn *conn, short revents)
{
  const unsigned direction = lib.nbd_aio_get_direction (conn->nbd);

  if (revents & (POLLIN | POLLHUP) && direction & LIBNBD_AIO_DIRECTION_READ)
    lib.nbd_aio_notify_read (conn->nbd);
  else if (revents && direction & LIBNBD_AIO_DIRECTION_WRITE)
    lib.nbd_aio_notify_write (conn->nbd);
}

void
nbdconn_wait (struct nbdconn *conn)
{
  lib.nbd_poll (conn->nbd, (int) NBDCONN_TICK_MS);
}

bool
nbdconn_is_dead (const struct nbdconn *conn)
{
  return lib.nbd_aio_is_dead (conn->nbd) > 0 ||
         lib.nbd_aio_is_closed (conn->nbd) > 0;
}

bool
nbdconn_is_up (const struct nbdconn *conn)
{
  return conn->state == NBDCONN_UP;
}

/* Is it a server on which the store can be?  NULL: yes; or why not, and what
 * would do. */
static const char *
why_unfit (struct nbdconn *conn)
{
  const int64_t most = lib.nbd_get_block_size (conn->nbd, LIBNBD_SIZE_MAXIMUM);

  if (lib.nbd_is_read_only (conn->nbd) != 0)
    return "can only be read: give an export that can be written";
  if (lib.nbd_get_block_size (conn->nbd, LIBNBD_SIZE_MINIMUM) > MAX_BLOCK)
    return "has blocks of more than 4096 bytes: give an export whose blocks "
           "are smaller";
  if (most > 0 && most < NBDCONN_LONGEST)
    return "takes requests of less than 256 KiB only: give an export that "
           "takes larger ones";
  return NULL;
}

/* Single requests. */

/* libnbd is not to forget the request at once: where a connection breaks as it
 * sends, it calls this before it has returned the cookie, which it reads from
 * what it would have freed. */
/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
static int
on_answer (void *opaque, int *error)
{
  struct nbdconn_request *const request = opaque;

  request->answered = true;
  request->error = *error;
  return 0;
}
/* NOLINTEND(readability-non-const-parameter) */

bool
nbdconn_send (struct nbdconn *conn, struct nbdconn_request *request, bool write,
              void *buf, uint32_t len, uint64_t offset)
{
  /* cppcheck-suppress legacyUninitvar; libnbd's type is not seen */
  const nbd_completion_callback callback = {.callback = on_answer,
                                            .user_data = request};

  *request = (struct nbdconn_request){0};
  request->cookie =
      write ? lib.nbd_aio_pwrite (conn->nbd, buf, len, offset, callback, 0)
            : lib.nbd_aio_pread (conn->nbd, buf, len, offset, callback, 0);
  return request->cookie >= 0;
}

void
nbdconn_forget (struct nbdconn *conn, const struct nbdconn_request *request)
{
  lib.nbd_aio_command_completed (conn->nbd, (uint64_t) request->cookie);
}

/* Lost, and made anew. */

static void
tell (const struct nbdconn *conn, const char *what, const char *why)
{
  char line[512];

  if (!conn->complain)
    return;
  snprintf (line, sizeof line, "backing store %.200s: %s%s", conn->uri, what,
            why);
  conn->complain (line);
}

void
nbdconn_lose (struct nbdconn *conn, const char *why)
{
  if (conn->state == NBDCONN_UP)
    tell (conn, "the server is away: ", why);
  lib.nbd_close (conn->nbd);
  conn->nbd = NULL;
  conn->state = NBDCONN_AWAY;
  conn->next = clock_ms () + conn->backoff;
  conn->backoff =
      conn->backoff * 2 < MAX_BACKOFF_MS ? conn->backoff * 2 : MAX_BACKOFF_MS;
}

const char *
nbdconn_error (void)
{
  const char *const error = lib.nbd_get_error ();

  return error ? error : "it has closed the connection";
}

/* What is there now is not the store, or not as it was: say so, once. */
static void
lose_another (struct nbdconn *conn, const char *why)
{
  if (!conn->told)
    tell (conn, why, ": it is left alone");
  conn->told = true;
  conn->backoff = MAX_BACKOFF_MS;
  nbdconn_lose (conn, "");
}

/* The server answers again: ask it for the mark. */
static void
begin_checking (struct nbdconn *conn)
{
  const char *const why = why_unfit (conn);

  conn->state = NBDCONN_CHECKING;
  if (why)
    lose_another (conn, why);
  else if (lib.nbd_get_size (conn->nbd) < (int64_t) conn->store->size)
    lose_another (conn, "it is smaller than it was");
  else if (!nbdconn_send (conn, &conn->check, false, conn->seen, STORE_HEADER,
                          0))
    nbdconn_lose (conn, "");
}

static void
end_checking (struct nbdconn *conn)
{
  if (conn->check.error != 0) {
    nbdconn_lose (conn, "");
    return;
  }
  if (!store_has_mark (conn->store, conn->seen)) {
    lose_another (conn, "what is there now is not this server's");
    return;
  }
  nbdconn_forget (conn, &conn->check);
  store_count_reconnect (conn->store);
  tell (conn, "the server is there again", "");
  conn->state = NBDCONN_UP;
  conn->backoff = BACKOFF_MS;
  conn->told = false;
}

void
nbdconn_go_up (struct nbdconn *conn)
{
  const uint64_t now = clock_ms ();

  if (conn->state == NBDCONN_AWAY && now >= conn->next) {
    conn->state = NBDCONN_CONNECTING;
    conn->next = now + nbdconn_patience (conn);
    if (!begin_connecting (conn))
      nbdconn_lose (conn, "");
  }
  else if (conn->state == NBDCONN_CONNECTING &&
           lib.nbd_aio_is_ready (conn->nbd) > 0)
    begin_checking (conn);
  else if (conn->state == NBDCONN_CHECKING && conn->check.answered)
    end_checking (conn);
  else if (conn->state == NBDCONN_CONNECTING || conn->state == NBDCONN_CHECKING)
    if (now >= conn->next || nbdconn_is_dead (conn))
      nbdconn_lose (conn, "");
}

void
nbdconn_start (struct nbdconn *conn)
{
  conn->backoff = BACKOFF_MS;
}

/* Before a thread looks after it. */

/* Which of the URI's files is not named from / on; NULL: none.  Each is opened
 * at each connection, and when one is made anew the server has long left the
 * directory that it was started in. */
static const char *
relative_file (const char *uri)
{
  static const char *const files[] = {
      "socket=", "tls-certificates=", "tls-psk-file="};

  for (const char *at = strpbrk (uri, "?"); at; at = strpbrk (at, "&;")) {
    at++;
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
      const size_t len = strlen (files[i]);

      if (strncmp (at, files[i], len) == 0 && at[len] != '/' &&
          strncasecmp (at + len, "%2f", 3) != 0)
        return files[i];
    }
  }
  return NULL;
}

int
nbdconn_check (const struct store_config *config, char **why)
{
  const char *const relative = relative_file (config->backing_dev);

  if (relative)
    return store_refuse (why, -EINVAL, "%s: %s: give the whole name, from / on",
                         config->backing_dev, relative);
  pthread_once (&lib_once, load_lib);
  if (lib_missing[0])
    return store_refuse (why, -ENOSYS, "%s: needs libnbd: install it: %s",
                         config->backing_dev, lib_missing);
  return 0;
}

bool
nbdconn_init (struct nbdconn *conn, struct store *store,
              const struct store_config *config)
{
  conn->store = store;
  conn->timeout = (uint64_t) config->timeout_s * 1000;
  conn->complain = config->complain;
  conn->uri = strdup (config->backing_dev);
  conn->seen = calloc (1, STORE_HEADER);
  return conn->uri && conn->seen;
}

void
nbdconn_destroy (struct nbdconn *conn)
{
  if (conn->nbd)
    lib.nbd_close (conn->nbd);
  free (conn->uri);
  free (conn->seen);
}

/* Wait until it is ready, for as long as a request may take.  0, or -errno. */
static int
wait_until_ready (struct nbdconn *conn)
{
  const uint64_t end = clock_ms () + conn->timeout;
  int r;

  while ((r = lib.nbd_aio_is_ready (conn->nbd)) == 0) {
    if (nbdconn_is_dead (conn))
      return -EIO;
    if (clock_ms () >= end)
      return -ETIMEDOUT;
    nbdconn_wait (conn);
  }
  return r < 0 ? -EIO : 0;
}

static int
choose_size (struct nbdconn *conn, const struct store_config *config,
             char **why)
{
  const int64_t size = lib.nbd_get_size (conn->nbd);
  const int64_t block = lib.nbd_get_block_size (conn->nbd, LIBNBD_SIZE_MINIMUM);
  const char *const unfit = why_unfit (conn);
  struct store *const store = conn->store;

  if (unfit)
    return store_refuse (why, -EINVAL, "%s: %s", conn->uri, unfit);
  store->there = size > 0 ? (uint64_t) size : 0;
  store->size = config->size > 0 ? config->size : store->there;
  store->block = block > MIN_BLOCK ? (unsigned) block : MIN_BLOCK;
  if (store->size > store->there || store->size < STORE_MIN_SIZE)
    return store_refuse (
        why, -EINVAL,
        "%s: has %llu bytes, and needs %llu at least: give a "
        "larger export, or another backing_size",
        conn->uri, (unsigned long long) store->there,
        (unsigned long long) larger (config->size, STORE_MIN_SIZE));
  store->size -= store->size % store->block;
  return 0;
}

static int
connect_first (struct nbdconn *conn, char **why)
{
  int r;

  if (!begin_connecting (conn)) {
    const int code = lib.nbd_get_errno ();

    return store_refuse (why, code > 0 ? -code : -EINVAL, "%s: %s%s", conn->uri,
                         nbdconn_error (),
                         code == EINVAL
                             ? ": give nbd://HOST, nbd+unix:///?socket=FILE or "
                               "another URI of an NBD server"
                             : "");
  }
  r = wait_until_ready (conn);
  if (r < 0)
    return store_refuse (why, r, "%s: no connection: %s", conn->uri,
                         r == -ETIMEDOUT ? "it does not answer"
                                         : nbdconn_error ());
  conn->state = NBDCONN_UP;
  return 0;
}

int
nbdconn_first (struct nbdconn *conn, const struct store_config *config,
               char **why)
{
  const int r = connect_first (conn, why);

  return r == 0 ? choose_size (conn, config, why) : r;
}
