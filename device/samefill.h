/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages filled with one eight-byte word: zram's same-filled pages. */
#ifndef ZRAM_SAMEFILL_H
#define ZRAM_SAMEFILL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "page.h"

/* Is the page at SRC (of any alignment) one word over and over?  Sets *WORD if
 * so.  The last word is looked at first: it tells most pages apart. */
static inline bool
page_is_same_filled (const void *src, uint64_t *word)
{
  const char *const page = src;
  uint64_t first, last;

  memcpy (&first, page, sizeof first);
  memcpy (&last, page + ZRAM_PAGE_SIZE - sizeof last, sizeof last);
  if (first != last ||
      memcmp (page, page + sizeof first, ZRAM_PAGE_SIZE - sizeof first) != 0)
    return false;
  *word = first;
  return true;
}

static inline void
page_fill (void *dst, uint64_t word)
{
  char *const page = dst;

  if (word == 0)
    memset (page, 0, ZRAM_PAGE_SIZE);
  else
    for (unsigned i = 0; i < ZRAM_PAGE_SIZE; i += sizeof word)
      memcpy (page + i, &word, sizeof word);
}

#endif /* ZRAM_SAMEFILL_H */
