/* SPDX-License-Identifier: BSD-3-Clause */
/* A screen has no more lines than it has room for, and no longer ones. */
#include <config.h>

#include <locale.h>

#include "screen.h"
#include "unit.h"

/* TEXT on a screen of so many columns is WANT. */
static void
must_add (unsigned width, const char *text, const char *want)
{
  struct screen screen = {.width = width, .height = 1};

  screen_add (&screen, SCREEN_PLAIN, "%s", text);
  ck_assert_str_eq (screen.lines[0].text, want);
  screen_free (&screen);
}

START_TEST (lines_are_cut)
{
  must_add (10, "0123456789", "0123456789");
  must_add (9, "0123456789", "012345678");
  must_add (5, "a b      c", "a b");
  must_add (0, "x", "");
}

START_TEST (columns_are_not_bytes)
{
  ck_assert_ptr_nonnull (setlocale (LC_CTYPE, "C.UTF-8"));
  must_add (3, "\303\266\303\266\303\266\303\266", "\303\266\303\266\303\266");
  must_add (3, "\346\227\245\346\234\254",
            "\346\227\245"); /* two columns each */
  must_add (4, "\346\227\245\346\234\254", "\346\227\245\346\234\254");
}

START_TEST (what_is_no_text_is_made_harmless)
{
  must_add (80, "a\33[2Jb\nc\377", "a?[2Jb?c?");
}

START_TEST (there_are_no_more_lines_than_room)
{
  struct screen screen = {.width = 80, .height = 2};

  for (int i = 0; i < 4; i++)
    screen_add (&screen, i ? SCREEN_ALARM : SCREEN_HEADING, "line %d", i);
  ck_assert_uint_eq (screen.n, 2);
  ck_assert_int_eq (screen.lines[0].tone, SCREEN_HEADING);
  ck_assert_int_eq (screen.lines[1].tone, SCREEN_ALARM);
  ck_assert_str_eq (screen.lines[1].text, "line 1");
  screen_free (&screen);
}

int
main (void)
{
  Suite *suite = suite_create ("screen");
  TCase *tc = suite_case (suite, "screen");

  tcase_add_test (tc, lines_are_cut);
  tcase_add_test (tc, columns_are_not_bytes);
  tcase_add_test (tc, what_is_no_text_is_made_harmless);
  tcase_add_test (tc, there_are_no_more_lines_than_room);
  return suite_run (suite);
}
