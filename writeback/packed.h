/* SPDX-License-Identifier: BSD-3-Clause */
/* An object as it lies in the backing store.
 *
 *   | checksum 8 | owner 4 | length 2 | tag 2 | the object | zeros | next ...
 *    ^ at a multiple of 8                                   ^ likewise
 *
 * Nothing else is stored: what an object belongs to, and what it was made with,
 * stands before it, so that a place can be cleaned without a list of what is in
 * it.  A header that begins with zeros is none, for no checksum is 0: there
 * nothing was written, and the next block may begin 8 bytes behind.
 *
 * The checksum is of all that follows, and begins with a SEED that nobody else
 * has used: an object that was written elsewhere, earlier, or by another run is
 * not taken for this one, though it is whole.
 */
#ifndef ZRAM_PACKED_H
#define ZRAM_PACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "page.h"

#define PACKED_ALIGN  8U
#define PACKED_HEADER 16U

/* What stands before an object. */
struct packed {
  uint64_t checksum;
  uint32_t owner;
  uint16_t len; /* bytes of the object, 1 to a page */
  uint16_t tag; /* what the owner wants to know when it is read */
};

_Static_assert(sizeof (struct packed) == PACKED_HEADER, "no gaps");

/* Bytes that an object of LEN takes. */
static inline uint32_t
packed_size (uint32_t len)
{
  return (PACKED_HEADER + len + PACKED_ALIGN - 1) & ~(PACKED_ALIGN - 1);
}

#define PACKED_MAX \
  ((PACKED_HEADER + ZRAM_PAGE_SIZE + PACKED_ALIGN - 1) & ~(PACKED_ALIGN - 1))

/* Write the object of LEN bytes at OBJECT to AT, which is aligned and has room
 * for packed_size (LEN). */
extern void packed_put (char *at, uint64_t seed, uint32_t owner, uint16_t tag,
                        const void *object, uint32_t len);

/* Is there at AT, where ROOM bytes can be read, the object of OWNER, whole, and
 * put there with SEED?  It is then at AT + PACKED_HEADER. */
extern bool packed_check (const char *at, uint32_t room, uint64_t seed,
                          uint32_t owner, uint32_t len);

/* What stands at AT, where ROOM bytes can be read; false: no header, or one
 * whose object would not end there. */
extern bool packed_peek (const char *at, uint32_t room, struct packed *header);

#endif /* ZRAM_PACKED_H */
