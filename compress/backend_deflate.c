/* SPDX-License-Identifier: BSD-3-Clause */
/* deflate: raw, by libdeflate.  It always searches 32 KiB back, so a page's
 * window cannot be made smaller: deflate.winbits is only checked.
 *
 * The library makes its compressors and decompressors with its allocator, which
 * can be replaced for the whole process only.  Ours looks at a variable of the
 * thread: while a context is made it is the rest of that context, and the
 * library gets memory from there; otherwise it is malloc's.  What was made so
 * is never freed: it goes with its context. */
#include <config.h>

#include <errno.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdlib.h>

#include "backend.h"
#include "compiler.h"
#include "page.h"

#define DEFLATE_DEFAULT (-1)
#define DEFLATE_USUAL   6

/* Memory that the library gets on this thread. */
struct arena {
  char *next; /* NULL: it is only counted, and comes from malloc */
  char *end;
  size_t asked;
};

static __thread ZRAM_FROM_BIRTH struct arena *arena;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A context: what the library has made lies behind it. */
struct deflate_context {
  void *object;
  _Alignas(ZRAM_CACHE_LINE) char memory[];
};

static void *
take (size_t size)
{
  void *p;

  if (!arena)
    return malloc (size);
  arena->asked += zcomp_round_up (size);
  if (!arena->next)
    return malloc (size);
  if (size > (size_t) (arena->end - arena->next))
    return NULL;
  p = arena->next;
  arena->next += zcomp_round_up (size);
  return p;
}

static void
hook (void)
{
  libdeflate_set_memory_allocator (take, free);
}

/* Begin and end giving the library MEMORY; returns what it asked for. */
static void
arena_begin (struct arena *memory)
{
  pthread_once (&once, hook);
  arena = memory;
}

static size_t
arena_end (void)
{
  const size_t asked = arena->asked;

  arena = NULL;
  return asked;
}

static struct zcomp_levels
deflate_levels (void)
{
  return (struct zcomp_levels){
      .min = DEFLATE_DEFAULT, .max = 12, .usual = DEFLATE_DEFAULT};
}

static void *
make_compressor (const struct zcomp_setup *setup)
{
  return libdeflate_alloc_compressor (
      setup->level == DEFLATE_DEFAULT ? DEFLATE_USUAL : setup->level);
}

static void *
make_decompressor (const struct zcomp_setup *setup ZRAM_UNUSED)
{
  return libdeflate_alloc_decompressor ();
}

static size_t
deflate_compress_size (const struct zcomp_setup *setup)
{
  struct arena counting = {0};

  arena_begin (&counting);
  libdeflate_free_compressor (make_compressor (setup));
  return sizeof (struct deflate_context) + arena_end ();
}

static size_t
deflate_decompress_size (const struct zcomp_setup *setup)
{
  struct arena counting = {0};

  arena_begin (&counting);
  libdeflate_free_decompressor (make_decompressor (setup));
  return sizeof (struct deflate_context) + arena_end ();
}

/* Let MAKE make its object in the context. */
static int
init (struct deflate_context *ctx, size_t size, const struct zcomp_setup *setup,
      void *(*make) (const struct zcomp_setup *setup))
{
  struct arena memory = {.next = ctx->memory, .end = (char *) ctx + size};

  arena_begin (&memory);
  ctx->object = make (setup);
  arena_end ();
  return ctx->object ? 0 : -EINVAL;
}

static int
deflate_compress_init (void *mem, size_t size, const struct zcomp_setup *setup)
{
  return init (mem, size, setup, make_compressor);
}

static int
deflate_decompress_init (void *mem, size_t size,
                         const struct zcomp_setup *setup)
{
  return init (mem, size, setup, make_decompressor);
}

static int
deflate_compress (struct zcomp_op *op)
{
  const struct deflate_context *const ctx = op->ctx;
  const size_t n = libdeflate_deflate_compress (
      ctx->object, op->src, ZRAM_PAGE_SIZE, op->dst, op->capacity);

  if (n == 0)
    return -ENOSPC;
  op->len = n;
  return 0;
}

static int
deflate_decompress (struct zcomp_op *op)
{
  const struct deflate_context *const ctx = op->ctx;
  size_t in = 0;

  /* No place for the length: it must be a page, or that is an error. */
  if (libdeflate_deflate_decompress_ex (ctx->object, op->src, op->len, op->dst,
                                        ZRAM_PAGE_SIZE, &in,
                                        NULL) != LIBDEFLATE_SUCCESS)
    return -EIO;
  return in == op->len ? 0 : -EIO;
}

const struct zcomp_backend backend_deflate = {
    .name = "deflate",
    .levels = deflate_levels,
    .compress_size = deflate_compress_size,
    .decompress_size = deflate_decompress_size,
    .compress_init = deflate_compress_init,
    .decompress_init = deflate_decompress_init,
    .compress = deflate_compress,
    .decompress = deflate_decompress,
};
