/* SPDX-License-Identifier: BSD-3-Clause */
/* lz4: the level is the acceleration, as in zram. */
#include <config.h>

#include <errno.h>
#include <lz4.h>

#include "backend.h"
#include "compiler.h"
#include "page.h"

static struct zcomp_levels
lz4_levels (void)
{
  return (struct zcomp_levels){.min = 1, .max = 65537, .usual = 1};
}

static size_t
lz4_compress_size (int level ZRAM_UNUSED)
{
  return (size_t) LZ4_sizeofState ();
}

static size_t
lz4_decompress_size (int level ZRAM_UNUSED)
{
  return 0;
}

static int
lz4_compress (void *ctx, int level, const void *src, void *dst, size_t capacity,
              size_t *len)
{
  const int n = LZ4_compress_fast_extState (ctx, src, dst, ZRAM_PAGE_SIZE,
                                            (int) capacity, level);

  if (n <= 0)
    return -ENOSPC;
  *len = (size_t) n;
  return 0;
}

static int
lz4_decompress (void *ctx ZRAM_UNUSED, const void *src, size_t len, void *dst)
{
  const int n = LZ4_decompress_safe (src, dst, (int) len, ZRAM_PAGE_SIZE);

  return n == (int) ZRAM_PAGE_SIZE ? 0 : -EIO;
}

const struct zcomp_backend backend_lz4 = {
    .name = "lz4",
    .levels = lz4_levels,
    .compress_size = lz4_compress_size,
    .decompress_size = lz4_decompress_size,
    .compress = lz4_compress,
    .decompress = lz4_decompress,
};
