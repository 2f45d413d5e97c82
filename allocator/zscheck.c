/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>

#include "zscheck.h"
#include "zspool.h"

/* What has been seen so far of one pool. */
struct walk {
  const struct zs_pool *pool;
  struct zs_census census;
  uint64_t binned;     /* free blocks that belong in a bin */
  uint64_t empty;      /* of those, a whole zspage long */
  uint64_t raw_listed; /* raw zspages that belong in a list */
};

static const char *
check_free_block (struct walk *walk, const zs_word *block, uint32_t len,
                  bool prev_free)
{
  if (prev_free)
    return "two neighbours are free";
  if (zs_tag_load (&block[len - 1]) != zs_tag_load (block))
    return "a free block's footer is not its tag";
  walk->census.free_bytes += (uint64_t) len * ZS_GRANULE;
  walk->binned += len >= ZS_MIN_BLOCK;
  walk->empty += len == ZSPAGE_GRANULES;
  return NULL;
}

static const char *
check_blocks (struct walk *walk, uint32_t index)
{
  uint32_t granule = 0;
  bool prev_free = false;

  while (granule < ZSPAGE_GRANULES) {
    const zs_word *const block =
        zs_block (walk->pool->base, zs_ref_make (index, granule));
    const uint64_t tag = zs_tag_load (block);
    const uint32_t len = zs_tag_len (tag);
    const char *wrong = NULL;

    if (len == 0 || granule + len > ZSPAGE_GRANULES)
      return "blocks do not tile the zspage";
    if (!(tag & ZS_TAG_FREE) && !(tag & ZS_TAG_PREV_FREE) == prev_free)
      return "a block is wrong about the one before it";
    if (tag & ZS_TAG_FREE)
      wrong = check_free_block (walk, block, len, prev_free);
    else {
      walk->census.objects++;
      walk->census.object_bytes += (uint64_t) len * ZS_GRANULE;
    }
    if (wrong)
      return wrong;
    prev_free = tag & ZS_TAG_FREE;
    granule += len;
  }
  return NULL;
}

static const char *
check_raw (struct walk *walk, const struct zspage *zspage)
{
  const unsigned n = (unsigned) __builtin_popcount (zspage->raw_used);

  if (n == 0)
    return "a raw zspage is empty";
  walk->census.objects += n;
  walk->census.object_bytes += (uint64_t) n * ZRAM_PAGE_SIZE;
  walk->census.free_bytes += (uint64_t) (RAW_PER_ZSPAGE - n) * ZRAM_PAGE_SIZE;
  walk->raw_listed += n < RAW_PER_ZSPAGE;
  return NULL;
}

static const char *
check_zspages (struct walk *walk)
{
  for (uint32_t i = 1; i < walk->pool->frontier; i++) {
    const struct zspage *const zspage = &walk->pool->zspages[i];
    const char *wrong = NULL;

    walk->census.zspages += zspage->kind != ZSPAGE_UNUSED;
    if (zspage->kind == ZSPAGE_BLOCKS)
      wrong = check_blocks (walk, i);
    else if (zspage->kind == ZSPAGE_RAW)
      wrong = check_raw (walk, zspage);
    if (wrong)
      return wrong;
  }
  return NULL;
}

/* One bin: every entry is a free block of that length, linked both ways. */
static const char *
check_bin (const struct walk *walk, uint32_t len, uint64_t *entries)
{
  zs_ref prev = 0;

  for (zs_ref ref = walk->pool->bins.heads[len]; ref;) {
    const zs_word *const block = zs_block (walk->pool->base, ref);
    const uint64_t tag = zs_tag_load (block);

    if (!(tag & ZS_TAG_FREE) || zs_tag_len (tag) != len)
      return "a bin holds what is not a free block of its length";
    if (zs_tag_load (&block[ZS_LINK_PREV]) != prev)
      return "a bin's links disagree";
    if (++*entries > walk->binned)
      return "a bin holds more than there is, or goes round";
    prev = ref;
    ref = zs_tag_load (&block[ZS_LINK_NEXT]);
  }
  return NULL;
}

static const char *
check_bins (const struct walk *walk)
{
  const struct zs_bins *const bins = &walk->pool->bins;
  uint64_t entries = 0;

  for (uint32_t len = 0; len < ZS_BINS; len++) {
    const bool marked = bins->words[len / 64] >> (len % 64) & 1;
    const char *const wrong = check_bin (walk, len, &entries);

    if (wrong)
      return wrong;
    if (marked != (bins->heads[len] != 0))
      return "a bin's bit is wrong";
  }
  for (uint32_t word = 0; word < ZS_BIN_WORDS; word++)
    if ((bins->groups[word / 64] >> (word % 64) & 1) !=
        (bins->words[word] != 0))
      return "a group's bit is wrong";
  return entries == walk->binned ? NULL : "a free block is in no bin";
}

static const char *
check_raw_lists (const struct walk *walk)
{
  uint64_t entries = 0;

  for (unsigned n = 0; n < RAW_PER_ZSPAGE; n++) {
    uint32_t prev = 0;

    for (uint32_t i = walk->pool->raw[n]; i;) {
      const struct zspage *const zspage = &walk->pool->zspages[i];

      if (zspage->kind != ZSPAGE_RAW ||
          (unsigned) __builtin_popcount (zspage->raw_used) != n)
        return "a raw zspage is in the wrong list";
      if (zspage->prev != prev)
        return "a raw list's links disagree";
      if (++entries > walk->raw_listed)
        return "a raw list holds more than there is, or goes round";
      prev = i;
      i = zspage->next;
    }
  }
  return entries == walk->raw_listed ? NULL : "a raw zspage is in no list";
}

static const char *
do_check (struct walk *walk)
{
  const char *wrong = check_zspages (walk);

  if (!wrong)
    wrong = check_bins (walk);
  if (!wrong)
    wrong = check_raw_lists (walk);
  if (!wrong && walk->empty != walk->pool->nr_empty)
    wrong = "the count of empty zspages is wrong";
  if (!wrong && walk->empty > ZS_KEEP_EMPTY)
    wrong = "too many empty zspages are kept";
  return wrong;
}

const char *
zs_pool_check (struct zs_pool *pool, struct zs_census *census)
{
  struct walk walk = {.pool = pool};

  shard_lock (pool);
  const char *const wrong = do_check (&walk);
  shard_unlock (pool);
  if (census)
    *census = walk.census;
  return wrong;
}
