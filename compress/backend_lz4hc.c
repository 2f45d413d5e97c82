/* SPDX-License-Identifier: BSD-3-Clause */
/* lz4hc: lz4's format, searched for longer.  Levels go to 16, as in zram; the
 * library's go to 12, which those above are.
 *
 * The state is 256 KiB, and clearing it for each page would cost more than
 * many a page does: it is reset the fast way, as a stream is that begins anew.
 * Zero bytes, which it is at first, are what LZ4_initStreamHC would make of it
 * at the cost of memory for streams that nobody uses.
 * With a dictionary each page begins as a copy of a state that has it loaded.
 */
#include <config.h>

#include <errno.h>
#include <lz4hc.h>
#include <string.h>

#include "backend.h"
#include "lz4page.h"
#include "page.h"

static struct zcomp_levels
lz4hc_levels (void)
{
  return (struct zcomp_levels){.min = 1, .max = 16, .usual = 9};
}

static size_t
lz4hc_compress_size (const struct zcomp_setup *setup ZRAM_UNUSED)
{
  return sizeof (LZ4_streamHC_t);
}

static size_t
lz4hc_shared_size (const struct zcomp_setup *setup)
{
  return setup->dict ? sizeof (LZ4_streamHC_t) : 0;
}

static int
lz4hc_shared_init (void *mem, size_t size, const struct zcomp_setup *setup)
{
  const struct lz4_dict dict = lz4_dict_of (setup);
  LZ4_streamHC_t *const stream = LZ4_initStreamHC (mem, size);

  if (!stream)
    return -EINVAL;
  LZ4_resetStreamHC_fast (stream, setup->level);
  LZ4_loadDictHC (stream, dict.bytes, dict.len);
  return 0;
}

static int
lz4hc_compress (struct zcomp_op *op)
{
  LZ4_streamHC_t *const stream = op->ctx;
  int n;

  if (op->setup->shared)
    memcpy (stream, op->setup->shared, sizeof *stream);
  else
    LZ4_resetStreamHC_fast (stream, op->setup->level);
  n = LZ4_compress_HC_continue (stream, op->src, op->dst, ZRAM_PAGE_SIZE,
                                (int) op->capacity);
  if (n <= 0)
    return -ENOSPC;
  op->len = (size_t) n;
  return 0;
}

const struct zcomp_backend backend_lz4hc = {
    .name = "lz4hc",
    .takes_dict = true,
    .levels = lz4hc_levels,
    .shared_size = lz4hc_shared_size,
    .shared_init = lz4hc_shared_init,
    .compress_size = lz4hc_compress_size,
    .decompress_size = lz4_page_decompress_size,
    .compress = lz4hc_compress,
    .decompress = lz4_page_decompress,
};
