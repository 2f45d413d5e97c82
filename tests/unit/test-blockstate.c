/* SPDX-License-Identifier: BSD-3-Clause */
/* block_state: a line for each page that is stored, in zram's form, in parts
 * that are together all of it, whatever happens to the disk in between.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "unit.h"

#define NEVER "           0.000000 "

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

START_TEST (without_a_device_it_is_refused)
{
  uint64_t at = 0;
  char *const text = get_part (&at, -1);

  ck_assert_int_eq (error.code, EINVAL);
  ck_assert_ptr_nonnull (strstr (error.message, "block_state: "));
  ck_assert_str_eq (text, "");
  free (text);
}

START_TEST (each_stored_page_has_its_line)
{
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
  ck_assert_str_eq (text, "           0 " NEVER "......\n"
                          "           7 " NEVER "s.....\n"
                          "         300 " NEVER "s.....\n"
                          "      262143 " NEVER "..h...\n");
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
  tcase_add_test (tc, the_parts_are_all_of_it);
  tcase_add_test (tc, the_disk_may_go_meanwhile);
  return suite_run (suite);
}
