/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams.
 *
 * Problem.  A context is tens to hundreds of kilobytes, and a server has
 * sixteen threads for each connection: contexts cannot belong to threads.
 * They belong to CPUs, as in zram since 2.6.33, but nothing here can keep a
 * thread from being moved or put to sleep while it uses one.
 *
 * Idea.  So each is behind a mutex (zram since 6.15), and a thread that finds
 * its CPU's taken tries the others before it waits: a context's owner may be
 * asleep while its CPU runs somebody else.
 *
 *   directions[ZCOMP_COMPRESS]      stream 0  stream 1 ... stream N-1
 *   directions[ZCOMP_DECOMPRESS]    stream 0  stream 1 ... stream N-1
 *
 * All contexts of a direction lie in one reserved range.  An algorithm that
 * keeps no state in a direction has one stream there that nobody locks.  What
 * all streams read, a digested dictionary, lies in a range of its own.
 *
 * An operation is submitted to the backend, in memory of the thread that does.
 * Nearly all are complete when submitting returns, and cost nothing more; who
 * submits one that is not sleeps until it is.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "compiler.h"
#include "cpu.h"
#include "lockdep.h"
#include "vmem.h"
#include "zcomp.h"
#include "zcompdict.h"

const struct zcomp_backend *const zcomp_backends[] = {
    &backend_lz4,
    &backend_lz4hc,
    &backend_zstd,
    &backend_zstd_4k,
#if HAVE_DEFLATE
    &backend_deflate,
#endif
#if HAVE_LZO
    &backend_lzo,
#endif
    NULL,
};

struct zcomp_stream {
  _Alignas(ZRAM_CACHE_LINE) pthread_mutex_t lock;
  struct zcomp *comp;
  void *ctx; /* NULL: no state, and no lock */
};

struct direction {
  struct zcomp_stream *streams;
  unsigned nr_streams;
  char *contexts;      /* nr_streams of context_size */
  size_t context_size; /* known before there are any; 0: no state */
};

struct zcomp {
  struct zcomp_setup setup;
  struct zcomp_dict *dict;
  void *shared; /* setup.shared, to be written */
  size_t shared_size;
  const void *domain;
  unsigned nr_streams; /* for a direction that has contexts */
  _Atomic bool prepared;
  struct direction directions[ZCOMP_DIRECTIONS];
};

const struct zcomp_backend *
zcomp_backend_find (const char *name)
{
  for (size_t i = 0; zcomp_backends[i]; i++)
    if (strcmp (zcomp_backends[i]->name, name) == 0)
      return zcomp_backends[i];
  return NULL;
}

const char *
zcomp_backend_name (const struct zcomp_backend *backend)
{
  return backend->name;
}

struct zcomp_levels
zcomp_backend_levels (const struct zcomp_backend *backend)
{
  return backend->levels ();
}

bool
zcomp_backend_takes_dict (const struct zcomp_backend *backend)
{
  return backend->takes_dict;
}

static int
check_level (const struct zcomp_backend *backend, int level, char *why,
             size_t size)
{
  const struct zcomp_levels levels = backend->levels ();

  if (level >= levels.min && level <= levels.max)
    return 0;
  if (levels.min == levels.max)
    snprintf (why, size, "level %d is out of range: %s takes only %d", level,
              backend->name, levels.min);
  else
    snprintf (why, size, "level %d is out of range: %s takes %d to %d", level,
              backend->name, levels.min, levels.max);
  return -EINVAL;
}

/* A raw stream's window is given as a negative number, as zlib has it. */
static int
check_winbits (int winbits, char *why, size_t size)
{
  if ((winbits >= 8 && winbits <= 15) || (winbits >= -15 && winbits <= -8))
    return 0;
  snprintf (why, size,
            "deflate.winbits %d is out of range: it is 8 to 15, or -15 to -8",
            winbits);
  return -EINVAL;
}

/* ", NAME" for each algorithm that takes a dictionary. */
static void
list_dict_takers (char *list, size_t size)
{
  size_t n = 0;

  list[0] = '\0';
  for (size_t i = 0; zcomp_backends[i] && n < size; i++)
    if (zcomp_backends[i]->takes_dict)
      n += (size_t) snprintf (list + n, size - n, "%s%s", n ? ", " : "",
                              zcomp_backends[i]->name);
}

static int
check_dict (const struct zcomp_backend *backend, const struct zcomp_dict *dict,
            char *why, size_t size)
{
  char takers[128];
  int r = 0;

  if (!backend->takes_dict) {
    list_dict_takers (takers, sizeof takers);
    snprintf (why, size, "%s takes no dictionary; these do: %s", backend->name,
              takers);
    return -EINVAL;
  }
  if (backend->check_dict)
    r = backend->check_dict (zcomp_dict_bytes (dict), zcomp_dict_len (dict));
  if (r == -EINVAL)
    snprintf (why, size, "the dictionary is damaged: %s cannot read its tables",
              backend->name);
  else if (r < 0)
    snprintf (why, size, "there is no memory to read its tables");
  return r;
}

int
zcomp_params_check (const struct zcomp_backend *backend,
                    const struct zcomp_params *params, char *why, size_t size)
{
  int r = 0;

  if (params->has_level)
    r = check_level (backend, params->level, why, size);
  if (r == 0 && params->has_winbits)
    r = check_winbits (params->winbits, why, size);
  if (r == 0 && params->dict)
    r = check_dict (backend, params->dict, why, size);
  return r;
}

/* SIZE bytes at *START, if it is any. */
static int
open_memory (void **start, size_t size)
{
  if (size == 0)
    return 0;
  *start = vmem_reserve (size);
  if (!*start)
    return -ENOMEM;
  return vmem_open (*start, size);
}

static size_t
contexts_size (const struct direction *direction)
{
  return direction->context_size * direction->nr_streams;
}

/* Memory for the contexts of one direction, if it needs any. */
static int
reserve_contexts (struct direction *direction)
{
  void *start = NULL;
  const int r = open_memory (&start, contexts_size (direction));

  direction->contexts = start;
  return r;
}

/* What all streams are to read. */
static int
create_shared (struct zcomp *comp)
{
  int r = open_memory (&comp->shared, comp->shared_size);

  if (r == 0 && comp->shared)
    r = comp->setup.backend->shared_init (comp->shared, comp->shared_size,
                                          &comp->setup);
  comp->setup.shared = comp->shared;
  return r;
}

static void
destroy_shared (struct zcomp *comp)
{
  vmem_release (comp->shared, comp->shared_size);
  comp->shared = NULL;
  comp->setup.shared = NULL;
}

static int
init_streams (struct zcomp *comp, struct direction *direction,
              int (*init) (void *mem, size_t size,
                           const struct zcomp_setup *setup))
{
  int r = 0;

  for (unsigned i = 0; r == 0 && i < direction->nr_streams; i++) {
    struct zcomp_stream *const stream = &direction->streams[i];

    stream->comp = comp;
    pthread_mutex_init (&stream->lock, NULL);
    if (!direction->contexts)
      continue;
    stream->ctx = direction->contexts + i * direction->context_size;
    if (init)
      r = init (stream->ctx, direction->context_size, &comp->setup);
  }
  return r;
}

static int
create_direction (struct zcomp *comp, enum zcomp_direction which)
{
  const struct zcomp_backend *const backend = comp->setup.backend;
  struct direction *const direction = &comp->directions[which];
  int r;

  direction->nr_streams = zcomp_streams (comp, which);
  r = reserve_contexts (direction);
  if (r < 0)
    return r;
  direction->streams = aligned_alloc (
      ZRAM_CACHE_LINE, direction->nr_streams * sizeof *direction->streams);
  if (!direction->streams)
    return -ENOMEM;
  memset (direction->streams, 0,
          direction->nr_streams * sizeof *direction->streams);
  return init_streams (comp, direction,
                       which == ZCOMP_COMPRESS ? backend->compress_init
                                               : backend->decompress_init);
}

static void
destroy_direction (struct direction *direction)
{
  for (unsigned i = 0; direction->streams && i < direction->nr_streams; i++)
    pthread_mutex_destroy (&direction->streams[i].lock);
  free (direction->streams);
  vmem_release (direction->contexts, contexts_size (direction));
  *direction = (struct direction){.context_size = direction->context_size};
}

static void
destroy_streams (struct zcomp *comp)
{
  for (unsigned i = 0; i < ZCOMP_DIRECTIONS; i++)
    destroy_direction (&comp->directions[i]);
  destroy_shared (comp);
}

/* How BACKEND is used: all that is known before there is anything shared. */
static struct zcomp_setup
make_setup (const struct zcomp_backend *backend,
            const struct zcomp_params *params)
{
  const struct zcomp_dict *const dict = params->dict;

  return (struct zcomp_setup){
      .backend = backend,
      .level = params->has_level ? params->level : backend->levels ().usual,
      .dict = dict ? zcomp_dict_bytes (dict) : NULL,
      .dict_len = dict ? zcomp_dict_len (dict) : 0};
}

/* Ask the backend how much memory it will want. */
static void
set_sizes (struct zcomp *comp)
{
  const struct zcomp_setup *const setup = &comp->setup;
  const struct zcomp_backend *const backend = setup->backend;

  comp->directions[ZCOMP_COMPRESS].context_size =
      zcomp_round_up (backend->compress_size (setup));
  comp->directions[ZCOMP_DECOMPRESS].context_size =
      zcomp_round_up (backend->decompress_size (setup));
  if (backend->shared_size)
    comp->shared_size = backend->shared_size (setup);
}

int
zcomp_create (struct zcomp **compp, const struct zcomp_backend *backend,
              const struct zcomp_params *params, unsigned nr_streams,
              const void *domain)
{
  const struct zcomp_params usual = {0};
  struct zcomp *comp;
  char why[256];
  int r;

  if (!params)
    params = &usual;
  r = nr_streams > 0 ? zcomp_params_check (backend, params, why, sizeof why)
                     : -EINVAL;
  if (r < 0)
    return r;
  comp = calloc (1, sizeof *comp);
  if (!comp)
    return -ENOMEM;
  comp->setup = make_setup (backend, params);
  comp->dict = zcomp_dict_get (params->dict);
  comp->domain = domain;
  comp->nr_streams = nr_streams;
  set_sizes (comp);
  *compp = comp;
  return 0;
}

int
zcomp_prepare (struct zcomp *comp)
{
  int r;

  if (comp->prepared)
    return 0;
  r = create_shared (comp);
  for (unsigned i = 0; i < ZCOMP_DIRECTIONS && r == 0; i++)
    r = create_direction (comp, i);
  if (r < 0)
    destroy_streams (comp);
  comp->prepared = r == 0;
  return r;
}

int
zcomp_populate (struct zcomp *comp)
{
  int r = comp->shared ? vmem_populate (comp->shared, comp->shared_size) : 0;

  for (unsigned i = 0; i < ZCOMP_DIRECTIONS && r == 0; i++) {
    const struct direction *const direction = &comp->directions[i];

    if (direction->contexts)
      r = vmem_populate (direction->contexts, contexts_size (direction));
  }
  return r;
}

void
zcomp_destroy (struct zcomp *comp)
{
  if (!comp)
    return;
  destroy_streams (comp);
  zcomp_dict_put (comp->dict);
  free (comp);
}

const struct zcomp_backend *
zcomp_backend (const struct zcomp *comp)
{
  return comp->setup.backend;
}

/* Whoever asks does not wait for streams that are just being made. */
void
zcomp_usage (const struct zcomp *comp, struct zcomp_usage *usage)
{
  const bool prepared = comp->prepared;

  *usage = (struct zcomp_usage){.dict = comp->setup.dict_len +
                                        (prepared ? comp->shared_size : 0)};
  for (unsigned i = 0; prepared && i < ZCOMP_DIRECTIONS; i++)
    usage->contexts +=
        comp->directions[i].context_size * zcomp_streams (comp, i);
}

unsigned
zcomp_streams (const struct zcomp *comp, enum zcomp_direction direction)
{
  return comp->directions[direction].context_size ? comp->nr_streams : 1;
}

struct zcomp_stream *
zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction)
{
  const struct direction *const d = &comp->directions[direction];
  const unsigned n = d->nr_streams;
  const unsigned mine = n == 1 ? 0 : cpu_index (n);

  lockdep_may_sleep ();
  if (!d->contexts)
    return &d->streams[0];
  /* Whether or not it has to wait this time. */
  lockdep_acquire (comp->domain, LOCK_STREAM);
  for (unsigned i = 0; i < n; i++) {
    const unsigned next = mine + i < n ? mine + i : mine + i - n;
    struct zcomp_stream *const stream = &d->streams[next];

    if (likely (pthread_mutex_trylock (&stream->lock) == 0))
      return stream;
  }
  pthread_mutex_lock (&d->streams[mine].lock);
  return &d->streams[mine];
}

void
zcomp_stream_put (struct zcomp_stream *stream)
{
  if (!stream->ctx)
    return;
  pthread_mutex_unlock (&stream->lock);
  lockdep_release (stream->comp->domain, LOCK_STREAM);
}

void
zcomp_op_complete (struct zcomp_op *op, int result)
{
  op->result = result;
  completion_complete (&op->completion);
}

static int
op_wait (struct zcomp_op *op)
{
  completion_wait (&op->completion);
  return op->result;
}

static inline int
op_finish (struct zcomp_op *op, int submitted)
{
  return likely (submitted != ZCOMP_PENDING) ? submitted : op_wait (op);
}

int
zcomp_compress (struct zcomp_stream *stream, const void *src, void *dst,
                size_t capacity, size_t *len)
{
  const struct zcomp_setup *const setup = &stream->comp->setup;
  struct zcomp_op op = {.setup = setup,
                        .ctx = stream->ctx,
                        .src = src,
                        .dst = dst,
                        .capacity = capacity};
  int r;

  lockdep_may_sleep ();
  r = op_finish (&op, setup->backend->compress (&op));
  *len = op.len;
  return r;
}

int
zcomp_decompress (struct zcomp_stream *stream, const void *src, size_t len,
                  void *dst)
{
  const struct zcomp_setup *const setup = &stream->comp->setup;
  struct zcomp_op op = {.setup = setup,
                        .ctx = stream->ctx,
                        .src = src,
                        .len = len,
                        .dst = dst,
                        .capacity = ZRAM_PAGE_SIZE};

  lockdep_may_sleep ();
  return op_finish (&op, setup->backend->decompress (&op));
}
