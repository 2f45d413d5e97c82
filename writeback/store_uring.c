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
 * To hand requests to the kernel is a system call.  Only one thread makes it at
 * a time, and no lock is held: those who come meanwhile leave theirs in the
 * list, and he takes them along with his next.
 *
 * The kernel ties a request to the thread that submitted it: if that ends, it
 * may drop it, and says EFAULT or ECANCELED.  The reaper, which stays, submits
 * it once more.
 *
 * Invariants:
 *   - under the lock: the slots, the lists; the SQ is of who hands over, and
 *     under the lock if nobody does; the CQ is the reaper's;
 *   - requests wait in the list only while all slots are busy;
 *   - what can be handed over will be: somebody is at it, or the kernel has no
 *     memory, and a completion is to come, with which the reaper goes on;
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
_Static_assert(SQ_ENTRIES > STORE_DEPTH + 1, "there is always a free entry");

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
  struct slot *again; /* to be handed over, but not for the first time */
  unsigned busy;      /* slots */
  bool handing;       /* somebody hands over */
  bool stopping;
  pthread_t reaper;
  struct slot slots[STORE_DEPTH];
  struct slot wake;
};

/* do_: the caller holds the lock. */

/* Put what is left of the request of SLOT in the SQ; by who hands over. */
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

/* Put what can be handed over in the SQ; likewise. */
static void
do_fill (struct uring *u)
{
  struct slot *slot;

  while ((slot = u->again)) {
    u->again = slot->next;
    do_queue (u, slot);
  }
  while (u->unused && u->waiting.oldest) {
    slot = u->unused;
    u->unused = slot->next;
    slot->op = op_list_take (&u->waiting);
    slot->done = 0;
    slot->drops = 0;
    u->busy++;
    do_queue (u, slot);
  }
}

static void
do_queue_again (struct uring *u, struct slot *slot)
{
  slot->next = u->again;
  u->again = slot;
}

/* Is there something to be handed over, and nobody at it?  The caller is, then,
 * and has to call hand_over (). */
static bool
do_begin_handing (struct uring *u)
{
  if (u->handing || !(u->again || (u->unused && u->waiting.oldest) ||
                      io_uring_sq_ready (&u->ring) > 0))
    return false;
  u->handing = true;
  return true;
}

/* Hand over what there is, and what comes meanwhile.  The kernel may take less
 * than that, or nothing, when it has no memory: if it has anything, that will
 * complete, and the reaper comes here. */
static void
hand_over (struct uring *u)
{
  bool refused = false;

  for (;;) {
    unsigned ready;
    bool end;
    int r;

    pthread_mutex_lock (&u->lock);
    do_fill (u);
    ready = io_uring_sq_ready (&u->ring);
    end = ready == 0 || (refused && ready < u->busy);
    u->handing = !end;
    pthread_mutex_unlock (&u->lock);
    if (end)
      return;
    if (refused)
      poll (NULL, 0, 1);
    r = io_uring_submit (&u->ring);
    refused = r <= 0 && r != -EINTR;
  }
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
    do_queue_again (u, slot);
    return;
  }
  op->result = res > 0 ? 0 : file_error (slot->done, -res);
  op_list_append (finished, op);
  slot->next = u->unused;
  u->unused = slot;
  u->busy--;
}

/* Take all completions that are there; hand over the next requests.  False:
 * this was the end. */
static bool
settle_all (struct uring *u, struct op_list *finished)
{
  struct io_uring_cqe *cqe;
  unsigned head, n = 0;
  bool more, handing;

  pthread_mutex_lock (&u->lock);
  io_uring_for_each_cqe (&u->ring, head, cqe)
  {
    do_settle (u, io_uring_cqe_get_data (cqe), cqe->res, finished);
    n++;
  }
  io_uring_cq_advance (&u->ring, n);
  more = !u->stopping || u->busy > 0;
  handing = do_begin_handing (u);
  pthread_mutex_unlock (&u->lock);
  if (handing)
    hand_over (u);
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

/* Nobody is in the ring any more: who hands over is about to find nothing. */
static void
wait_for_hands (struct uring *u)
{
  bool handing;

  do {
    pthread_mutex_lock (&u->lock);
    handing = u->handing;
    pthread_mutex_unlock (&u->lock);
    if (handing)
      poll (NULL, 0, 1);
  } while (handing);
}

static void
uring_stop (struct file_engine *engine)
{
  struct uring *const u = (struct uring *) engine;
  struct store_op *waiting;
  bool handing;

  pthread_mutex_lock (&u->lock);
  u->stopping = true;
  waiting = op_list_take_all (&u->waiting);
  u->busy++;
  do_queue_again (u, &u->wake);
  handing = do_begin_handing (u);
  pthread_mutex_unlock (&u->lock);
  if (handing)
    hand_over (u);
  store_cancel (engine->store, waiting);
  pthread_join (u->reaper, NULL);
  wait_for_hands (u);
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
  bool taken, handing = false;

  pthread_mutex_lock (&u->lock);
  taken = !u->stopping;
  if (taken) {
    op_list_append (&u->waiting, ops);
    handing = do_begin_handing (u);
  }
  pthread_mutex_unlock (&u->lock);
  if (handing)
    hand_over (u);
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
