/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects as they lie in the store: what was put is found, by who put it there,
 * and anything else is not taken for it.
 */
#include <config.h>

#include <string.h>

#include "packed.h"
#include "unit.h"

#define SEED  UINT64_C (0x1234567890abcdef)
#define OWNER 77U

static char *at; /* behind PACKED_MAX bytes of it nothing may be touched */
static char object[ZRAM_PAGE_SIZE];

static void
setup (void)
{
  at = guarded_end (PACKED_MAX);
  content_fill (object, sizeof object, CONTENT_NOISE, 1);
}

/* Put LEN bytes where its room ends at the fence. */
static char *
put (uint32_t len)
{
  char *const place = at + PACKED_MAX - packed_size (len);

  memset (place, 0xee, packed_size (len));
  packed_put (place, SEED, OWNER, 3, object, len);
  return place;
}

START_TEST (what_was_put_is_found)
{
  struct packed header;

  for (uint32_t len = 1; len <= ZRAM_PAGE_SIZE; len++) {
    const char *const place = put (len);
    const uint32_t room = packed_size (len);

    must (room % PACKED_ALIGN == 0 && room < PACKED_HEADER + len + 8);
    must (packed_check (place, room, SEED, OWNER, len));
    must (memcmp (place + PACKED_HEADER, object, len) == 0);
    must (packed_peek (place, room, &header));
    must (header.owner == OWNER && header.len == len && header.tag == 3);
    must (all_zero (place + PACKED_HEADER + len, room - PACKED_HEADER - len));
  }
}

START_TEST (another_is_not_taken_for_it)
{
  const uint32_t len = 1000, room = packed_size (len);
  char *const place = put (len);

  ck_assert (!packed_check (place, room, SEED + 1, OWNER, len));
  ck_assert (!packed_check (place, room, SEED, OWNER + 1, len));
  ck_assert (!packed_check (place, room, SEED, OWNER, len - 1));
  ck_assert (!packed_check (place, room - 1, SEED, OWNER, len));
  for (uint32_t bit = 0; bit < 8 * (PACKED_HEADER + len); bit++) {
    place[bit / 8] ^= (char) (1 << bit % 8);
    must (!packed_check (place, room, SEED, OWNER, len));
    place[bit / 8] ^= (char) (1 << bit % 8);
  }
  ck_assert (packed_check (place, room, SEED, OWNER, len));
}

/* However long it is: the hash takes its bytes in blocks. */
START_TEST (its_last_byte_counts)
{
  for (uint32_t len = 1; len <= ZRAM_PAGE_SIZE; len++) {
    char *const place = put (len);

    place[PACKED_HEADER + len - 1] ^= 1;
    must (!packed_check (place, packed_size (len), SEED, OWNER, len));
  }
}

/* Nothing is read behind the room that there is. */
START_TEST (what_is_no_header_is_none)
{
  struct packed header;
  uint64_t random = 1;

  memset (at, 0, PACKED_MAX);
  for (uint32_t room = 0; room < PACKED_MAX; room++)
    must (!packed_peek (at + PACKED_MAX - room, room, &header));
  /* Zeros to the end of a block, and the checksum of the next one's first. */
  for (unsigned i = 0; i < 100000; i++) {
    const uint64_t next = random_next (&random);

    memcpy (at + 8, &next, sizeof next);
    must (!packed_peek (at, PACKED_MAX, &header));
  }
  for (unsigned i = 0; i < 100000; i++) {
    const uint32_t room = (uint32_t) random_below (&random, PACKED_MAX);
    char *const place = at + PACKED_MAX - room;

    for (uint32_t k = 0; k < room && k < PACKED_HEADER; k++)
      place[k] = (char) random_next (&random);
    if (packed_peek (place, room, &header))
      must (header.len > 0 && packed_size (header.len) <= room);
    must (!packed_check (place, room, SEED, header.owner, header.len));
  }
}

int
main (void)
{
  Suite *const suite = suite_create ("packed");
  TCase *const tc = suite_case (suite, "packed");

  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, what_was_put_is_found);
  tcase_add_test (tc, another_is_not_taken_for_it);
  tcase_add_test (tc, its_last_byte_counts);
  tcase_add_test (tc, what_is_no_header_is_none);
  return suite_run (suite);
}
