/* SPDX-License-Identifier: BSD-3-Clause */
/* lz4: the level is the acceleration, as in zram.
 *
 * A dictionary is loaded once, into a state that each page's begins as a copy
 * of: the library's functions that would attach it are not exported.  The copy
 * is of 16 KiB. */
#include <config.h>

#include <errno.h>
#include <lz4.h>

#include "backend.h"
#include "compiler.h"
#include "lz4page.h"
#include "page.h"

static struct zcomp_levels
lz4_levels (void)
{
  return (struct zcomp_levels){.min = 1, .max = 65537, .usual = 1};
}

static size_t
lz4_shared_size (const struct zcomp_setup *setup)
{
  return setup->dict ? sizeof (LZ4_stream_t) : 0;
}

static int
lz4_shared_init (void *mem, size_t size, const struct zcomp_setup *setup)
{
  const struct lz4_dict dict = lz4_dict_of (setup);
  LZ4_stream_t *const stream = LZ4_initStream (mem, size);

  if (!stream)
    return -EINVAL;
  LZ4_loadDict (stream, dict.bytes, dict.len);
  return 0;
}

static size_t
lz4_compress_size (const struct zcomp_setup *setup)
{
  return setup->dict ? sizeof (LZ4_stream_t) : (size_t) LZ4_sizeofState ();
}

/* The page of OP with what the dictionary has seen. */
static int
compress_with_dict (const struct zcomp_op *op)
{
  LZ4_stream_t *const stream = op->ctx;

  *stream = *(const LZ4_stream_t *) op->setup->shared;
  return LZ4_compress_fast_continue (stream, op->src, op->dst, ZRAM_PAGE_SIZE,
                                     (int) op->capacity, op->setup->level);
}

static int
lz4_compress (struct zcomp_op *op)
{
  const int n = op->setup->shared
                    ? compress_with_dict (op)
                    : LZ4_compress_fast_extState (
                          op->ctx, op->src, op->dst, ZRAM_PAGE_SIZE,
                          (int) op->capacity, op->setup->level);

  if (n <= 0)
    return -ENOSPC;
  op->len = (size_t) n;
  return 0;
}

const struct zcomp_backend backend_lz4 = {
    .name = "lz4",
    .takes_dict = true,
    .levels = lz4_levels,
    .shared_size = lz4_shared_size,
    .shared_init = lz4_shared_init,
    .compress_size = lz4_compress_size,
    .decompress_size = lz4_page_decompress_size,
    .compress = lz4_compress,
    .decompress = lz4_page_decompress,
};
