/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include "zsbins.h"

static inline void
mark_used (struct zs_bins *bins, uint32_t len)
{
  const uint32_t word = len / 64;

  bins->words[word] |= UINT64_C (1) << (len % 64);
  bins->groups[word / 64] |= UINT64_C (1) << (word % 64);
}

static inline void
mark_empty (struct zs_bins *bins, uint32_t len)
{
  const uint32_t word = len / 64;

  bins->words[word] &= ~(UINT64_C (1) << (len % 64));
  if (bins->words[word] == 0)
    bins->groups[word / 64] &= ~(UINT64_C (1) << (word % 64));
}

void
zs_bins_insert (struct zs_bins *bins, void *base, zs_ref ref, uint32_t len)
{
  const zs_ref next = bins->heads[len];
  zs_word *const block = zs_block (base, ref);

  zs_tag_store (&block[ZS_LINK_NEXT], next);
  zs_tag_store (&block[ZS_LINK_PREV], 0);
  if (next)
    zs_tag_store (&zs_block (base, next)[ZS_LINK_PREV], ref);
  else
    mark_used (bins, len);
  bins->heads[len] = ref;
}

void
zs_bins_remove (struct zs_bins *bins, void *base, zs_ref ref, uint32_t len)
{
  zs_word *const block = zs_block (base, ref);
  const zs_ref next = zs_tag_load (&block[ZS_LINK_NEXT]);
  const zs_ref prev = zs_tag_load (&block[ZS_LINK_PREV]);

  if (next)
    zs_tag_store (&zs_block (base, next)[ZS_LINK_PREV], prev);
  if (prev)
    zs_tag_store (&zs_block (base, prev)[ZS_LINK_NEXT], next);
  else {
    bins->heads[len] = next;
    if (!next)
      mark_empty (bins, len);
  }
}

/* The first set bit at or after FROM among NR_WORDS words, or the number of
 * bits if there is none. */
static inline uint32_t
next_bit (const uint64_t *words, uint32_t nr_words, uint32_t from)
{
  uint32_t word = from / 64;

  if (word >= nr_words)
    return nr_words * 64;

  uint64_t bits = words[word] & (~UINT64_C (0) << (from % 64));

  while (bits == 0) {
    if (++word == nr_words)
      return nr_words * 64;
    bits = words[word];
  }
  return word * 64 + (uint32_t) __builtin_ctzll (bits);
}

uint32_t
zs_bins_best_fit (const struct zs_bins *bins, uint32_t len)
{
  const uint32_t word = len / 64;
  const uint64_t here = bins->words[word] & (~UINT64_C (0) << (len % 64));

  if (here)
    return word * 64 + (uint32_t) __builtin_ctzll (here);

  const uint32_t next = next_bit (bins->groups, ZS_BIN_GROUPS, word + 1);

  if (next >= ZS_BIN_WORDS)
    return 0;
  return next * 64 + (uint32_t) __builtin_ctzll (bins->words[next]);
}
