/* SPDX-License-Identifier: BSD-3-Clause */
/* A page's life: every kind of content into every other, with each column of
 * the statistics; and whoever looks, at any time, sees a page before a write
 * or after it.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "pageio.h"
#include "slottable.h"
#include "unit.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

#define NR_PAGES 8
#define DISKSIZE (NR_PAGES * ZRAM_PAGE_SIZE)

/* What a page may hold, besides the kinds of content: nothing. */
#define EMPTY  CONTENT_KINDS
#define STATES (CONTENT_KINDS + 1)

static struct zram *zram;

/* The same algorithm beside the device: it says how long a page gets. */
static struct zcomp *ruler;

/* What the statistics must say, kept beside the device. */
static struct zram_stats want;

static void
make_device (const struct zcomp_backend *backend)
{
  const struct zram_config config = {
      .disksize = DISKSIZE,
      .algorithms[0].backend = backend,
  };

  memset (&want, 0, sizeof want);
  ck_assert_int_eq (zram_create (&zram, &config), 0);
  ck_assert_int_eq (zcomp_create (&ruler, backend, NULL, 1, &ruler), 0);
  ck_assert_int_eq (zcomp_prepare (ruler), 0);
}

static void
destroy_device (void)
{
  zram_destroy (zram);
  zcomp_destroy (ruler);
}

/* How many bytes are stored for PAGE, which is not same-filled. */
static size_t
stored_len (const void *page)
{
  struct zcomp_stream *stream = zcomp_stream_get (ruler, ZCOMP_COMPRESS);
  char small[ZRAM_PAGE_SIZE];
  size_t len;
  const int r = zcomp_compress (stream, page, small, zs_huge_size () - 1, &len);

  zcomp_stream_put (stream);
  return r == 0 ? len : ZRAM_PAGE_SIZE;
}

/* Page content goes (SIGN is -1) or comes (1). */
static void
count_page (const void *page, unsigned state, int sign)
{
  size_t len;

  if (state == EMPTY)
    return;
  want.orig_data_size += (uint64_t) (sign * (int) ZRAM_PAGE_SIZE);
  if (state == CONTENT_ZERO || state == CONTENT_SAME) {
    want.same_pages += (uint64_t) sign;
    return;
  }
  len = stored_len (page);
  want.compr_data_size += (uint64_t) (sign * (int) len);
  if (len == ZRAM_PAGE_SIZE) {
    want.huge_pages += (uint64_t) sign;
    if (sign > 0)
      want.huge_pages_since++;
  }
}

static void
must_have_stats (void)
{
  struct zram_stats s;

  zram_stats (zram, &s);
  must_equal (s.orig_data_size, want.orig_data_size);
  must_equal (s.compr_data_size, want.compr_data_size);
  must_equal (s.same_pages, want.same_pages);
  must_equal (s.huge_pages, want.huge_pages);
  must_equal (s.huge_pages_since, want.huge_pages_since);
  must_equal (s.notify_free, want.notify_free);
  must_equal (s.pages_compacted, 0);
  must_equal (s.failed_reads, 0);
  must_equal (s.failed_writes, 0);
  must_equal (s.mem_limit, 0);
  must (s.mem_used_total >= s.compr_data_size);
  must (s.mem_used_max >= s.mem_used_total);
}

/* Bring page INDEX into STATE; CONTENT is what it then holds. */
static void
enter_state (uint64_t index, unsigned state, char *content, uint64_t seed)
{
  const uint64_t offset = index * ZRAM_PAGE_SIZE;

  if (state == EMPTY) {
    memset (content, 0, ZRAM_PAGE_SIZE);
    zram_discard (zram, ZRAM_PAGE_SIZE, offset);
    return;
  }
  content_fill (content, ZRAM_PAGE_SIZE, (enum content) state, seed);
  must_equal (zram_write (zram, content, ZRAM_PAGE_SIZE, offset), 0);
}

START_TEST (every_state_into_every_other)
{
  char old[ZRAM_PAGE_SIZE] = {0}, new[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  unsigned from, to, round = 0;

  make_device (zcomp_backends[_i]);
  for (from = 0; from < STATES; ++from)
    for (to = 0; to < STATES; ++to, ++round) {
      const uint64_t index = round % NR_PAGES;

      /* Into FROM, out of nothing, and then into TO. */
      enter_state (index, from, old, round);
      count_page (old, from, 1);
      must_have_stats ();
      enter_state (index, to, new, round + 1000);
      count_page (old, from, -1);
      count_page (new, to, 1);
      if (to == EMPTY && from != EMPTY)
        want.notify_free++;
      must_have_stats ();
      must_equal (zram_read (zram, back, sizeof back, index * sizeof back), 0);
      if (memcmp (new, back, sizeof new) != 0)
        ck_abort_msg ("state %u after state %u is not what was written", to,
                      from);
      enter_state (index, EMPTY, old, 0);
      count_page (new, to, -1);
      want.notify_free += to != EMPTY;
      must_have_stats ();
    }
  ck_assert_uint_eq (want.orig_data_size, 0);
  ck_assert_uint_gt (want.huge_pages_since, 0);
  destroy_device ();
}

/* PAGE, in STATE, must be all that is stored; how it came is left out. */
static void
must_be_the_only_page (const void *page, unsigned state)
{
  struct zram_stats s;

  memset (&want, 0, sizeof want);
  count_page (page, state, 1);
  zram_stats (zram, &s);
  must_equal (s.orig_data_size, want.orig_data_size);
  must_equal (s.compr_data_size, want.compr_data_size);
  must_equal (s.same_pages, want.same_pages);
  must_equal (s.huge_pages, want.huge_pages);
}

/* In two unaligned parts: what is in between is counted as what it is. */
START_TEST (every_state_into_every_other_by_parts)
{
  const unsigned cut = 1000;
  char now[ZRAM_PAGE_SIZE], new[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  unsigned from, to;

  make_device (zcomp_backends[_i]);
  for (from = 0; from < STATES; ++from)
    for (to = 0; to < CONTENT_KINDS; ++to) {
      enter_state (1, from, now, from);
      content_fill (new, sizeof new, (enum content) to, 50 + to);
      memcpy (now + cut, new + cut, sizeof new - cut);
      must_equal (zram_write (zram, new + cut, sizeof new - cut, 4096 + cut),
                  0);
      must_equal (zram_read (zram, back, sizeof back, 4096), 0);
      must (memcmp (now, back, sizeof now) == 0);
      must_equal (zram_write (zram, new, cut, 4096), 0);
      must_equal (zram_read (zram, back, sizeof back, 4096), 0);
      must (memcmp (new, back, sizeof new) == 0);

      must_be_the_only_page (new, to);
      zram_discard (zram, ZRAM_PAGE_SIZE, 4096);
    }
  destroy_device ();
}

static const uint64_t words[] = {
    0,
    1,
    UINT64_C (1) << 63,
    UINT64_MAX,
    UINT64_C (0x0101010101010101),
    UINT64_C (0x00000000ffffffff),
    UINT64_C (0xffffffff00000000),
    UINT64_C (0x6867666564636261),
    UINT64_C (0x8000000040000001),
};

#define NR_WORDS ((int) (sizeof words / sizeof words[0]))

/* Any word of eight bytes makes a same-filled page, and one other byte, at
 * any place, makes it none. */
START_TEST (same_filled_by_any_word)
{
  static const unsigned places[] = {0,    7,    8,    15,   2047, 2048,
                                    4080, 4087, 4088, 4094, 4095};
  uint64_t page[ZRAM_PAGE_SIZE / 8];
  char other[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  struct zram_stats s;
  size_t i;

  make_device (zcomp_backends[0]);
  for (i = 0; i < sizeof page / sizeof page[0]; ++i)
    page[i] = words[_i];
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  ck_assert_int_eq (zram_read (zram, back, sizeof back, 0), 0);
  ck_assert (memcmp (page, back, sizeof page) == 0);
  zram_stats (zram, &s);
  ck_assert_uint_eq (s.same_pages, 1);
  ck_assert_uint_eq (s.orig_data_size, ZRAM_PAGE_SIZE);
  ck_assert_uint_eq (s.compr_data_size, 0);
  ck_assert_uint_eq (s.mem_used_total, 0);

  for (i = 0; i < sizeof places / sizeof places[0]; ++i) {
    memcpy (other, page, sizeof other);
    other[places[i]] ^= 4;
    ck_assert_int_eq (zram_write (zram, other, sizeof other, 4096), 0);
    ck_assert_int_eq (zram_read (zram, back, sizeof back, 4096), 0);
    ck_assert (memcmp (other, back, sizeof other) == 0);
    zram_stats (zram, &s);
    ck_assert_uint_eq (s.same_pages, 1);
    ck_assert_uint_gt (s.compr_data_size, 0);
  }
  destroy_device ();
}

/* Half the bytes repeated: four of them are no word of eight, but any page
 * that four repeat, eight repeat. */
START_TEST (same_filled_by_shorter_and_longer_words)
{
  char page[ZRAM_PAGE_SIZE];
  struct zram_stats s;
  unsigned len, i;

  make_device (zcomp_backends[0]);
  for (len = 1; len <= 32; len *= 2) {
    for (i = 0; i < sizeof page; ++i)
      page[i] = (char) ('a' + i % len);
    ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
    zram_stats (zram, &s);
    ck_assert_uint_eq (s.same_pages, len <= 8);
  }
  destroy_device ();
}

/* A page filled with what is the handle of another's object: when that is moved
 * it is the other's slot that follows. */
START_TEST (same_filled_by_a_handle_is_not_moved)
{
  uint64_t page[ZRAM_PAGE_SIZE / 8], other[ZRAM_PAGE_SIZE / 8], handle, to;
  char back[ZRAM_PAGE_SIZE];
  uint32_t flags;

  make_device (zcomp_backends[0]);
  content_fill ((char *) other, sizeof other, CONTENT_TEXT, 1);
  ck_assert_int_eq (zram_write (zram, other, sizeof other, 0), 0);
  ck_assert (slot_peek (zram->table, 0, &handle, &flags));
  for (size_t i = 0; i < sizeof page / sizeof page[0]; ++i)
    page[i] = handle;
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 4096), 0);

  ck_assert_int_eq (zs_malloc (zram->pool, slot_size (flags), 0, &to), 0);
  ck_assert (!page_relocate (zram, 1, handle, to));
  ck_assert_int_eq (zram_read (zram, back, sizeof back, 4096), 0);
  ck_assert (memcmp (page, back, sizeof page) == 0);
  ck_assert (page_relocate (zram, 0, handle, to));
  zs_free (zram->pool, handle);
  ck_assert_int_eq (zram_read (zram, back, sizeof back, 0), 0);
  ck_assert (memcmp (other, back, sizeof other) == 0);
  destroy_device ();
}

/* A page of the greatest length that pays, and the first that does not: noise
 * with just so many zeros at its end. */
START_TEST (raw_is_what_does_not_pay)
{
  char page[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  unsigned zeros;
  unsigned raw = 0;

  make_device (zcomp_backends[_i]);
  for (zeros = 0; zeros < 256; ++zeros) {
    content_fill (page, sizeof page, CONTENT_NOISE, zeros);
    memset (page + sizeof page - zeros, 0, zeros);
    must_equal (zram_write (zram, page, sizeof page, 0), 0);
    must_equal (zram_read (zram, back, sizeof back, 0), 0);
    must (memcmp (page, back, sizeof page) == 0);
    must_be_the_only_page (page, CONTENT_NOISE);
    raw += want.huge_pages != 0;
  }
  ck_assert_uint_gt (raw, 0);
  ck_assert_uint_lt (raw, zeros);
  destroy_device ();
}

/* Tearing.  A page, or a part of one, holds one number's content: the number
 * itself, and then what follows from it. */

static void
part_fill (char *part, size_t size, uint64_t number)
{
  memcpy (part, &number, sizeof number);
  switch (number % 4) {
  case 0:
    memset (part, 0, size);
    break;
  case 1:
    content_fill (part + sizeof number, size - sizeof number, CONTENT_TEXT,
                  number);
    break;
  case 2:
    content_fill (part + sizeof number, size - sizeof number, CONTENT_NOISE,
                  number);
    break;
  default:
    while (size >= sizeof number) {
      memcpy (part, &number, sizeof number);
      part += sizeof number;
      size -= sizeof number;
    }
  }
}

/* Is PART something that part_fill, or a zero, would have made? */
static bool
part_is_whole (const char *part, size_t size)
{
  char made[ZRAM_PAGE_SIZE];
  uint64_t number;

  memcpy (&number, part, sizeof number);
  memcpy (made, part, size);
  part_fill (made, size, number);
  return memcmp (made, part, size) == 0;
}

/* Parts that divide a page, whose borders are no page's and no word's. */
static const unsigned parts[] = {0, 1000, 1016, 2504, 4096};

#define NR_PARTS (sizeof parts / sizeof parts[0] - 1)

/* What the writers do with one page, or with one part of it. */
static void
change_whole_page (uint64_t index, uint64_t *random)
{
  char page[ZRAM_PAGE_SIZE];
  unsigned i;

  switch (random_below (random, 8)) {
  case 0:
    zram_discard (zram, ZRAM_PAGE_SIZE, index * ZRAM_PAGE_SIZE);
    break;
  case 1:
    must_equal (zram_zero (zram, ZRAM_PAGE_SIZE, index * ZRAM_PAGE_SIZE), 0);
    break;
  default:
    for (i = 0; i < NR_PARTS; ++i)
      part_fill (page + parts[i], parts[i + 1] - parts[i],
                 random_next (random));
    must_equal (zram_write (zram, page, sizeof page, index * sizeof page), 0);
  }
}

static void
change_part (uint64_t index, uint64_t *random)
{
  const unsigned i = (unsigned) random_below (random, NR_PARTS);
  const unsigned size = parts[i + 1] - parts[i];
  const uint64_t offset = index * ZRAM_PAGE_SIZE + parts[i];
  char part[ZRAM_PAGE_SIZE];

  if (random_below (random, 4) == 0)
    must_equal (zram_zero (zram, size, offset), 0);
  else {
    part_fill (part, size, random_next (random));
    must_equal (zram_write (zram, part, size, offset), 0);
  }
}

/* All parts of a page, or one alone, or of several pages at once. */
static void
look_at_page (uint64_t index, uint64_t *random)
{
  char pages[2 * ZRAM_PAGE_SIZE];
  const uint64_t n = 1 + random_below (random, 2);
  unsigned i, page;

  if (index + n > NR_PAGES)
    return;
  must_equal (
      zram_read (zram, pages, n * ZRAM_PAGE_SIZE, index * ZRAM_PAGE_SIZE), 0);
  for (page = 0; page < n; ++page)
    for (i = 0; i < NR_PARTS; ++i)
      must (part_is_whole (pages + page * ZRAM_PAGE_SIZE + parts[i],
                           parts[i + 1] - parts[i]));
  i = (unsigned) random_below (random, NR_PARTS);
  must_equal (zram_read (zram, pages, parts[i + 1] - parts[i],
                         index * ZRAM_PAGE_SIZE + parts[i]),
              0);
  must (part_is_whole (pages, parts[i + 1] - parts[i]));
}

static void
tear (void *arg, unsigned me)
{
  uint64_t random = me, i;

  (void) arg;
  for (i = 0; i < scaled (12000); ++i) {
    const uint64_t index = random_below (&random, NR_PAGES);

    if (me % 2)
      look_at_page (index, &random);
    else if (i % 2)
      change_whole_page (index, &random);
    else
      change_part (index, &random);
  }
}

START_TEST (no_page_is_ever_torn)
{
  make_device (zcomp_backends[_i]);
  threads_run (6, tear, NULL);
  destroy_device ();
}

/* Writers of one page: it is what one of them wrote, whole, and the old ones'
 * memory is given back once each. */
static void
write_own_page (void *arg, unsigned me)
{
  char page[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE];
  uint64_t i;

  (void) arg;
  for (i = 0; i < scaled (6000); ++i) {
    part_fill (page, sizeof page, 4 * i + me);
    must_equal (zram_write (zram, page, sizeof page, 0), 0);
    must_equal (zram_read (zram, back, sizeof back, 0), 0);
    must (part_is_whole (back, sizeof back));
  }
}

START_TEST (writers_of_one_page_take_turns)
{
  struct zram_stats s;

  make_device (zcomp_backends[_i]);
  threads_run (4, write_own_page, NULL);
  zram_stats (zram, &s);
  ck_assert_uint_eq (s.orig_data_size, ZRAM_PAGE_SIZE);
  ck_assert_uint_le (s.same_pages, 1);
  ck_assert_uint_le (s.huge_pages, 1);
  ck_assert_uint_le (s.compr_data_size, ZRAM_PAGE_SIZE);
  zram_discard (zram, DISKSIZE, 0);
  zram_stats (zram, &s);
  ck_assert_uint_eq (s.orig_data_size, 0);
  ck_assert_uint_eq (s.compr_data_size, 0);
  ck_assert_uint_eq (s.same_pages, 0);
  ck_assert_uint_eq (s.huge_pages, 0);
  ck_assert_uint_eq (s.failed_writes, 0);
  destroy_device ();
}

/* Sub-page writes of one page by many: none undoes another's. */
static void
count_in_own_bytes (void *arg, unsigned me)
{
  const uint64_t offset = 8 + me * 500;
  uint64_t i, back;

  (void) arg;
  for (i = 1; i <= scaled (6000); ++i) {
    must_equal (zram_write (zram, &i, sizeof i, offset), 0);
    must_equal (zram_read (zram, &back, sizeof back, offset), 0);
    must_equal (back, i);
  }
}

START_TEST (parts_of_one_page_do_not_undo_each_other)
{
  char page[ZRAM_PAGE_SIZE];

  make_device (zcomp_backends[_i]);
  content_fill (page, sizeof page, CONTENT_MIXED, 1);
  ck_assert_int_eq (zram_write (zram, page, sizeof page, 0), 0);
  threads_run (6, count_in_own_bytes, NULL);
  destroy_device ();
}

int
main (void)
{
  Suite *suite = suite_create ("pageio");
  int n = 0;
  TCase *tc;

  while (zcomp_backends[n])
    ++n;
  tc = suite_case (suite, "states");
  tcase_add_loop_test (tc, every_state_into_every_other, 0, n);
  tcase_add_loop_test (tc, every_state_into_every_other_by_parts, 0, n);
  tcase_add_loop_test (tc, same_filled_by_any_word, 0, NR_WORDS);
  tcase_add_test (tc, same_filled_by_a_handle_is_not_moved);
  tcase_add_test (tc, same_filled_by_shorter_and_longer_words);
  tcase_add_loop_test (tc, raw_is_what_does_not_pay, 0, n);

  tc = suite_case (suite, "tearing");
  tcase_add_loop_test (tc, no_page_is_ever_torn, 0, n);
  tcase_add_loop_test (tc, writers_of_one_page_take_turns, 0, n);
  tcase_add_loop_test (tc, parts_of_one_page_do_not_undo_each_other, 0, n);
  return suite_run (suite);
}
