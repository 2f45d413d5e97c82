/* SPDX-License-Identifier: BSD-3-Clause */
/* Nothing that a terminal would act upon is left in a text, however it is
 * encoded, and everything that prints is.
 */
#include <config.h>

#include <locale.h>
#include <string.h>

#include "safetext.h"
#include "unit.h"

/* TEXT, in LOCALE, must become WANT. */
static void
must_become (const char *locale, const char *text, const char *want)
{
  char buf[64];
  const size_t len = strlen (text);

  ck_assert_ptr_nonnull (setlocale (LC_CTYPE, locale));
  ck_assert_uint_lt (len, sizeof buf);
  memcpy (buf, text, len + 1);
  safetext_clean (buf, len);
  ck_assert_str_eq (buf, want);
}

START_TEST (what_prints_stays)
{
  must_become ("C.UTF-8", "", "");
  must_become ("C.UTF-8", "lz4 [zstd] 1~", "lz4 [zstd] 1~");
  must_become ("C.UTF-8",
               "Gr\xc3\xb6\xc3\x9f"
               "e \xe2\x82\xac", //
               "Gr\xc3\xb6\xc3\x9f"
               "e \xe2\x82\xac");
}

START_TEST (control_characters_go)
{
  must_become ("C.UTF-8", "a\x1b[2Jb\r\t\x7f", "a?[2Jb???");
  must_become ("C.UTF-8",
               "a\xc2\x9b"
               "2J",
               "a??2J"); /* U+009B */
}

/* An 8-bit terminal would take 9b alone. */
START_TEST (broken_characters_go)
{
  must_become ("C.UTF-8",
               "\x9b"
               "2J",
               "?2J");
  must_become ("C.UTF-8", "\xc3", "?");
  must_become ("C.UTF-8", "\xe2\x82x", "??x");
  must_become ("C", "\xc3\xb6 \x9b", "?? ?");
}

/* As many bytes as it is told, be they what they may. */
START_TEST (nul_bytes_go)
{
  char text[] = "a\0b\0c";

  safetext_clean (text, 4);
  ck_assert_int_eq (memcmp (text, "a?b?c", sizeof text), 0);
}

/* It looks no further than it is told, be it in the middle of a character. */
START_TEST (it_stops_at_the_end)
{
  char *const text = guarded_end (2);

  ck_assert_ptr_nonnull (setlocale (LC_CTYPE, "C.UTF-8"));
  memcpy (text, "a\xc3", 2);
  safetext_clean (text, 2);
  ck_assert_int_eq (memcmp (text, "a?", 2), 0);
}

int
main (void)
{
  Suite *suite = suite_create ("safetext");
  TCase *tc = suite_case (suite, "safetext");

  tcase_add_test (tc, what_prints_stays);
  tcase_add_test (tc, control_characters_go);
  tcase_add_test (tc, broken_characters_go);
  tcase_add_test (tc, nul_bytes_go);
  tcase_add_test (tc, it_stops_at_the_end);
  return suite_run (suite);
}
