/* SPDX-License-Identifier: BSD-3-Clause */
/* lzo: LZO1X-1, which takes no level.  The compressor is told no capacity, so
 * it writes into a buffer of its context, where the worst case fits. */
#include <config.h>

#include <errno.h>
#include <lzo/lzo1x.h>
#include <string.h>

#include "backend.h"
#include "compiler.h"
#include "page.h"

struct lzo_context {
  _Alignas(ZRAM_CACHE_LINE) unsigned char work[LZO1X_1_MEM_COMPRESS];
  unsigned char out[ZRAM_PAGE_SIZE + ZRAM_PAGE_SIZE / 16 + 64 + 3];
};

static struct zcomp_levels
lzo_levels (void)
{
  return (struct zcomp_levels){.min = 1, .max = 1, .usual = 1};
}

static size_t
lzo_compress_size (const struct zcomp_setup *setup ZRAM_UNUSED)
{
  return sizeof (struct lzo_context);
}

static size_t
lzo_decompress_size (const struct zcomp_setup *setup ZRAM_UNUSED)
{
  return 0;
}

/* lzo_init only checks that the library was built for this machine. */
static int
lzo_compress_init (void *mem ZRAM_UNUSED, size_t size ZRAM_UNUSED,
                   const struct zcomp_setup *setup ZRAM_UNUSED)
{
  return lzo_init () == LZO_E_OK ? 0 : -EINVAL;
}

static int
lzo_compress (struct zcomp_op *op)
{
  struct lzo_context *const ctx = op->ctx;
  lzo_uint n = 0;

  if (lzo1x_1_compress (op->src, ZRAM_PAGE_SIZE, ctx->out, &n, ctx->work) !=
      LZO_E_OK)
    return -EIO;
  if (n > op->capacity)
    return -ENOSPC;
  memcpy (op->dst, ctx->out, n);
  op->len = n;
  return 0;
}

static int
lzo_decompress (struct zcomp_op *op)
{
  lzo_uint n = ZRAM_PAGE_SIZE;

  if (lzo1x_decompress_safe (op->src, op->len, op->dst, &n, NULL) != LZO_E_OK)
    return -EIO;
  return n == ZRAM_PAGE_SIZE ? 0 : -EIO;
}

const struct zcomp_backend backend_lzo = {
    .name = "lzo",
    .levels = lzo_levels,
    .compress_size = lzo_compress_size,
    .decompress_size = lzo_decompress_size,
    .compress_init = lzo_compress_init,
    .compress = lzo_compress,
    .decompress = lzo_decompress,
};
