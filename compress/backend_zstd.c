/* SPDX-License-Identifier: BSD-3-Clause */
/* zstd: frames without magic number, content size or checksum, made and read
 * in static contexts, which are sized for pages: the parameters are those that
 * the library itself takes for a source of 4096 bytes.  (The plain estimate
 * for a level is for sources of any size, and megabytes.)
 *
 * zstd-4k is what the table of levels has no row for: the fast strategy as it
 * serves pages best, which stores what level 1 does in hardly less time.
 * With that target length the library would leave literals as they are, as it
 * does at negative levels, and store an eighth more: so they are to be
 * compressed.
 *
 * A dictionary is digested once for each direction, in memory of our own and
 * by reference, into what all streams only read.  The library can say how much
 * that takes, so that no allocator has to count it.  A page's own tables stay
 * as small as without a dictionary: it is attached, and not copied. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "backend.h"
#include "compiler.h"
#include "page.h"

/* Both, in the shared memory. */
struct zstd_shared {
  const ZSTD_CDict *cdict;
  const ZSTD_DDict *ddict;
  _Alignas(ZRAM_CACHE_LINE) char memory[];
};

static struct zcomp_levels
zstd_levels (void)
{
  return (struct zcomp_levels){.min = ZSTD_minCLevel (),
                               .max = ZSTD_maxCLevel (),
                               .usual = ZSTD_CLEVEL_DEFAULT};
}

static struct zcomp_levels
zstd_4k_levels (void)
{
  return (struct zcomp_levels){.min = 1, .max = 1, .usual = 1};
}

/* Of a page with what is known of it: the dictionary's tables. */
static ZSTD_compressionParameters
dict_params (const struct zcomp_setup *setup)
{
  if (setup->backend == &backend_zstd_4k)
    return (ZSTD_compressionParameters){.windowLog = 12,
                                        .chainLog = ZSTD_CHAINLOG_MIN,
                                        .hashLog = 14,
                                        .searchLog = 1,
                                        .minMatch = 5,
                                        .targetLength = 1,
                                        .strategy = ZSTD_fast};
  return ZSTD_getCParams (setup->level, ZRAM_PAGE_SIZE, setup->dict_len);
}

/* Of a page alone: a context's tables. */
static ZSTD_compressionParameters
page_params (const struct zcomp_setup *setup)
{
  return ZSTD_adjustCParams (dict_params (setup), ZRAM_PAGE_SIZE, 0);
}

static size_t
cdict_size (const struct zcomp_setup *setup)
{
  return zcomp_round_up (ZSTD_estimateCDictSize_advanced (
      setup->dict_len, dict_params (setup), ZSTD_dlm_byRef));
}

static size_t
zstd_shared_size (const struct zcomp_setup *setup)
{
  if (!setup->dict)
    return 0;
  return sizeof (struct zstd_shared) + cdict_size (setup) +
         ZSTD_estimateDDictSize (setup->dict_len, ZSTD_dlm_byRef);
}

static int
zstd_shared_init (void *mem, size_t size, const struct zcomp_setup *setup)
{
  struct zstd_shared *const shared = mem;
  const size_t c = cdict_size (setup);

  shared->cdict =
      ZSTD_initStaticCDict (shared->memory, c, setup->dict, setup->dict_len,
                            ZSTD_dlm_byRef, ZSTD_dct_auto, dict_params (setup));
  shared->ddict = ZSTD_initStaticDDict (
      shared->memory + c, size - sizeof *shared - c, setup->dict,
      setup->dict_len, ZSTD_dlm_byRef, ZSTD_dct_auto);
  return shared->cdict && shared->ddict ? 0 : -EINVAL;
}

/* What begins as zstd's own dictionaries do has tables, which must be whole;
 * anything else is bytes to refer to.  The level does not matter. */
static int
zstd_check_dict (const void *dict, size_t len)
{
  const struct zcomp_setup setup = {
      .backend = &backend_zstd, .level = 1, .dict = dict, .dict_len = len};
  const size_t size = zcomp_round_up (zstd_shared_size (&setup));
  void *const mem = aligned_alloc (ZRAM_CACHE_LINE, size);
  const int r = mem ? zstd_shared_init (mem, size, &setup) : -ENOMEM;

  free (mem);
  return r;
}

static size_t
zstd_compress_size (const struct zcomp_setup *setup)
{
  return ZSTD_estimateCCtxSize_usingCParams (page_params (setup));
}

static size_t
zstd_decompress_size (const struct zcomp_setup *setup ZRAM_UNUSED)
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

/* The dictionary that all share, if there is one. */
static int
refer_to_dict (ZSTD_CCtx *cctx, const struct zstd_shared *shared)
{
  if (!shared)
    return 0;
  return ZSTD_isError (ZSTD_CCtx_refCDict (cctx, shared->cdict)) ? -EINVAL : 0;
}

/* All but the level as numbers: a level would be looked up again, for a
 * source whose size is not yet known. */
static int
zstd_compress_init (void *mem, size_t size, const struct zcomp_setup *setup)
{
  const ZSTD_compressionParameters c = page_params (setup);
  const struct {
    ZSTD_cParameter parameter;
    int value;
  } settings[] = {
      /* ZSTD_lcm_huffman, which later versions call ZSTD_ps_enable; 0: auto */
      {ZSTD_c_literalCompressionMode, setup->backend == &backend_zstd_4k},
      {ZSTD_c_format, ZSTD_f_zstd1_magicless},
      {ZSTD_c_contentSizeFlag, 0},
      {ZSTD_c_checksumFlag, 0},
      {ZSTD_c_dictIDFlag, 0},
      {ZSTD_c_forceAttachDict, ZSTD_dictForceAttach},
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
  return r < 0 ? r : refer_to_dict (cctx, setup->shared);
}

static int
zstd_decompress_init (void *mem, size_t size,
                      const struct zcomp_setup *setup ZRAM_UNUSED)
{
  ZSTD_DCtx *const dctx = ZSTD_initStaticDCtx (mem, size);

  if (!dctx || ZSTD_isError (ZSTD_DCtx_setParameter (dctx, ZSTD_d_format,
                                                     ZSTD_f_zstd1_magicless)))
    return -EINVAL;
  return 0;
}

/* A static context stands at the start of its memory. */

static int
zstd_compress (struct zcomp_op *op)
{
  const size_t n =
      ZSTD_compress2 (op->ctx, op->dst, op->capacity, op->src, ZRAM_PAGE_SIZE);

  if (ZSTD_isError (n))
    return ZSTD_getErrorCode (n) == ZSTD_error_dstSize_tooSmall ? -ENOSPC
                                                                : -EIO;
  op->len = n;
  return 0;
}

static int
begin (ZSTD_DCtx *dctx, const struct zstd_shared *shared)
{
  const size_t n = shared
                       ? ZSTD_decompressBegin_usingDDict (dctx, shared->ddict)
                       : ZSTD_decompressBegin (dctx);

  return ZSTD_isError (n) ? -EIO : 0;
}

/* Piece by piece, as the library asks for them.  Given a whole damaged frame,
 * its simpler function (1.5.4) goes on with whatever is left as with another
 * frame, and looks for that one's magic number past the end of the input. */
static int
zstd_decompress (struct zcomp_op *op)
{
  const char *in = op->src;
  char *out = op->dst;
  size_t in_left = op->len, out_left = ZRAM_PAGE_SIZE, piece;

  if (begin (op->ctx, op->setup->shared) < 0)
    return -EIO;
  while ((piece = ZSTD_nextSrcSizeToDecompress (op->ctx)) > 0) {
    size_t n;

    if (piece > in_left)
      return -EIO;
    n = ZSTD_decompressContinue (op->ctx, out, out_left, in, piece);
    if (ZSTD_isError (n))
      return -EIO;
    in += piece;
    in_left -= piece;
    out += n;
    out_left -= n;
  }
  return in_left == 0 && out_left == 0 ? 0 : -EIO;
}

/* They differ in the parameters that they choose. */
#define ZSTD_FUNCTIONS                                                \
  .takes_dict = true, .check_dict = zstd_check_dict,                  \
  .shared_size = zstd_shared_size, .shared_init = zstd_shared_init,   \
  .compress_size = zstd_compress_size,                                \
  .decompress_size = zstd_decompress_size,                            \
  .compress_init = zstd_compress_init,                                \
  .decompress_init = zstd_decompress_init, .compress = zstd_compress, \
  .decompress = zstd_decompress

const struct zcomp_backend backend_zstd = {
    .name = "zstd", .levels = zstd_levels, ZSTD_FUNCTIONS};

const struct zcomp_backend backend_zstd_4k = {
    .name = "zstd-4k", .levels = zstd_4k_levels, ZSTD_FUNCTIONS};
