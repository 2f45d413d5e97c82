/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <string.h>

#include "zscheck.h"
#include "zspool.h"

/* What has been seen so far of one shard. */
struct walk {
  const struct zs_pool *pool;
  const struct zs_shard *shard;
  struct zs_census census;
  uint64_t size[2]; /* bytes, as in the shard */
  uint64_t holes[2];
  uint64_t binned;     /* free blocks that belong in a bin */
  uint64_t raw_listed; /* raw zspages that belong in a list */
  unsigned leaving;    /* zspages */
};

/* In a zspage that is leaving, free blocks are neither joined nor in a bin. */
static const char *
check_free_block (struct walk *walk, const zs_word *block, uint32_t len,
                  bool prev_free, bool leaving)
{
  walk->census.free_bytes += (uint64_t) len * ZS_GRANULE;
  if (leaving)
    return NULL;
  if (prev_free)
    return "two neighbours are free";
  if (zs_tag_load (&block[len - 1]) != zs_tag_load (block))
    return "a free block's footer is not its tag";
  walk->binned += len >= ZS_MIN_BLOCK;
  return NULL;
}

static const char *
check_live_block (struct walk *walk, uint64_t tag, bool prev_free, bool leaving)
{
  walk->census.objects++;
  walk->census.object_bytes += (uint64_t) zs_tag_len (tag) * ZS_GRANULE;
  return leaving || !(tag & ZS_TAG_PREV_FREE) == !prev_free
             ? NULL
             : "a block is wrong about the one before it";
}

static const char *
check_blocks (struct walk *walk, uint32_t index, bool leaving)
{
  uint32_t granule = 0;
  bool prev_free = false;

  while (granule < ZSPAGE_GRANULES) {
    const zs_word *const block =
        zs_block (walk->pool->base, zs_ref_make (index, granule));
    const uint64_t tag = zs_tag_load (block);
    const uint32_t len = zs_tag_len (tag);
    const char *wrong;

    if (len == 0 || granule + len > ZSPAGE_GRANULES)
      return "blocks do not tile the zspage";
    wrong = tag & ZS_TAG_FREE
                ? check_free_block (walk, block, len, prev_free, leaving)
                : check_live_block (walk, tag, prev_free, leaving);
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

  walk->census.objects += n;
  walk->census.object_bytes += (uint64_t) n * ZRAM_PAGE_SIZE;
  walk->census.free_bytes += (uint64_t) (RAW_PER_ZSPAGE - n) * ZRAM_PAGE_SIZE;
  walk->raw_listed += n < RAW_PER_ZSPAGE && !zspage->leaving;
  return NULL;
}

static const char *
check_zspage (struct walk *walk, uint32_t index)
{
  const struct zspage *const zspage = &walk->pool->zspages[index];
  const bool raw = zspage_kind (zspage) == ZSPAGE_RAW;
  const uint64_t before = walk->census.object_bytes;
  const char *wrong = raw ? check_raw (walk, zspage)
                          : check_blocks (walk, index, zspage->leaving);
  const uint64_t live = walk->census.object_bytes - before;

  walk->census.zspages++;
  walk->leaving += zspage->leaving;
  walk->size[raw] += ZSPAGE_SIZE;
  walk->holes[raw] += ZSPAGE_SIZE - live;
  if (!wrong && live == 0 && !zspage->leaving)
    wrong = "an empty zspage is in a shard";
  return wrong;
}

static const char *
check_zspages (struct walk *walk)
{
  const uint32_t end = walk->pool->frontier;
  const char *wrong = NULL;

  for (uint32_t i = 1; i < end && !wrong; i++)
    if (zs_do_owns (walk->pool, walk->shard, i))
      wrong = check_zspage (walk, i);
  for (int raw = 0; raw < 2; raw++) {
    if (!wrong && walk->holes[raw] != zs_shard_holes (walk->shard, raw))
      wrong = "a shard's holes are not those of its zspages";
    if (!wrong && walk->size[raw] != zs_shard_size (walk->shard, raw))
      wrong = "a shard's size is not that of its zspages";
  }
  if (!wrong && walk->leaving > 1)
    wrong = "more than one zspage is leaving";
  return wrong;
}

/* One bin: every entry is a free block of that length, linked both ways. */
static const char *
check_bin (const struct walk *walk, uint32_t len, uint64_t *entries)
{
  zs_ref prev = 0;

  for (zs_ref ref = walk->shard->bins.heads[len]; ref;) {
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
  const struct zs_bins *const bins = &walk->shard->bins;
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

    for (uint32_t i = walk->shard->raw[n]; i;) {
      const struct zspage *const zspage = &walk->pool->zspages[i];

      if (!zs_do_owns (walk->pool, walk->shard, i) ||
          zspage_kind (zspage) != ZSPAGE_RAW ||
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

/* A list of unused zspages; the caller holds the index lock. */
static const char *
do_check_list (const struct zs_pool *pool, const struct zs_index_list *list)
{
  uint32_t entries = 0;

  for (uint32_t i = list->first; i; i = pool->zspages[i].next) {
    if (zspage_kind (&pool->zspages[i]) != ZSPAGE_UNUSED)
      return "a zspage in use is in a list of unused ones";
    if (++entries > list->count)
      return "a list of unused zspages holds more than it says, or goes round";
  }
  return entries == list->count
             ? NULL
             : "a list of unused zspages holds less than it says";
}

/* How many zspages are in them is taken off from those that are nowhere. */
static const char *
check_lists (struct zs_pool *pool, struct zs_census *census)
{
  const char *wrong;

  index_lock (pool);
  wrong = do_check_list (pool, &pool->unused);
  if (!wrong)
    wrong = do_check_list (pool, &pool->reserve);
  census->nowhere -= (int64_t) pool->unused.count + pool->reserve.count;
  index_unlock (pool);
  return wrong;
}

static const char *
check_shard (struct zs_pool *pool, struct zs_shard *shard,
             struct zs_census *census)
{
  struct walk walk = {.pool = pool, .shard = shard};
  const char *wrong;

  shard_lock (pool, shard);
  wrong = check_zspages (&walk);
  if (!wrong)
    wrong = check_bins (&walk);
  if (!wrong)
    wrong = check_raw_lists (&walk);
  shard_unlock (pool, shard);
  census->zspages += walk.census.zspages;
  census->nowhere -= (int64_t) walk.census.zspages;
  census->objects += walk.census.objects;
  census->object_bytes += walk.census.object_bytes;
  census->free_bytes += walk.census.free_bytes;
  return wrong;
}

const char *
zs_pool_check (struct zs_pool *pool, struct zs_census *census)
{
  struct zs_census sum = {.nowhere = (int64_t) pool->frontier - 1};
  const char *wrong = check_lists (pool, &sum);

  for (unsigned i = 0; i < pool->nr_shards && !wrong; i++)
    wrong = check_shard (pool, &pool->shards[i], &sum);
  if (census)
    *census = sum;
  return wrong;
}
