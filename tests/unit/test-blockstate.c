/* SPDX-License-Identifier: BSD-3-Clause */
/* block_state: a line for each page that is stored, in zram's form, in parts
 * that are together all of it, whatever happens to the disk in between.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "clock.h"
#include "unit.h"

/* A line: index, time, flags. */
#define LINE "%12" SCNu64 " %12" SCNu64 ".000000 %6[a-z.]%n"

static struct disk disk;
static struct attr_error error;

static void
setup (void)
{
  disk_init (&disk, "zram0");
}

static void
teardown (void)
{
  disk_destroy (&disk);
}

static void
set (const char *name, const char *value)
{
  ck_assert_msg (attr_set (&disk, name, value, NULL, &error) == 0, "%s",
                 error.message);
}

static void
write_page (uint64_t index, enum content kind)
{
  char page[ZRAM_PAGE_SIZE];

  content_fill (page, sizeof page, kind, index);
  must_equal (zram_write (disk.zram, page, sizeof page, index * sizeof page),
              0);
}

/* Its next part; to be freed. */
static char *
get_part (uint64_t *at, int want)
{
  char *text = NULL;
  size_t size;
  FILE *const fp = open_memstream (&text, &size);

  must_equal (attr_get_part (&disk, "block_state", at, fp, &error), want);
  fclose (fp);
  return text;
}

/* A line of it. */
struct page_state {
  uint64_t index;
  const char *flags;
};

START_TEST (without_a_device_it_is_refused)
{
  uint64_t at = 0;
  char *const text = get_part (&at, -1);

  ck_assert_int_eq (error.code, EINVAL);
  ck_assert_ptr_nonnull (strstr (error.message, "block_state: "));
  ck_assert_str_eq (text, "");
  free (text);
}

/* The lines of TEXT are about these pages, last used from FROM on until now. */
static void
must_be_about (const char *text, uint64_t from, size_t n,
               const struct page_state states[])
{
  for (size_t i = 0; i < n; i++) {
    uint64_t index = 0, accessed = 0;
    char flags[8] = "";
    int len = 0;

    sscanf (text, LINE, &index, &accessed, flags, &len);
    ck_assert_uint_eq (index, states[i].index);
    ck_assert_str_eq (flags, states[i].flags);
    ck_assert_uint_ge (accessed, from);
    ck_assert_uint_le (accessed, clock_s ());
    ck_assert_int_eq (len, 12 + 1 + 12 + 7 + 1 + 6);
    ck_assert_int_eq (text[len], '\n');
    text += len + 1;
  }
  ck_assert_str_eq (text, "");
}

#define MUST_BE_ABOUT(text, from, states) \
  must_be_about (text, from, sizeof (states) / sizeof *(states), states)

START_TEST (each_stored_page_has_its_line)
{
  static const struct page_state states[] = {
      {0, "......"}, {7, "s....."}, {300, "s....."}, {262143, "..h..."}};
  const uint64_t from = clock_s ();
  uint64_t at = 0;
  char *text;

  set ("disksize", "1G");
  text = get_part (&at, 0);
  ck_assert_str_eq (text, "");
  free (text);

  write_page (0, CONTENT_TEXT);
  write_page (7, CONTENT_SAME);
  write_page (8, CONTENT_TEXT);
  write_page (300, CONTENT_ZERO);
  write_page (262143, CONTENT_NOISE);
  zram_discard (disk.zram, ZRAM_PAGE_SIZE, 8 * ZRAM_PAGE_SIZE);
  at = 0;
  text = get_part (&at, 0);
  MUST_BE_ABOUT (text, from, states);
  free (text);
}

/* Idle, recompressed, and what no algorithm makes smaller. */
START_TEST (what_was_done_to_a_page_is_seen)
{
  static const struct page_state idle[] = {
      {0, "...i.."}, {7, "s....."}, {8, "......"}, {262143, "..hi.."}};
  static const struct page_state recompressed[] = {
      {0, "....r."}, {7, "s....."}, {8, "....r."}, {262143, "..h..n"}};
  const uint64_t from = clock_s ();
  uint64_t at = 0;
  char *text;

  set ("recomp_algorithm", "algo=zstd");
  set ("disksize", "1G");
  write_page (0, CONTENT_TEXT);
  write_page (7, CONTENT_SAME);
  write_page (262143, CONTENT_NOISE);
  set ("idle", "all");
  write_page (8, CONTENT_TEXT);
  text = get_part (&at, 0);
  MUST_BE_ABOUT (text, from, idle);
  free (text);
  at = 0;
  set ("recompress", "");
  text = get_part (&at, 0);
  MUST_BE_ABOUT (text, from, recompressed);
  free (text);
}

/* More than one part has, with gaps in them. */
START_TEST (the_parts_are_all_of_it)
{
  uint64_t at = 0, index = 0;
  unsigned parts = 0;
  bool more = true;

  set ("disksize", "64M");
  for (uint64_t i = 0; i < 16384; i += 3)
    write_page (i, CONTENT_SAME);
  while (more) {
    char *text = NULL, *line, *rest;
    size_t size;
    FILE *const fp = open_memstream (&text, &size);
    const int r = attr_get_part (&disk, "block_state", &at, fp, &error);

    must (r >= 0);
    fclose (fp);
    for (rest = text; (line = strsep (&rest, "\n")) && rest; index += 3)
      must_equal (strtoull (line, NULL, 10), index);
    free (text);
    more = r > 0;
    parts++;
  }
  ck_assert_uint_eq (index, 16386);
  ck_assert_uint_gt (parts, 1);
}

/* One part, then the disk is reset, or made smaller. */
START_TEST (the_disk_may_go_meanwhile)
{
  uint64_t at = 0;

  set ("disksize", "64M");
  for (uint64_t i = 0; i < 16384; i++)
    write_page (i, CONTENT_SAME);
  free (get_part (&at, 1));
  set ("reset", "1");
  free (get_part (&at, -1));
  set ("disksize", "4K");
  write_page (0, CONTENT_SAME);
  free (get_part (&at, 0));
}

int
main (void)
{
  Suite *suite = suite_create ("blockstate");
  TCase *tc = suite_case (suite, "blockstate");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, without_a_device_it_is_refused);
  tcase_add_test (tc, each_stored_page_has_its_line);
  tcase_add_test (tc, what_was_done_to_a_page_is_seen);
  tcase_add_test (tc, the_parts_are_all_of_it);
  tcase_add_test (tc, the_disk_may_go_meanwhile);
  return suite_run (suite);
}
