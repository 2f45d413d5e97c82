/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "memorystore.h"
#include "storekind.h"
#include "unit.h"

/* Reads, and writes. */
enum {
  READS,
  WRITES,
  KINDS
};

struct memory_store {
  struct store store;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  bool stops;
  bool held[KINDS];
  int fail_after[KINDS];
  int error[KINDS];
  struct store_op *first, *last;
  char *bytes;
};

static struct memory_store *
own (const struct store *store)
{
  return (struct memory_store *) (uintptr_t) store;
}

/* Take out of the list the first that is not held. */
static struct store_op *
take_next (struct memory_store *m)
{
  struct store_op *before = NULL, *op = m->first;

  while (op && m->held[op->write]) {
    before = op;
    op = op->next;
  }
  if (!op)
    return NULL;
  if (before)
    before->next = op->next;
  else
    m->first = op->next;
  if (m->last == op)
    m->last = before;
  return op;
}

static int
do_op (struct memory_store *m, const struct store_op *op)
{
  const int error = m->error[op->write];

  must (op->offset % m->store.block == 0 && op->len % m->store.block == 0);
  must (op->len > 0 && (uintptr_t) op->buf % m->store.block == 0);
  must (op->offset >= STORE_HEADER && op->offset + op->len <= m->store.size);
  if (error != 0 && m->fail_after[op->write]-- == 0) {
    m->error[op->write] = 0;
    return error;
  }
  if (op->write)
    memcpy (m->bytes + op->offset, op->buf, op->len);
  else
    memcpy (op->buf, m->bytes + op->offset, op->len);
  return 0;
}

static void *
serve (void *arg)
{
  struct memory_store *const m = arg;

  pthread_mutex_lock (&m->lock);
  for (;;) {
    struct store_op *const op = take_next (m);
    int r;

    if (!op && m->stops)
      break;
    if (!op) {
      pthread_cond_wait (&m->changed, &m->lock);
      continue;
    }
    r = do_op (m, op);
    pthread_mutex_unlock (&m->lock);
    store_op_complete (&m->store, op, r);
    pthread_mutex_lock (&m->lock);
  }
  pthread_mutex_unlock (&m->lock);
  return NULL;
}

static int
memory_start (struct store *store)
{
  struct memory_store *const m = own (store);

  m->stops = false;
  return -pthread_create (&m->thread, NULL, serve, m);
}

static void
memory_stop (struct store *store)
{
  struct memory_store *const m = own (store);

  pthread_mutex_lock (&m->lock);
  m->stops = true;
  m->held[READS] = m->held[WRITES] = false;
  pthread_cond_broadcast (&m->changed);
  pthread_mutex_unlock (&m->lock);
  pthread_join (m->thread, NULL);
}

static void
memory_submit (struct store *store, struct store_op *ops)
{
  struct memory_store *const m = own (store);

  pthread_mutex_lock (&m->lock);
  if (m->first)
    m->last->next = ops;
  else
    m->first = ops;
  for (m->last = ops; m->last->next;)
    m->last = m->last->next;
  pthread_cond_broadcast (&m->changed);
  pthread_mutex_unlock (&m->lock);
}

static void
memory_close (struct store *store)
{
  struct memory_store *const m = own (store);

  free (m->bytes);
  pthread_cond_destroy (&m->changed);
  pthread_mutex_destroy (&m->lock);
  free (m);
}

static const char *
memory_engine_name (const struct store *store)
{
  (void) store;
  return "memory";
}

static const struct store_kind store_kind_memory = {
    .piece = 1U << 20,
    .close = memory_close,
    .start = memory_start,
    .stop = memory_stop,
    .submit = memory_submit,
    .engine_name = memory_engine_name,
};

struct store *
memory_store_make (uint64_t size, unsigned block)
{
  struct memory_store *const m = calloc (1, sizeof *m);

  must (m);
  m->store.kind = &store_kind_memory;
  m->store.size = m->store.there = size;
  m->store.block = block;
  m->bytes = calloc (1, size);
  must (m->bytes);
  pthread_mutex_init (&m->lock, NULL);
  pthread_cond_init (&m->changed, NULL);
  return &m->store;
}

char *
memory_store_bytes (struct store *store)
{
  return own (store)->bytes;
}

void
memory_store_hold (struct store *store, bool reads, bool writes)
{
  struct memory_store *const m = own (store);

  pthread_mutex_lock (&m->lock);
  m->held[READS] = reads;
  m->held[WRITES] = writes;
  pthread_cond_broadcast (&m->changed);
  pthread_mutex_unlock (&m->lock);
}

void
memory_store_let_go (struct store *store)
{
  memory_store_hold (store, false, false);
}

unsigned
memory_store_held (struct store *store)
{
  struct memory_store *const m = own (store);
  unsigned n = 0;

  pthread_mutex_lock (&m->lock);
  for (const struct store_op *op = m->first; op; op = op->next)
    n += m->held[op->write];
  pthread_mutex_unlock (&m->lock);
  return n;
}

static void
set_error (struct store *store, unsigned kind, int after, int error)
{
  struct memory_store *const m = own (store);

  pthread_mutex_lock (&m->lock);
  m->fail_after[kind] = after;
  m->error[kind] = error;
  pthread_mutex_unlock (&m->lock);
}

void
memory_store_fail_read (struct store *store, int after, int error)
{
  set_error (store, READS, after, error);
}

void
memory_store_fail_write (struct store *store, int after, int error)
{
  set_error (store, WRITES, after, error);
}
