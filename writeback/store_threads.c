/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the kernel has no io_uring, or does not let us use it: a few threads,
 * each of which does one request after the other.
 *
 *   submit --> [ waiting: oldest ... newest ] --> thread, thread, ...
 *
 * Invariants:
 *   - a request is in the list, or with the one thread that has taken it, or
 *     its submitter's;
 *   - none is in the list once stop () has begun.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "fileengine.h"
#include "oplist.h"
#include "thread.h"

/* They only wait for the kernel, so it does not matter how many processors
 * there are; disks do more at once when they are asked for more at once. */
#define NR_THREADS 8U

struct threads {
  struct file_engine engine;
  pthread_mutex_t lock;     /* held for a few instructions */
  pthread_cond_t submitted; /* ... or they are to stop */
  struct op_list waiting;
  bool stopping;
  unsigned started;
  pthread_t threads[NR_THREADS];
};

/* The oldest request, which may have to come first; NULL: it is to stop. */
static struct store_op *
wait_for_op (struct threads *t)
{
  struct store_op *op;

  pthread_mutex_lock (&t->lock);
  while (!t->waiting.oldest && !t->stopping)
    pthread_cond_wait (&t->submitted, &t->lock);
  op = op_list_take (&t->waiting);
  pthread_mutex_unlock (&t->lock);
  return op;
}

static void *
run (void *arg)
{
  struct threads *const t = arg;
  struct store_op *op;

  pthread_setname_np (pthread_self (), "zram-store");
  while ((op = wait_for_op (t)))
    store_op_complete (
        t->engine.store, op,
        file_transfer (t->engine.fd, op->write, op->buf, op->len, op->offset));
  return NULL;
}

static void
threads_stop (struct file_engine *engine)
{
  struct threads *const t = (struct threads *) engine;
  struct store_op *waiting;

  pthread_mutex_lock (&t->lock);
  t->stopping = true;
  waiting = op_list_take_all (&t->waiting);
  pthread_cond_broadcast (&t->submitted);
  pthread_mutex_unlock (&t->lock);
  store_cancel (engine->store, waiting);
  while (t->started > 0)
    pthread_join (t->threads[--t->started], NULL);
}

static void
threads_close (struct file_engine *engine)
{
  struct threads *const t = (struct threads *) engine;

  pthread_cond_destroy (&t->submitted);
  pthread_mutex_destroy (&t->lock);
  free (t);
}

static int
threads_start (struct file_engine **engine, struct store *store, int fd)
{
  struct threads *const t = calloc (1, sizeof *t);
  int r = 0;

  if (!t)
    return -ENOMEM;
  t->engine = (struct file_engine){&file_engine_threads, store, fd};
  pthread_mutex_init (&t->lock, NULL);
  pthread_cond_init (&t->submitted, NULL);
  while (r == 0 && t->started < NR_THREADS) {
    r = thread_start (&t->threads[t->started], THREAD_SERVES, run, t);
    t->started += r == 0;
  }
  if (r < 0) {
    threads_stop (&t->engine);
    threads_close (&t->engine);
    return r;
  }
  *engine = &t->engine;
  return 0;
}

static void
threads_submit (struct file_engine *engine, struct store_op *ops)
{
  struct threads *const t = (struct threads *) engine;
  bool taken;

  pthread_mutex_lock (&t->lock);
  taken = !t->stopping;
  if (taken) {
    op_list_append (&t->waiting, ops);
    pthread_cond_broadcast (&t->submitted);
  }
  pthread_mutex_unlock (&t->lock);
  if (!taken)
    store_cancel (engine->store, ops);
}

const struct file_engine_kind file_engine_threads = {
    .name = "threads",
    .start = threads_start,
    .stop = threads_stop,
    .submit = threads_submit,
    .close = threads_close,
};
