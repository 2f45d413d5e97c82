/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stddef.h>
#include <string.h>

#include <xxhash.h>

#include "packed.h"

/* Of the header behind it, and the object; never 0. */
static uint64_t
checksum (const char *at, uint32_t len, uint64_t seed)
{
  const size_t from = offsetof (struct packed, owner);
  const uint64_t sum =
      XXH3_64bits_withSeed (at + from, PACKED_HEADER - from + len, seed);

  return sum > 0 ? sum : 1;
}

void
packed_put (char *at, uint64_t seed, uint32_t owner, uint16_t tag,
            const void *object, uint32_t len)
{
  struct packed header = {.owner = owner, .len = (uint16_t) len, .tag = tag};
  const uint32_t end = PACKED_HEADER + len;

  memcpy (at, &header, sizeof header);
  memcpy (at + PACKED_HEADER, object, len);
  memset (at + end, 0, packed_size (len) - end);
  header.checksum = checksum (at, len, seed);
  memcpy (at, &header.checksum, sizeof header.checksum);
}

bool
packed_peek (const char *at, uint32_t room, struct packed *header)
{
  if (room < PACKED_HEADER)
    return false;
  memcpy (header, at, sizeof *header);
  return header->checksum != 0 && header->len > 0 &&
         header->len <= ZRAM_PAGE_SIZE && packed_size (header->len) <= room;
}

bool
packed_check (const char *at, uint32_t room, uint64_t seed, uint32_t owner,
              uint32_t len)
{
  struct packed header;

  return packed_peek (at, room, &header) && header.owner == owner &&
         header.len == len && header.checksum == checksum (at, len, seed);
}
