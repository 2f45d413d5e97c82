/* SPDX-License-Identifier: BSD-3-Clause */
/* What an algorithm has to bring: one file and one row of zcomp_backends.
 *
 * An operation is submitted, and completed then or later: a backend may sleep,
 * allocate memory, or hand the page to a thread or a device.  Whoever submitted
 * it holds the stream until it is complete, and so does nobody else wait.
 */
#ifndef ZRAM_BACKEND_H
#define ZRAM_BACKEND_H

#include "compiler.h"
#include "completion.h"
#include "zcomp.h"

/* How a zcomp uses its backend: the same for all of its streams. */
struct zcomp_setup {
  const struct zcomp_backend *backend;
  int level;
  const void *dict; /* NULL: none; it stays where it is */
  size_t dict_len;
  const void *shared; /* what shared_init has made; NULL: nothing */
};

/* One page to compress or decompress, in the memory of whoever submits it. */
struct zcomp_op {
  const struct zcomp_setup *setup;
  void *ctx;       /* the stream's, as init has prepared it; NULL: none */
  const void *src; /* a page, or LEN bytes */
  size_t len; /* in: of what is decompressed; out: of what was compressed */
  void *dst;
  size_t capacity; /* bytes at DST; when decompressing, a page */

  int result; /* of one that was pending */
  struct completion completion;
};

/* What is in one range after each other begins at cache lines. */
static inline size_t
zcomp_round_up (size_t size)
{
  return (size + ZRAM_CACHE_LINE - 1) & ~(size_t) (ZRAM_CACHE_LINE - 1);
}

/* What submitting returns for an operation that is not complete. */
#define ZCOMP_PENDING 1

/* Complete an operation whose submitting has returned or will return
 * ZCOMP_PENDING, from any thread: RESULT is what it would have returned.  OP is
 * gone when this returns. */
extern void zcomp_op_complete (struct zcomp_op *op, int result);

struct zcomp_backend {
  const char *name;
  bool takes_dict;

  struct zcomp_levels (*levels) (void);

  /* -EINVAL: these LEN bytes cannot be a dictionary; -ENOMEM.  NULL: any
   * can. */
  int (*check_dict) (const void *dict, size_t len);

  /* What all streams read: a digested dictionary.  NULL, or 0 bytes: nothing.
   * MEM is SIZE zero bytes, aligned to a page; -EINVAL. */
  size_t (*shared_size) (const struct zcomp_setup *setup);
  int (*shared_init) (void *mem, size_t size, const struct zcomp_setup *setup);

  /* Bytes that one context takes, aligned to a cache line; 0: the direction
   * needs no context, so any number of threads may go at once. */
  size_t (*compress_size) (const struct zcomp_setup *setup);
  size_t (*decompress_size) (const struct zcomp_setup *setup);

  /* Make a context in MEM, which is SIZE zero bytes.  -EINVAL: the library
   * refuses.  NULL where the memory needs no preparing. */
  int (*compress_init) (void *mem, size_t size,
                        const struct zcomp_setup *setup);
  int (*decompress_init) (void *mem, size_t size,
                          const struct zcomp_setup *setup);

  /* Submit OP.  What zcomp_compress and zcomp_decompress return if it is
   * complete, or ZCOMP_PENDING: OP is the backend's until zcomp_op_complete. */
  int (*compress) (struct zcomp_op *op);
  int (*decompress) (struct zcomp_op *op);
};

extern const struct zcomp_backend backend_lz4;
extern const struct zcomp_backend backend_lz4hc;
extern const struct zcomp_backend backend_zstd;
extern const struct zcomp_backend backend_zstd_4k;
extern const struct zcomp_backend backend_deflate;
extern const struct zcomp_backend backend_lzo;

#endif /* ZRAM_BACKEND_H */
