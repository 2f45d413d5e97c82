/* SPDX-License-Identifier: BSD-3-Clause */
/* zstd: frames without magic number, content size or checksum, made and read
 * in static contexts, which are sized for pages: the parameters are those that
 * the library itself takes for a source of 4096 bytes.  (The plain estimate
 * for a level is for sources of any size, and megabytes.) */
#include <config.h>

#include <errno.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "backend.h"
#include "compiler.h"
#include "page.h"

static struct zcomp_levels
zstd_levels (void)
{
  return (struct zcomp_levels){.min = ZSTD_minCLevel (),
                               .max = ZSTD_maxCLevel (),
                               .usual = ZSTD_CLEVEL_DEFAULT};
}

static size_t
zstd_compress_size (int level)
{
  return ZSTD_estimateCCtxSize_usingCParams (
      ZSTD_getCParams (level, ZRAM_PAGE_SIZE, 0));
}

static size_t
zstd_decompress_size (int level ZRAM_UNUSED)
{
  return ZSTD_estimateDCtxSize ();
}

static int
set (ZSTD_CCtx *cctx, ZSTD_cParameter parameter, int value)
{
  return ZSTD_isError (ZSTD_CCtx_setParameter (cctx, parameter, value))
             ? -EINVAL
             : 0;
}

/* All but the level as numbers: a level would be looked up again, for a
 * source whose size is not yet known. */
static int
zstd_compress_init (void *mem, size_t size, int level)
{
  const ZSTD_compressionParameters c =
      ZSTD_getCParams (level, ZRAM_PAGE_SIZE, 0);
  const struct {
    ZSTD_cParameter parameter;
    int value;
  } settings[] = {
      {ZSTD_c_format, ZSTD_f_zstd1_magicless},
      {ZSTD_c_contentSizeFlag, 0},
      {ZSTD_c_checksumFlag, 0},
      {ZSTD_c_dictIDFlag, 0},
      {ZSTD_c_windowLog, (int) c.windowLog},
      {ZSTD_c_hashLog, (int) c.hashLog},
      {ZSTD_c_chainLog, (int) c.chainLog},
      {ZSTD_c_searchLog, (int) c.searchLog},
      {ZSTD_c_minMatch, (int) c.minMatch},
      {ZSTD_c_targetLength, (int) c.targetLength},
      {ZSTD_c_strategy, (int) c.strategy},
  };
  ZSTD_CCtx *const cctx = ZSTD_initStaticCCtx (mem, size);
  int r = cctx ? 0 : -EINVAL;

  for (size_t i = 0; r == 0 && i < sizeof settings / sizeof *settings; i++)
    r = set (cctx, settings[i].parameter, settings[i].value);
  return r;
}

static int
zstd_decompress_init (void *mem, size_t size, int level ZRAM_UNUSED)
{
  ZSTD_DCtx *const dctx = ZSTD_initStaticDCtx (mem, size);

  if (!dctx || ZSTD_isError (ZSTD_DCtx_setParameter (dctx, ZSTD_d_format,
                                                     ZSTD_f_zstd1_magicless)))
    return -EINVAL;
  return 0;
}

/* A static context stands at the start of its memory. */

static int
zstd_compress (void *ctx, int level ZRAM_UNUSED, const void *src, void *dst,
               size_t capacity, size_t *len)
{
  const size_t n = ZSTD_compress2 (ctx, dst, capacity, src, ZRAM_PAGE_SIZE);

  if (ZSTD_isError (n))
    return ZSTD_getErrorCode (n) == ZSTD_error_dstSize_tooSmall ? -ENOSPC
                                                                : -EIO;
  *len = n;
  return 0;
}

/* Piece by piece, as the library asks for them.  Given a whole damaged frame,
 * its simpler function (1.5.4) goes on with whatever is left as with another
 * frame, and looks for that one's magic number past the end of the input. */
static int
zstd_decompress (void *ctx, const void *src, size_t len, void *dst)
{
  const char *in = src;
  char *out = dst;
  size_t in_left = len, out_left = ZRAM_PAGE_SIZE, piece;

  if (ZSTD_isError (ZSTD_decompressBegin (ctx)))
    return -EIO;
  while ((piece = ZSTD_nextSrcSizeToDecompress (ctx)) > 0) {
    size_t n;

    if (piece > in_left)
      return -EIO;
    n = ZSTD_decompressContinue (ctx, out, out_left, in, piece);
    if (ZSTD_isError (n))
      return -EIO;
    in += piece;
    in_left -= piece;
    out += n;
    out_left -= n;
  }
  return in_left == 0 && out_left == 0 ? 0 : -EIO;
}

const struct zcomp_backend backend_zstd = {
    .name = "zstd",
    .levels = zstd_levels,
    .compress_size = zstd_compress_size,
    .decompress_size = zstd_decompress_size,
    .compress_init = zstd_compress_init,
    .decompress_init = zstd_decompress_init,
    .compress = zstd_compress,
    .decompress = zstd_decompress,
};
