/* SPDX-License-Identifier: BSD-3-Clause */
/* A store that an NBD server keeps, by libnbd.
 *
 * Problem.  A server may go away, for a moment or for good, in the middle of
 * anything; and libnbd's own way to wait (nbd_poll) holds the handle's lock
 * meanwhile, so that nobody could submit.
 *
 * Idea.  The handle is one thread's.  Whoever submits leaves requests in a list
 * and wakes that thread, which waits for the socket and for that at once.  No
 * request is lost with its connection: to read or write the same once more does
 * no harm, so it goes back to the list and is sent on the next.
 *
 *   submit --> [ waiting ] --> slot --> libnbd --> server
 *                   ^           |                    |
 *                   +-----------+ connection lost    +--> done ()
 *
 * A connection goes from AWAY over CONNECTING and CHECKING to UP.  What answers
 * after a while need not be what was there: it is asked for the mark that this
 * server left, and if it has another one, or none, it is left alone.
 *
 * Invariants:
 *   - once the thread runs, only it touches the handle and the slots;
 *   - a request is in the list, in one slot, or its submitter's;
 *   - requests are sent to a server only after it has shown the mark;
 *   - no request waits for longer than the timeout, nor, once it was sent, for
 *     longer than half of it.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include <libnbd.h>

#include "clock.h"
#include "oplist.h"
#include "storekind.h"
#include "thread.h"

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

/* What transfers are multiples of, at least and at most; and the longest, which
 * a server has to take at once: what is read waits behind what is written. */
#define MIN_BLOCK 512U
#define MAX_BLOCK 4096U
#define LONGEST   (256U << 10)

/* Between two attempts to connect: at first, and at most. */
#define BACKOFF_MS     100U
#define MAX_BACKOFF_MS 5000U

/* How exactly times are kept while there is something to be timed. */
#define TICK_MS 100U

/* How long stop () waits for an answer to what was sent. */
#define STOP_MS 5000U

/* A request that libnbd has. */
struct slot {
  struct store_op *op; /* NULL: it is free */
  uint64_t sent;       /* when */
  int64_t cookie;      /* libnbd's name for it */
  bool answered;
  int error; /* errno, then */
};

enum connection {
  AWAY,
  CONNECTING,
  CHECKING,
  UP
};

struct store_nbd {
  struct store store;
  struct store_nbd *other; /* see "all" */
  char *uri;
  uint64_t timeout; /* ms */
  void (*complain) (const char *line);
  int wake; /* eventfd: there is something to do */

  pthread_mutex_t lock; /* held for a few instructions; of these: */
  struct op_list waiting;
  bool stopping;

  pthread_t thread; /* all that follows is its own, once it runs */
  struct nbd_handle *nbd;
  _Atomic enum connection connection; /* others may look */
  uint64_t next;    /* when to connect, or when connecting has taken too long */
  uint64_t backoff; /* ms */
  bool told;        /* that another store is there now */
  uint64_t stop_by; /* 0: it is not to stop yet */
  struct slot check; /* that the mark is read by, to: */
  char *seen;        /* STORE_HEADER bytes */
  unsigned busy;     /* slots */
  struct slot slots[STORE_DEPTH];
};

/* Those that are open in this process, a list: two disks would write over each
 * other's pages. */
static struct {
  pthread_mutex_t lock;
  struct store_nbd *first;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct store_nbd *
nbd_of (struct store *store)
{
  return (struct store_nbd *) store;
}

/* The connection, one step at a time. */

static uint64_t
larger (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* Half of the time that a request has: it can be sent once more. */
static uint64_t
half (const struct store_nbd *n)
{
  return larger (n->timeout / 2, TICK_MS);
}

/* Begin to connect.  False: libnbd says why. */
static bool
begin_connecting (struct store_nbd *n)
{
  n->nbd = lib.nbd_create ();
  if (!n->nbd)
    return false;
  /* The URI is the administrator's, who may name his keys in it. */
  return lib.nbd_set_uri_allow_local_file (n->nbd, true) == 0 &&
         lib.nbd_aio_connect_uri (n->nbd, n->uri) == 0;
}

/* The socket is ready as REVENTS say: have libnbd go on. */
static void
go_on (struct nbd_handle *nbd, short revents)
{
  const unsigned direction = lib.nbd_aio_get_direction (nbd);

  if (revents & (POLLIN | POLLHUP) && direction & LIBNBD_AIO_DIRECTION_READ)
    lib.nbd_aio_notify_read (nbd);
  else if (revents && direction & LIBNBD_AIO_DIRECTION_WRITE)
    lib.nbd_aio_notify_write (nbd);
}

static bool
is_dead (struct nbd_handle *nbd)
{
  return lib.nbd_aio_is_dead (nbd) > 0 || lib.nbd_aio_is_closed (nbd) > 0;
}

/* Is it a server on which the store can be?  NULL: yes; or why not, and what
 * would do. */
static const char *
why_unfit (struct store_nbd *n)
{
  const int64_t most = lib.nbd_get_block_size (n->nbd, LIBNBD_SIZE_MAXIMUM);

  if (lib.nbd_is_read_only (n->nbd) != 0)
    return "can only be read: give an export that can be written";
  if (lib.nbd_get_block_size (n->nbd, LIBNBD_SIZE_MINIMUM) > MAX_BLOCK)
    return "has blocks of more than 4096 bytes: give an export whose blocks "
           "are smaller";
  if (most > 0 && most < LONGEST)
    return "takes requests of less than 256 KiB only: give an export that "
           "takes larger ones";
  return NULL;
}

/* Requests, by the thread. */

/* libnbd is not to forget the request at once: where a connection breaks as it
 * sends, it calls this before it has returned the cookie, which it reads from
 * what it would have freed. */
/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
static int
on_answer (void *opaque, int *error)
{
  struct slot *const slot = opaque;

  slot->answered = true;
  slot->error = *error;
  return 0;
}
/* NOLINTEND(readability-non-const-parameter) */

/* Have libnbd send OP by SLOT.  False: it cannot. */
static bool
send_by (struct nbd_handle *nbd, struct slot *slot, struct store_op *op)
{
  const nbd_completion_callback callback = {.callback = on_answer,
                                            .user_data = slot};

  *slot = (struct slot){.op = op, .sent = clock_ms ()};
  slot->cookie =
      op->write
          ? lib.nbd_aio_pwrite (nbd, op->buf, op->len, op->offset, callback, 0)
          : lib.nbd_aio_pread (nbd, op->buf, op->len, op->offset, callback, 0);
  return slot->cookie >= 0;
}

/* It was answered, and libnbd may forget it; a lost connection's it forgets
 * with that. */
static void
forget (struct nbd_handle *nbd, const struct slot *slot)
{
  lib.nbd_aio_command_completed (nbd, (uint64_t) slot->cookie);
}

/* Not the request has failed, but the way to the server, or it is going. */
static bool
is_lost (int error)
{
  return error == ENOTCONN || error == ESHUTDOWN || error == ECONNRESET ||
         error == EPIPE;
}

static int
result_of (int error)
{
  switch (error) {
  case 0:
    return 0;
  case ENOSPC:
    return -ENOSPC;
  default:
    return -EIO;
  }
}

static void
tell (const struct store_nbd *n, const char *what, const char *why)
{
  char line[512];

  if (!n->complain)
    return;
  snprintf (line, sizeof line, "backing store %.200s: %s%s", n->uri, what, why);
  n->complain (line);
}

/* What was sent is in the list again, before what was not; or, where all is to
 * end, at its end. */
static void
take_back (struct store_nbd *n)
{
  struct op_list list = {0};
  struct store_op *late;

  for (unsigned i = 0; i < STORE_DEPTH; i++) {
    struct store_op *const op = n->slots[i].op;

    n->slots[i].op = NULL;
    if (op)
      op_list_append (&list, op);
  }
  n->busy = 0;
  pthread_mutex_lock (&n->lock);
  op_list_append (&list, op_list_take_all (&n->waiting));
  if (!n->stopping)
    n->waiting = list;
  late = n->stopping ? list.oldest : NULL;
  pthread_mutex_unlock (&n->lock);
  store_cancel (&n->store, late);
}

/* The connection is of no use, WHY: close it, and have another one later. */
static void
lose (struct store_nbd *n, const char *why)
{
  if (n->connection == UP)
    tell (n, "the server is away: ", why);
  lib.nbd_close (n->nbd);
  n->nbd = NULL;
  n->connection = AWAY;
  n->next = clock_ms () + n->backoff;
  n->backoff =
      n->backoff * 2 < MAX_BACKOFF_MS ? n->backoff * 2 : MAX_BACKOFF_MS;
  take_back (n);
}

static const char *
last_error (void)
{
  const char *const error = lib.nbd_get_error ();

  return error ? error : "it has closed the connection";
}

/* What is there now is not the store, or not as it was: say so, once. */
static void
lose_another (struct store_nbd *n, const char *why)
{
  if (!n->told)
    tell (n, why, ": it is left alone");
  n->told = true;
  n->backoff = MAX_BACKOFF_MS;
  lose (n, "");
}

/* The server answers again: ask it for the mark. */
static void
begin_checking (struct store_nbd *n)
{
  const nbd_completion_callback callback = {.callback = on_answer,
                                            .user_data = &n->check};

  const char *const why = why_unfit (n);

  n->check = (struct slot){0};
  n->connection = CHECKING;
  if (why)
    lose_another (n, why);
  else if (lib.nbd_get_size (n->nbd) < (int64_t) n->store.size)
    lose_another (n, "it is smaller than it was");
  else {
    n->check.cookie =
        lib.nbd_aio_pread (n->nbd, n->seen, STORE_HEADER, 0, callback, 0);
    if (n->check.cookie < 0)
      lose (n, "");
  }
}

static void
end_checking (struct store_nbd *n)
{
  if (n->check.error != 0) {
    lose (n, "");
    return;
  }
  if (!store_has_mark (&n->store, n->seen)) {
    lose_another (n, "what is there now is not this server's");
    return;
  }
  forget (n->nbd, &n->check);
  store_count_reconnect (&n->store);
  tell (n, "the server is there again", "");
  n->connection = UP;
  n->backoff = BACKOFF_MS;
  n->told = false;
}

static void
connect_on (struct store_nbd *n)
{
  const uint64_t now = clock_ms ();

  if (n->connection == AWAY && now >= n->next) {
    n->connection = CONNECTING;
    n->next = now + half (n);
    if (!begin_connecting (n))
      lose (n, "");
  }
  else if (n->connection == CONNECTING && lib.nbd_aio_is_ready (n->nbd) > 0)
    begin_checking (n);
  else if (n->connection == CHECKING && n->check.answered)
    end_checking (n);
  else if (n->connection == CONNECTING || n->connection == CHECKING)
    if (now >= n->next || is_dead (n->nbd))
      lose (n, "");
}

static struct store_op *
next_op (struct store_nbd *n)
{
  struct store_op *op;

  pthread_mutex_lock (&n->lock);
  op = op_list_take (&n->waiting);
  pthread_mutex_unlock (&n->lock);
  return op;
}

/* Send what waits, while there is room. */
static void
send_waiting (struct store_nbd *n)
{
  struct slot *slot = n->slots;
  struct store_op *op;

  if (n->connection != UP)
    return;
  while (n->busy < STORE_DEPTH && (op = next_op (n))) {
    while (slot->op)
      slot++;
    n->busy++;
    if (!send_by (n->nbd, slot, op)) {
      lose (n, last_error ());
      return;
    }
  }
}

/* Complete what was answered; find out whether the connection is lost, and if
 * so, WHY. */
static const char *
settle (struct store_nbd *n)
{
  const uint64_t now = clock_ms ();
  const char *why = is_dead (n->nbd) ? last_error () : NULL;

  for (unsigned i = 0; i < STORE_DEPTH && n->busy > 0; i++) {
    struct slot *const slot = &n->slots[i];
    struct store_op *const op = slot->op;

    if (!op)
      continue;
    if (slot->answered && !is_lost (slot->error)) {
      forget (n->nbd, slot);
      slot->op = NULL;
      n->busy--;
      store_op_complete (&n->store, op, result_of (slot->error));
    }
    else if (slot->answered)
      why = strerrordesc_np (slot->error);
    else if (now >= slot->sent + half (n))
      why = "it does not answer";
  }
  if (n->stop_by > 0 && now >= n->stop_by)
    why = "it does not answer";
  return why;
}

/* Those that have waited for too long, or may not wait for a server that is
 * away, fail. */
static void
expire (struct store_nbd *n)
{
  const uint64_t now = clock_ms ();
  struct op_list kept = {0}, expired = {0};
  struct store_op *op;

  pthread_mutex_lock (&n->lock);
  while ((op = op_list_take (&n->waiting))) {
    const bool over =
        now >= op->since + n->timeout || (op->impatient && n->connection != UP);

    op_list_append (over ? &expired : &kept, op);
  }
  n->waiting = kept;
  pthread_mutex_unlock (&n->lock);
  while ((op = op_list_take (&expired)))
    store_op_complete (&n->store, op, -ETIMEDOUT);
}

/* Is there something that has its time? */
static bool
is_timed (struct store_nbd *n)
{
  bool waits;

  pthread_mutex_lock (&n->lock);
  waits = n->waiting.oldest != NULL;
  pthread_mutex_unlock (&n->lock);
  return waits || n->busy > 0 || n->connection != UP;
}

static void
wait_for_something (struct store_nbd *n)
{
  const int timeout = is_timed (n) ? (int) TICK_MS : -1;
  struct pollfd fds[] = {{.fd = n->wake, .events = POLLIN}, {.fd = -1}};
  uint64_t woken;

  if (n->nbd) {
    const unsigned direction = lib.nbd_aio_get_direction (n->nbd);

    fds[1].fd = lib.nbd_aio_get_fd (n->nbd);
    if (direction & LIBNBD_AIO_DIRECTION_READ)
      fds[1].events |= POLLIN;
    if (direction & LIBNBD_AIO_DIRECTION_WRITE)
      fds[1].events |= POLLOUT;
  }
  if (poll (fds, 2, timeout) <= 0)
    return;
  if (fds[0].revents)
    eventfd_read (n->wake, &woken);
  if (n->nbd && fds[1].revents)
    go_on (n->nbd, fds[1].revents);
}

/* Is it to stop, and has nothing left to do? */
static bool
is_over (struct store_nbd *n)
{
  bool stopping;

  pthread_mutex_lock (&n->lock);
  stopping = n->stopping;
  pthread_mutex_unlock (&n->lock);
  if (stopping && n->stop_by == 0)
    n->stop_by = clock_ms () + STOP_MS;
  return stopping && n->busy == 0;
}

static void *
run (void *arg)
{
  struct store_nbd *const n = arg;

  pthread_setname_np (pthread_self (), "zram-store");
  while (!is_over (n)) {
    connect_on (n);
    send_waiting (n);
    wait_for_something (n);
    if (n->connection == UP) {
      const char *const why = settle (n);

      if (why)
        lose (n, why);
    }
    expire (n);
  }
  return NULL;
}

/* What store.h asks for. */

static void
wake_up (const struct store_nbd *n)
{
  eventfd_write (n->wake, 1); /* which only an endless count could refuse */
}

static int
remote_start (struct store *store)
{
  struct store_nbd *const n = nbd_of (store);

  n->stopping = false;
  n->stop_by = 0;
  n->backoff = BACKOFF_MS;
  return thread_start (&n->thread, THREAD_SERVES, run, n);
}

static void
remote_stop (struct store *store)
{
  struct store_nbd *const n = nbd_of (store);
  struct store_op *ops;

  pthread_mutex_lock (&n->lock);
  n->stopping = true;
  ops = op_list_take_all (&n->waiting);
  pthread_mutex_unlock (&n->lock);
  store_cancel (store, ops);
  wake_up (n);
  pthread_join (n->thread, NULL);
}

static void
remote_submit (struct store *store, struct store_op *ops)
{
  struct store_nbd *const n = nbd_of (store);
  const uint64_t now = clock_ms ();
  bool taken;

  for (struct store_op *op = ops; op; op = op->next)
    op->since = now;
  pthread_mutex_lock (&n->lock);
  taken = !n->stopping;
  if (taken)
    op_list_append (&n->waiting, ops);
  pthread_mutex_unlock (&n->lock);
  if (taken)
    wake_up (n);
  else
    store_cancel (store, ops);
}

/* Before the thread runs: wait until READY (nbd) for as long as a request may
 * take.  0, or -errno. */
static int
wait_until (struct store_nbd *n, int (*ready) (struct nbd_handle *nbd))
{
  const uint64_t end = clock_ms () + n->timeout;
  int r;

  while ((r = ready (n->nbd)) == 0) {
    if (is_dead (n->nbd))
      return -EIO;
    if (clock_ms () >= end)
      return -ETIMEDOUT;
    lib.nbd_poll (n->nbd, (int) TICK_MS);
  }
  return r < 0 ? -EIO : 0;
}

/* One request, by the calling thread. */
static int
request (struct store_nbd *n, bool write, void *buf, uint32_t len,
         uint64_t offset)
{
  struct store_op op = {
      .buf = buf, .offset = offset, .len = len, .write = write};
  struct slot slot;
  const uint64_t end = clock_ms () + n->timeout;

  if (!send_by (n->nbd, &slot, &op))
    return -EIO;
  while (!slot.answered && !is_dead (n->nbd) && clock_ms () < end)
    lib.nbd_poll (n->nbd, (int) TICK_MS);
  if (!slot.answered)
    return -EIO;
  forget (n->nbd, &slot);
  return result_of (slot.error);
}

static int
remote_read (struct store *store, void *buf, uint32_t len, uint64_t offset)
{
  return request (nbd_of (store), false, buf, len, offset);
}

static int
remote_write (struct store *store, const void *buf, uint32_t len,
              uint64_t offset)
{
  return request (nbd_of (store), true, (void *) (uintptr_t) buf, len, offset);
}

static int
choose_size (struct store_nbd *n, const struct store_config *config, char **why)
{
  const int64_t size = lib.nbd_get_size (n->nbd);
  const int64_t block = lib.nbd_get_block_size (n->nbd, LIBNBD_SIZE_MINIMUM);
  const char *const unfit = why_unfit (n);
  struct store *const store = &n->store;

  if (unfit)
    return store_refuse (why, -EINVAL, "%s: %s", n->uri, unfit);
  store->there = size > 0 ? (uint64_t) size : 0;
  store->size = config->size > 0 ? config->size : store->there;
  store->block = block > MIN_BLOCK ? (unsigned) block : MIN_BLOCK;
  if (store->size > store->there || store->size < STORE_MIN_SIZE)
    return store_refuse (
        why, -EINVAL,
        "%s: has %llu bytes, and needs %llu at least: give a "
        "larger export, or another backing_size",
        n->uri, (unsigned long long) store->there,
        (unsigned long long) larger (config->size, STORE_MIN_SIZE));
  store->size -= store->size % store->block;
  return 0;
}

static int
connect_first (struct store_nbd *n, char **why)
{
  int r;

  if (!begin_connecting (n)) {
    const int code = lib.nbd_get_errno ();

    return store_refuse (
        why, code > 0 ? -code : -EINVAL, "%s: %s%s", n->uri, last_error (),
        code == EINVAL ? ": give nbd://HOST, nbd+unix:///?socket=FILE or "
                         "another URI of an NBD server"
                       : "");
  }
  r = wait_until (n, lib.nbd_aio_is_ready);
  if (r < 0)
    return store_refuse (why, r, "%s: no connection: %s", n->uri,
                         r == -ETIMEDOUT ? "it does not answer"
                                         : last_error ());
  n->connection = UP;
  return 0;
}

/* Be one of all, unless one has the same URI. */
static bool
enter (struct store_nbd *n)
{
  const struct store_nbd *other;

  pthread_mutex_lock (&all.lock);
  other = all.first;
  while (other && strcmp (other->uri, n->uri) != 0)
    other = other->other;
  if (!other) {
    n->other = all.first;
    all.first = n;
  }
  pthread_mutex_unlock (&all.lock);
  return !other;
}

/* If it was one. */
static void
leave (const struct store_nbd *n)
{
  struct store_nbd **at = &all.first;

  pthread_mutex_lock (&all.lock);
  while (*at && *at != n)
    at = &(*at)->other;
  if (*at)
    *at = n->other;
  pthread_mutex_unlock (&all.lock);
}

static void
remote_close (struct store *store)
{
  struct store_nbd *const n = nbd_of (store);

  leave (n);
  if (n->nbd)
    lib.nbd_close (n->nbd);
  if (n->wake >= 0)
    close (n->wake);
  pthread_mutex_destroy (&n->lock);
  free (n->uri);
  free (n->seen);
  free (n);
}

static struct store_nbd *
make (const struct store_config *config)
{
  struct store_nbd *const n = calloc (1, sizeof *n);

  if (!n)
    return NULL;
  n->store.kind = &store_kind_nbd;
  n->timeout = (uint64_t) config->timeout_s * 1000;
  n->complain = config->complain;
  pthread_mutex_init (&n->lock, NULL);
  n->uri = strdup (config->backing_dev);
  n->seen = calloc (1, STORE_HEADER);
  n->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (n->uri && n->seen && n->wake >= 0)
    return n;
  remote_close (&n->store);
  return NULL;
}

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

static int
remote_open (struct store **store, const struct store_config *config,
             char **why)
{
  const char *const relative = relative_file (config->backing_dev);
  struct store_nbd *n;
  int r;

  if (relative)
    return store_refuse (why, -EINVAL, "%s: %s: give the whole name, from / on",
                         config->backing_dev, relative);
  pthread_once (&lib_once, load_lib);
  if (lib_missing[0])
    return store_refuse (why, -ENOSYS, "%s: needs libnbd: install it: %s",
                         config->backing_dev, lib_missing);
  n = make (config);
  if (!n)
    return -ENOMEM;
  r = enter (n) ? connect_first (n, why)
                : store_refuse (why, -EBUSY,
                                "%s: is another disk's store: give each one of "
                                "its own",
                                n->uri);
  if (r == 0)
    r = choose_size (n, config, why);
  if (r == 0)
    *store = &n->store;
  else
    remote_close (&n->store);
  return r;
}

static const char *
remote_engine_name (const struct store *store)
{
  (void) store;
  return "nbd";
}

static bool
remote_is_away (const struct store *store)
{
  return ((const struct store_nbd *) store)->connection != UP;
}

const struct store_kind store_kind_nbd = {
    .piece = LONGEST,
    .shared = true,
    .open_store = remote_open,
    .close = remote_close,
    .read_now = remote_read,
    .write_now = remote_write,
    .start = remote_start,
    .stop = remote_stop,
    .submit = remote_submit,
    .engine_name = remote_engine_name,
    .is_away = remote_is_away,
};
