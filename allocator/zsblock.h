/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks: how a zspage is divided.
 *
 * A zspage is 8192 granules of eight bytes, tiled by blocks.  Each block opens
 * with a tag of one granule:
 *
 *   63                        24 23      16 15                  2   1    0
 *   +---------------------------+----------+---------------------+----+----+
 *   | owner (40)                | pins (8) | length, granules    | PF | F  |
 *   +---------------------------+----------+---------------------+----+----+
 *
 * F: the block is free.  PF: the one before it is.  A live block's owner and
 * length are set once; its pins change without a lock, and its PF bit under the
 * shard lock, so both change by atomic read-modify-write.
 *
 * A free block ends with a copy of its tag (the footer, by which the block
 * after it finds its start) and, from four granules on, has the links of its
 * bin between the two.  A shorter one is in no bin: it waits for a neighbour.
 *
 *   live    | tag | object ...                                    |
 *   free    | tag | next | prev | ...                    | footer |
 *
 * A raw page's tag has the same form, but stands beside its zspage (zsraw.c),
 * with no length and no F and PF.
 */
#ifndef ZRAM_ZSBLOCK_H
#define ZRAM_ZSBLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZS_GRANULE      8U
#define ZSPAGE_SHIFT    16
#define ZSPAGE_SIZE     (1U << ZSPAGE_SHIFT)
#define ZSPAGE_GRANULES (ZSPAGE_SIZE / ZS_GRANULE)

/* The shortest block that can be in a bin, and so the shortest that is given
 * out: what is shorter could never be given out again. */
#define ZS_MIN_BLOCK 4U

/* Which granules of a free block are its links. */
#define ZS_LINK_NEXT 1
#define ZS_LINK_PREV 2

/* Where a block is: its zspage's index and its first granule, in one number.
 * 0 is no block, because zspage 0 is never used. */
typedef uint64_t zs_ref;
#define ZS_REF_SHIFT 13

/* One granule, as the tags, the links and the footers use it. */
typedef _Atomic uint64_t zs_word;

#define ZS_TAG_FREE        (UINT64_C (1) << 0)
#define ZS_TAG_PREV_FREE   (UINT64_C (1) << 1)
#define ZS_TAG_LEN_SHIFT   2
#define ZS_TAG_LEN_MASK    (UINT64_C (0x3fff) << ZS_TAG_LEN_SHIFT)
#define ZS_TAG_PIN         (UINT64_C (1) << 16)
#define ZS_TAG_PINS        (UINT64_C (0xff) << 16)
#define ZS_TAG_OWNER_SHIFT 24

static inline zs_ref
zs_ref_make (uint32_t zspage, uint32_t granule)
{
  return ((zs_ref) zspage << ZS_REF_SHIFT) | granule;
}

static inline uint32_t
zs_ref_zspage (zs_ref ref)
{
  return (uint32_t) (ref >> ZS_REF_SHIFT);
}

static inline uint32_t
zs_ref_granule (zs_ref ref)
{
  return ref & (ZSPAGE_GRANULES - 1);
}

/* A block's tag; zspages lie side by side from BASE on, so that a reference is
 * simply a count of granules. */
static inline zs_word *
zs_block (void *base, zs_ref ref)
{
  return (zs_word *) base + ref;
}

static inline uint64_t
zs_tag_load (const zs_word *tag)
{
  return atomic_load_explicit (tag, memory_order_relaxed);
}

static inline void
zs_tag_store (zs_word *tag, uint64_t value)
{
  atomic_store_explicit (tag, value, memory_order_relaxed);
}

static inline uint32_t
zs_tag_len (uint64_t tag)
{
  return (uint32_t) ((tag & ZS_TAG_LEN_MASK) >> ZS_TAG_LEN_SHIFT);
}

static inline uint64_t
zs_tag_live (uint64_t owner, uint32_t len)
{
  return (owner << ZS_TAG_OWNER_SHIFT) | ((uint64_t) len << ZS_TAG_LEN_SHIFT);
}

/* Write a free block's tag and footer.  The block before it is live: free
 * neighbours have been joined. */
static inline void
zs_block_set_free (zs_word *block, uint32_t len)
{
  const uint64_t tag = ZS_TAG_FREE | ((uint64_t) len << ZS_TAG_LEN_SHIFT);

  zs_tag_store (&block[0], tag);
  zs_tag_store (&block[len - 1], tag);
}

/* The granules that an object of LEN bytes needs, tag included. */
static inline uint32_t
zs_block_len (size_t len)
{
  const uint32_t n = (uint32_t) ((len + ZS_GRANULE - 1) / ZS_GRANULE) + 1;

  return n < ZS_MIN_BLOCK ? ZS_MIN_BLOCK : n;
}

#endif /* ZRAM_ZSBLOCK_H */
