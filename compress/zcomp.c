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
 * keeps no state in a direction has one stream there that nobody locks.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "compiler.h"
#include "cpu.h"
#include "lockdep.h"
#include "vmem.h"
#include "zcomp.h"

const struct zcomp_backend *const zcomp_backends[] = {
    &backend_lz4,
    &backend_zstd,
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
  char *contexts; /* nr_streams of context_size */
  size_t context_size;
};

struct zcomp {
  const struct zcomp_backend *backend;
  const void *domain;
  int level;
  unsigned nr_streams; /* for a direction that has contexts */
  bool prepared;
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

/* Memory for the contexts of one direction, if it needs any. */
static int
reserve_contexts (struct direction *direction, size_t size)
{
  if (size == 0)
    return 0;
  size = (size + ZRAM_CACHE_LINE - 1) & ~(size_t) (ZRAM_CACHE_LINE - 1);
  direction->context_size = size;
  direction->contexts = vmem_reserve (size * direction->nr_streams);
  if (!direction->contexts)
    return -ENOMEM;
  return vmem_open (direction->contexts, size * direction->nr_streams);
}

static int
init_streams (struct zcomp *comp, struct direction *direction,
              int (*init) (void *mem, size_t size, int level))
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
      r = init (stream->ctx, direction->context_size, comp->level);
  }
  return r;
}

static int
create_direction (struct zcomp *comp, enum zcomp_direction which)
{
  const struct zcomp_backend *const backend = comp->backend;
  struct direction *const direction = &comp->directions[which];
  const bool compress = which == ZCOMP_COMPRESS;
  const size_t size = compress ? backend->compress_size (comp->level)
                               : backend->decompress_size (comp->level);
  int r;

  direction->nr_streams = size ? comp->nr_streams : 1;
  r = reserve_contexts (direction, size);
  if (r < 0)
    return r;
  direction->streams = aligned_alloc (
      ZRAM_CACHE_LINE, direction->nr_streams * sizeof *direction->streams);
  if (!direction->streams)
    return -ENOMEM;
  memset (direction->streams, 0,
          direction->nr_streams * sizeof *direction->streams);
  return init_streams (comp, direction,
                       compress ? backend->compress_init
                                : backend->decompress_init);
}

static void
destroy_direction (struct direction *direction)
{
  for (unsigned i = 0; direction->streams && i < direction->nr_streams; i++)
    pthread_mutex_destroy (&direction->streams[i].lock);
  free (direction->streams);
  vmem_release (direction->contexts,
                direction->context_size * direction->nr_streams);
  *direction = (struct direction){0};
}

static void
destroy_streams (struct zcomp *comp)
{
  for (unsigned i = 0; i < ZCOMP_DIRECTIONS; i++)
    destroy_direction (&comp->directions[i]);
}

int
zcomp_create (struct zcomp **compp, const struct zcomp_backend *backend,
              const struct zcomp_params *params, unsigned nr_streams,
              const void *domain)
{
  const struct zcomp_levels levels = backend->levels ();
  const int level = params && params->has_level ? params->level : levels.usual;
  struct zcomp *comp;

  if (nr_streams == 0 || level < levels.min || level > levels.max)
    return -EINVAL;
  comp = calloc (1, sizeof *comp);
  if (!comp)
    return -ENOMEM;
  comp->backend = backend;
  comp->domain = domain;
  comp->level = level;
  comp->nr_streams = nr_streams;
  *compp = comp;
  return 0;
}

int
zcomp_prepare (struct zcomp *comp)
{
  int r = 0;

  if (comp->prepared)
    return 0;
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
  int r = 0;

  for (unsigned i = 0; i < ZCOMP_DIRECTIONS && r == 0; i++) {
    const struct direction *const direction = &comp->directions[i];

    if (direction->contexts)
      r = vmem_populate (direction->contexts,
                         direction->context_size * direction->nr_streams);
  }
  return r;
}

void
zcomp_destroy (struct zcomp *comp)
{
  if (!comp)
    return;
  destroy_streams (comp);
  free (comp);
}

unsigned
zcomp_streams (const struct zcomp *comp, enum zcomp_direction direction)
{
  const struct zcomp_backend *const backend = comp->backend;
  const size_t size = direction == ZCOMP_COMPRESS
                          ? backend->compress_size (comp->level)
                          : backend->decompress_size (comp->level);

  return size ? comp->nr_streams : 1;
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

int
zcomp_compress (struct zcomp_stream *stream, const void *src, void *dst,
                size_t capacity, size_t *len)
{
  const struct zcomp *const comp = stream->comp;

  lockdep_may_sleep ();
  return comp->backend->compress (stream->ctx, comp->level, src, dst, capacity,
                                  len);
}

int
zcomp_decompress (struct zcomp_stream *stream, const void *src, size_t len,
                  void *dst)
{
  lockdep_may_sleep ();
  return stream->comp->backend->decompress (stream->ctx, src, len, dst);
}
