/* SPDX-License-Identifier: BSD-3-Clause */
/* What lz4 and lz4hc share: they write one format, and use a dictionary's last
 * 64 KiB, since no match reaches further. */
#ifndef ZRAM_LZ4PAGE_H
#define ZRAM_LZ4PAGE_H

#include <errno.h>
#include <lz4.h>

#include "backend.h"
#include "compiler.h"
#include "page.h"

#define LZ4_DICT_MAX ((size_t) 64 << 10)

/* What counts of a dictionary. */
struct lz4_dict {
  const char *bytes;
  int len;
};

static inline struct lz4_dict
lz4_dict_of (const struct zcomp_setup *setup)
{
  const size_t len =
      setup->dict_len < LZ4_DICT_MAX ? setup->dict_len : LZ4_DICT_MAX;

  return (struct lz4_dict){.bytes = (const char *) setup->dict +
                                    setup->dict_len - len,
                           .len = (int) len};
}

/* The decompressor keeps nothing. */
static inline size_t
lz4_page_decompress_size (const struct zcomp_setup *setup ZRAM_UNUSED)
{
  return 0;
}

/* How long what OP's source becomes is; negative: it is damaged. */
static inline int
lz4_page_restore_dict (const struct zcomp_op *op)
{
  const struct lz4_dict dict = lz4_dict_of (op->setup);

  return LZ4_decompress_safe_usingDict (op->src, op->dst, (int) op->len,
                                        ZRAM_PAGE_SIZE, dict.bytes, dict.len);
}

static inline int
lz4_page_decompress (struct zcomp_op *op)
{
  const int n = op->setup->dict
                    ? lz4_page_restore_dict (op)
                    : LZ4_decompress_safe (op->src, op->dst, (int) op->len,
                                           ZRAM_PAGE_SIZE);

  return n == (int) ZRAM_PAGE_SIZE ? 0 : -EIO;
}

#endif /* ZRAM_LZ4PAGE_H */
