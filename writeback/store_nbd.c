/* SPDX-License-Identifier: BSD-3-Clause */
/* A store that an NBD server keeps.
 *
 * Problem.  A server may go away, for a moment or for good, in the middle of
 * anything, and what was sent to it must not be lost, nor wait for ever.
 *
 * Idea.  The connection (nbdconn.h) is one thread's.  Whoever submits leaves
 * requests in a list and wakes that thread, which waits for the socket and for
 * that at once.  No request is lost with its connection: to read or write the
 * same once more does no harm, so it goes back to the list and is sent on the
 * next.
 *
 *   submit --> [ waiting ] --> slot --> connection --> server
 *                   ^           |                        |
 *                   +-----------+ connection lost        +--> done ()
 *
 * Invariants:
 *   - once the thread runs, only it touches the connection and the slots;
 *   - a request is in the list, in one slot, or its submitter's;
 *   - a slot is taken only while the connection is up;
 *   - no request waits for longer than the timeout, nor, once it was sent, for
 *     longer than half of it.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "clock.h"
#include "nbdconn.h"
#include "oplist.h"
#include "thread.h"

/* How long stop () waits for an answer to what was sent. */
#define STOP_MS 5000U

struct slot {
  struct store_op *op; /* NULL: it is free */
  uint64_t sent;       /* when */
  struct nbdconn_request request;
};

struct store_nbd {
  struct store store;
  struct store_nbd *other; /* see "all" */
  int wake;                /* eventfd: there is something to do */

  pthread_mutex_t lock; /* held for a few instructions; of these: */
  struct op_list waiting;
  bool stopping;

  pthread_t thread; /* all that follows is its own, once it runs */
  struct nbdconn conn;
  uint64_t stop_by; /* 0: it is not to stop yet */
  unsigned busy;    /* slots */
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

/* Requests, by the thread. */

/* Have OP sent by SLOT.  False: it cannot be. */
static bool
send_by (struct store_nbd *n, struct slot *slot, struct store_op *op)
{
  slot->op = op;
  slot->sent = clock_ms ();
  return nbdconn_send (&n->conn, &slot->request, op->write, op->buf, op->len,
                       op->offset);
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

/* The connection is of no use, WHY: what was sent waits for another one. */
static void
lose (struct store_nbd *n, const char *why)
{
  nbdconn_lose (&n->conn, why);
  take_back (n);
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

  if (!nbdconn_is_up (&n->conn))
    return;
  while (n->busy < STORE_DEPTH && (op = next_op (n))) {
    while (slot->op)
      slot++;
    n->busy++;
    if (!send_by (n, slot, op)) {
      lose (n, nbdconn_error ());
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
  const char *why = nbdconn_is_dead (&n->conn) ? nbdconn_error () : NULL;

  for (unsigned i = 0; i < STORE_DEPTH && n->busy > 0; i++) {
    struct slot *const slot = &n->slots[i];
    struct store_op *const op = slot->op;

    if (!op)
      continue;
    if (slot->request.answered && !is_lost (slot->request.error)) {
      nbdconn_forget (&n->conn, &slot->request);
      slot->op = NULL;
      n->busy--;
      store_op_complete (&n->store, op, result_of (slot->request.error));
    }
    else if (slot->request.answered)
      why = strerrordesc_np (slot->request.error);
    else if (now >= slot->sent + nbdconn_patience (&n->conn))
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
    const bool over = now >= op->since + n->conn.timeout ||
                      (op->impatient && !nbdconn_is_up (&n->conn));

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
  return waits || n->busy > 0 || !nbdconn_is_up (&n->conn);
}

static void
wait_for_something (struct store_nbd *n)
{
  const int timeout = is_timed (n) ? (int) NBDCONN_TICK_MS : -1;
  struct pollfd fds[] = {{.fd = n->wake, .events = POLLIN},
                         nbdconn_awaited (&n->conn)};
  uint64_t woken;

  if (poll (fds, 2, timeout) <= 0)
    return;
  if (fds[0].revents)
    eventfd_read (n->wake, &woken);
  if (fds[1].revents)
    nbdconn_go_on (&n->conn, fds[1].revents);
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
    nbdconn_go_up (&n->conn);
    send_waiting (n);
    wait_for_something (n);
    if (nbdconn_is_up (&n->conn)) {
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
  nbdconn_start (&n->conn);
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

/* One request, by the calling thread.  Without an answer libnbd has it until
 * the store is closed, so it is not this function's. */
static int
request (struct store_nbd *n, bool write, void *buf, uint32_t len,
         uint64_t offset)
{
  struct nbdconn_request *const sent = &n->slots[0].request;
  const uint64_t end = clock_ms () + n->conn.timeout;

  if (!nbdconn_send (&n->conn, sent, write, buf, len, offset))
    return -EIO;
  while (!sent->answered && !nbdconn_is_dead (&n->conn) && clock_ms () < end)
    nbdconn_wait (&n->conn);
  if (!sent->answered)
    return -ETIMEDOUT;
  nbdconn_forget (&n->conn, sent);
  return result_of (sent->error);
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

/* Be one of all, unless one has the same URI. */
static bool
enter_all (struct store_nbd *n)
{
  const struct store_nbd *other;

  pthread_mutex_lock (&all.lock);
  other = all.first;
  while (other && strcmp (other->conn.uri, n->conn.uri) != 0)
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
leave_all (const struct store_nbd *n)
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

  leave_all (n);
  nbdconn_destroy (&n->conn);
  if (n->wake >= 0)
    close (n->wake);
  pthread_mutex_destroy (&n->lock);
  free (n);
}

static struct store_nbd *
make (const struct store_config *config)
{
  struct store_nbd *const n = calloc (1, sizeof *n);

  if (!n)
    return NULL;
  n->store.kind = &store_kind_nbd;
  pthread_mutex_init (&n->lock, NULL);
  n->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (nbdconn_init (&n->conn, &n->store, config) && n->wake >= 0)
    return n;
  remote_close (&n->store);
  return NULL;
}

static int
remote_open (struct store **store, const struct store_config *config,
             char **why)
{
  struct store_nbd *n;
  int r = nbdconn_check (config, why);

  if (r < 0)
    return r;
  n = make (config);
  if (!n)
    return -ENOMEM;
  r = enter_all (n)
          ? nbdconn_first (&n->conn, config, why)
          : store_refuse (why, -EBUSY,
                          "%s: is another disk's store: give each one of "
                          "its own",
                          n->conn.uri);
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
  return !nbdconn_is_up (&((const struct store_nbd *) store)->conn);
}

const struct store_kind store_kind_nbd = {
    .piece = NBDCONN_LONGEST,
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
