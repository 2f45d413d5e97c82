/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a file by io_uring.
 *
 * Any number of threads submit, but completions must not wait for one of them
 * to come by: a thread of its own waits for them and does nothing else.
 *
 *   submit --> [ waiting ] --> slot --> SQ --> kernel --> CQ --> reaper
 *                   ^            ^                                 |
 *                   |            +-- continued, or once more ------+
 *                   +---------------- the next ones fill the slots +--> done ()
 *
 * A slot is a request that is in the rings or in the kernel: there are
 * STORE_DEPTH of them, and one more, by which the reaper is woken.  The SQ is
 * larger than that, so there is always room, and so is the CQ, so it does not
 * overflow.
 *
 * The kernel ties a request to the thread that submitted it: if that ends, it
 * may drop it, and says EFAULT or ECANCELED.  The reaper, which stays, submits
 * it once more.
 *
 * Invariants:
 *   - under the lock: the SQ, the slots, the list; the CQ is the reaper's;
 *   - requests wait in the list only while all slots are busy;
 *   - what lies in the SQ without the kernel having taken it is handed over
 *     with the next completion, and if there is none to come, by whoever put it
 *     there;
 *   - the reaper ends when it is to stop and no slot is busy.
 */
#include <config.h>

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "fileengine.h"
#include "oplist.h"
#include "thread.h"

#define SQ_ENTRIES (2 * STORE_DEPTH)

/* A request that is dropped more often is not so because a thread ended. */
#define MAX_DROPS 8U

struct slot {
  struct store_op *op; /* NULL: it only wakes the reaper */
  uint32_t done;       /* bytes of it */
  unsigned drops;      /* by the kernel */
  struct slot *next;   /* free, too */
};

struct uring {
  struct file_engine engine;
  struct io_uring ring;
  pthread_mutex_t lock;
  struct op_list waiting;
  struct slot *unused;
  unsigned busy; /* slots */
  bool stopping;
  pthread_t reaper;
  struct slot slots[STORE_DEPTH];
  struct slot wake;
};

/* do_: the caller holds the lock. */

/* Put what is left of the request of SLOT in the SQ. */
static void
do_queue (struct uring *u, struct slot *slot)
{
  struct io_uring_sqe *const sqe = io_uring_get_sqe (&u->ring);
  const struct store_op *const op = slot->op;
  const uint32_t done = slot->done;

  if (!op)
    io_uring_prep_nop (sqe);
  else if (op->write)
    io_uring_prep_write (sqe, u->engine.fd, (char *) op->buf + done,
                         op->len - done, op->offset + done);
  else
    io_uring_prep_read (sqe, u->engine.fd, (char *) op->buf + done,
                        op->len - done, op->offset + done);
  io_uring_sqe_set_data (sqe, slot);
}

/* Hand the SQ to the kernel.  It may take less, or nothing, when it has no
 * memory: what it has taken will complete, and the reaper comes here again. */
static void
do_hand_over (struct uring *u)
{
  unsigned left = io_uring_sq_ready (&u->ring);

  while (left > 0) {
    const int r = io_uring_submit (&u->ring);

    left = io_uring_sq_ready (&u->ring);
    if (r > 0 || r == -EINTR)
      continue;
    if (left < u->busy)
      return;
    poll (NULL, 0, 1);
  }
}

static void
do_fill (struct uring *u)
{
  while (u->unused && u->waiting.oldest) {
    struct slot *const slot = u->unused;

    u->unused = slot->next;
    slot->op = op_list_take (&u->waiting);
    slot->done = 0;
    slot->drops = 0;
    u->busy++;
    do_queue (u, slot);
  }
  do_hand_over (u);
}

/* Does RES say that the request of SLOT has to be submitted once more? */
static bool
do_is_passing (struct slot *slot, int res)
{
  if (res == -EFAULT || res == -ECANCELED)
    return slot->drops++ < MAX_DROPS;
  return res == -EINTR || res == -EAGAIN;
}

/* The kernel says RES to the request of SLOT.  If that is its end, append it to
 * FINISHED. */
static void
do_settle (struct uring *u, struct slot *slot, int res,
           struct op_list *finished)
{
  struct store_op *const op = slot->op;

  if (!op) {
    u->busy--;
    return;
  }
  if (res > 0)
    slot->done += (uint32_t) res;
  if (do_is_passing (slot, res) || (res > 0 && slot->done < op->len)) {
    do_queue (u, slot);
    return;
  }
  op->result = res > 0 ? 0 : file_error (slot->done, -res);
  op_list_append (finished, op);
  slot->next = u->unused;
  u->unused = slot;
  u->busy--;
}

/* Take all completions that are there; fill the slots again.  False: this was
 * the end. */
static bool
settle_all (struct uring *u, struct op_list *finished)
{
  struct io_uring_cqe *cqe;
  unsigned head, n = 0;
  bool more;

  pthread_mutex_lock (&u->lock);
  io_uring_for_each_cqe (&u->ring, head, cqe)
  {
    do_settle (u, io_uring_cqe_get_data (cqe), cqe->res, finished);
    n++;
  }
  io_uring_cq_advance (&u->ring, n);
  do_fill (u);
  more = !u->stopping || u->busy > 0;
  pthread_mutex_unlock (&u->lock);
  return more;
}

static void *
reap (void *arg)
{
  struct uring *const u = arg;
  bool more = true;

  pthread_setname_np (pthread_self (), "zram-store");
  while (more) {
    struct op_list finished = {0};
    struct io_uring_cqe *cqe;
    struct store_op *op;

    io_uring_wait_cqe (&u->ring, &cqe);
    more = settle_all (u, &finished);
    while ((op = op_list_take (&finished)))
      store_op_complete (u->engine.store, op, op->result);
  }
  return NULL;
}

static void
uring_stop (struct file_engine *engine)
{
  struct uring *const u = (struct uring *) engine;
  struct store_op *waiting;

  pthread_mutex_lock (&u->lock);
  u->stopping = true;
  waiting = op_list_take_all (&u->waiting);
  u->busy++;
  do_queue (u, &u->wake);
  do_hand_over (u);
  pthread_mutex_unlock (&u->lock);
  store_cancel (engine->store, waiting);
  pthread_join (u->reaper, NULL);
  io_uring_queue_exit (&u->ring);
}

static void
uring_close (struct file_engine *engine)
{
  struct uring *const u = (struct uring *) engine;

  pthread_mutex_destroy (&u->lock);
  free (u);
}

/* Kernels before 5.6 have io_uring, but not all that is needed. */
static bool
has_what_is_needed (struct io_uring *ring)
{
  struct io_uring_probe *const probe = io_uring_get_probe_ring (ring);
  const bool has = probe && io_uring_opcode_supported (probe, IORING_OP_READ) &&
                   io_uring_opcode_supported (probe, IORING_OP_WRITE);

  io_uring_free_probe (probe);
  return has;
}

/* The ring and the thread. */
static int
begin (struct uring *u)
{
  int r = io_uring_queue_init (SQ_ENTRIES, &u->ring, 0);

  if (r < 0)
    return r;
  r = has_what_is_needed (&u->ring) ? 0 : -ENOSYS;
  if (r == 0)
    r = thread_start (&u->reaper, THREAD_SERVES, reap, u);
  if (r < 0)
    io_uring_queue_exit (&u->ring);
  return r;
}

static int
uring_start (struct file_engine **engine, struct store *store, int fd)
{
  struct uring *const u = calloc (1, sizeof *u);
  int r;

  if (!u)
    return -ENOMEM;
  u->engine = (struct file_engine){&file_engine_uring, store, fd};
  pthread_mutex_init (&u->lock, NULL);
  for (unsigned i = 0; i < STORE_DEPTH; i++) {
    u->slots[i].next = u->unused;
    u->unused = &u->slots[i];
  }
  r = begin (u);
  if (r < 0) {
    uring_close (&u->engine);
    return r;
  }
  *engine = &u->engine;
  return 0;
}

static void
uring_submit (struct file_engine *engine, struct store_op *ops)
{
  struct uring *const u = (struct uring *) engine;
  bool taken;

  pthread_mutex_lock (&u->lock);
  taken = !u->stopping;
  if (taken) {
    op_list_append (&u->waiting, ops);
    do_fill (u);
  }
  pthread_mutex_unlock (&u->lock);
  if (!taken)
    store_cancel (engine->store, ops);
}

const struct file_engine_kind file_engine_uring = {
    .name = "io_uring",
    .start = uring_start,
    .stop = uring_stop,
    .submit = uring_submit,
    .close = uring_close,
};
