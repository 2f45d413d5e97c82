/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts of any length. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "newtext.h"
#include "unit.h"

START_TEST (it_is_as_long_as_it_has_to_be)
{
  char *text = newtext ("%s/%u", "dir", 7U);

  ck_assert_str_eq (text, "dir/7");
  free (text);
  text = newtext ("%s", "");
  ck_assert_str_eq (text, "");
  free (text);
  text = newtext ("%*d", 100000, 1);
  ck_assert_uint_eq (strlen (text), 100000);
  free (text);
}

int
main (void)
{
  Suite *const suite = suite_create ("newtext");
  TCase *const tc = suite_case (suite, "newtext");

  tcase_add_test (tc, it_is_as_long_as_it_has_to_be);
  return suite_run (suite);
}
