/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes for people. */
#include <config.h>

#include "humansize.h"
#include "unit.h"

static void
must_print (uint64_t bytes, const char *want)
{
  char text[HUMANSIZE_TEXT];

  humansize_print (text, bytes);
  ck_assert_str_eq (text, want);
}

START_TEST (whole_units_have_no_decimal)
{
  must_print (0, "0B");
  must_print (1, "1B");
  must_print (1023, "1023B");
  must_print (1024, "1K");
  must_print (UINT64_C (1) << 20, "1M");
  must_print (UINT64_C (300) << 20, "300M");
  must_print (UINT64_C (1) << 30, "1G");
  must_print (UINT64_C (16) << 40, "16T");
  must_print (UINT64_C (1) << 50, "1P");
  must_print (UINT64_C (1) << 60, "1E");
}

START_TEST (parts_are_rounded)
{
  must_print (1536, "1.5K");
  must_print (1024 + 51, "1K");
  must_print (1024 + 52, "1.1K");
  must_print (126976, "124K");
  must_print (87363, "85.3K");
  must_print ((UINT64_C (3) << 30) / 2, "1.5G");
}

START_TEST (rounding_up_carries)
{
  must_print (2047, "2K");
  must_print ((1 << 20) - 1, "1M");
  must_print ((UINT64_C (1) << 60) - 1, "1E");
  must_print (UINT64_MAX, "16E");
}

int
main (void)
{
  Suite *suite = suite_create ("humansize");
  TCase *tc = suite_case (suite, "humansize");

  tcase_add_test (tc, whole_units_have_no_decimal);
  tcase_add_test (tc, parts_are_rounded);
  tcase_add_test (tc, rounding_up_carries);
  return suite_run (suite);
}
