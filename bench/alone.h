/* SPDX-License-Identifier: BSD-3-Clause */
/* What the libraries make of a page by themselves, each through its simplest
 * functions: what the backends' sizes are held against, by "levels" and by
 * test-zcomplevels.
 */
#ifndef ZRAM_ALONE_H
#define ZRAM_ALONE_H

#include <lz4.h>
#include <lz4hc.h>
#include <stddef.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#if HAVE_DEFLATE
#include <libdeflate.h>
#endif
#if HAVE_LZO
#include <lzo/lzo1x.h>
#endif

#include "page.h"

/* Room for whatever becomes of a page. */
#define ALONE_ROOM ((size_t) 2 * ZRAM_PAGE_SIZE)

static size_t
lz4_alone (const char *page, char *out, int level)
{
  return (size_t) LZ4_compress_fast (page, out, ZRAM_PAGE_SIZE, ALONE_ROOM,
                                     level);
}

static size_t
lz4hc_alone (const char *page, char *out, int level)
{
  return (size_t) LZ4_compress_HC (page, out, ZRAM_PAGE_SIZE, ALONE_ROOM,
                                   level);
}

/* Without what a frame has beside: magic number and size of the content. */
static ZSTD_CCtx *
zstd_context (int level)
{
  ZSTD_CCtx *const cctx = ZSTD_createCCtx ();

  ZSTD_CCtx_setParameter (cctx, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter (cctx, ZSTD_c_format, ZSTD_f_zstd1_magicless);
  ZSTD_CCtx_setParameter (cctx, ZSTD_c_contentSizeFlag, 0);
  return cctx;
}

static size_t
zstd_alone (const char *page, char *out, int level)
{
  static ZSTD_CCtx *cctx;
  static int its_level;

  if (!cctx || level != its_level) {
    ZSTD_freeCCtx (cctx);
    cctx = zstd_context (level);
    its_level = level;
  }
  return ZSTD_compress2 (cctx, out, ALONE_ROOM, page, ZRAM_PAGE_SIZE);
}

static size_t
zstd_4k_alone (const char *page, char *out, int level)
{
  static ZSTD_CCtx *cctx;

  if (!cctx) {
    cctx = zstd_context (level);
    ZSTD_CCtx_setParameter (cctx, ZSTD_c_strategy, ZSTD_fast);
    ZSTD_CCtx_setParameter (cctx, ZSTD_c_minMatch, 5);
    ZSTD_CCtx_setParameter (cctx, ZSTD_c_targetLength, 1);
    ZSTD_CCtx_setParameter (cctx, ZSTD_c_hashLog, 14);
    ZSTD_CCtx_setParameter (cctx, ZSTD_c_literalCompressionMode,
                            ZSTD_ps_enable);
  }
  return ZSTD_compress2 (cctx, out, ALONE_ROOM, page, ZRAM_PAGE_SIZE);
}

#if HAVE_DEFLATE
static size_t
deflate_alone (const char *page, char *out, int level)
{
  static struct libdeflate_compressor *compressor;
  static int its_level = -2;

  if (level != its_level) {
    libdeflate_free_compressor (compressor);
    compressor = libdeflate_alloc_compressor (level < 0 ? 6 : level);
    its_level = level;
  }
  return libdeflate_deflate_compress (compressor, page, ZRAM_PAGE_SIZE, out,
                                      ALONE_ROOM);
}
#endif

#if HAVE_LZO
static size_t
lzo_alone (const char *page, char *out, int level)
{
  static char work[LZO1X_1_MEM_COMPRESS];
  lzo_uint len = 0;

  (void) level;
  lzo1x_1_compress ((const unsigned char *) page, ZRAM_PAGE_SIZE,
                    (unsigned char *) out, &len, work);
  return len;
}
#endif

/* By the name of the algorithm: the length of what is in OUT, ALONE_ROOM bytes,
 * then.  Not for several threads. */
static const struct alone {
  const char *name;
  size_t (*compress) (const char *page, char *out, int level);
} alone[] = {
    {"lz4", lz4_alone},         {"lz4hc", lz4hc_alone},
    {"zstd", zstd_alone},       {"zstd-4k", zstd_4k_alone},
#if HAVE_DEFLATE
    {"deflate", deflate_alone},
#endif
#if HAVE_LZO
    {"lzo", lzo_alone},
#endif
};

#define NR_ALONE (sizeof alone / sizeof *alone)

#endif /* ZRAM_ALONE_H */
