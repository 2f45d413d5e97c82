/* SPDX-License-Identifier: BSD-3-Clause */
/* What an algorithm has to bring: one file and one row of zcomp_backends. */
#ifndef ZRAM_BACKEND_H
#define ZRAM_BACKEND_H

#include <stddef.h>

#include "zcomp.h"

struct zcomp_backend {
  const char *name;

  struct zcomp_levels (*levels) (void);

  /* Bytes that one context takes, aligned to a cache line; 0: the direction
   * needs no context, so any number of threads may go at once. */
  size_t (*compress_size) (int level);
  size_t (*decompress_size) (int level);

  /* Make a context in MEM, which is SIZE zero bytes.  -EINVAL: the library
   * refuses the level.  NULL where the memory needs no preparing. */
  int (*compress_init) (void *mem, size_t size, int level);
  int (*decompress_init) (void *mem, size_t size, int level);

  /* As zcomp_compress and zcomp_decompress; CTX is what init prepared. */
  int (*compress) (void *ctx, int level, const void *src, void *dst,
                   size_t capacity, size_t *len);
  int (*decompress) (void *ctx, const void *src, size_t len, void *dst);
};

extern const struct zcomp_backend backend_lz4;
extern const struct zcomp_backend backend_zstd;

#endif /* ZRAM_BACKEND_H */
