/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes in zram-generator's manner. */
#include <config.h>

#include <math.h>
#include <string.h>

#include "expression.h"
#include "unit.h"

static char why[EXPRESSION_WHY_MAX];

static double
size (const char *text, double ram)
{
  double value;

  if (expression_size (text, ram, &value, why) < 0)
    ck_abort_msg ("%s: %s", text, why);
  return value;
}

#define comes_to(text, value) \
  ck_assert_double_eq_tol (size (text, 2000), value, 1e-9)

/* Its manual's, and what it has beside muParser. */
START_TEST (what_zram_generator_takes_is_taken)
{
  comes_to ("ram / 2", 1000);
  comes_to ("min(ram / 2, 4096)", 1000);
  ck_assert_double_eq_tol (size ("min(ram / 2, 4096)", 16000), 4096, 1e-9);
  ck_assert_double_eq_tol (
      size ("min(min(ram, 4096) + max(ram - 4096, 0) / 2, 32 * 1024)", 16384),
      4096 + 6144, 1e-9);
  comes_to ("(ram <= 2000) * ram + (ram > 2000) * 7", 2000);
  comes_to ("ram % 300", 200);
  comes_to ("2 + ram % 300 * 2", 402);
  comes_to ("100 / 4 % 3 * 2", 200);
  comes_to ("2 ^ 10", 1024);
  comes_to ("int(2.9) + ceil(2.1) + floor(2.9) + round(2.5)", 2 + 3 + 2 + 3);
  comes_to ("round(50, 120)", 100);
  comes_to ("log(1000) + log(2, 8)", 6);
  comes_to ("abs(-3)", 3);
  comes_to ("2K + 1M", 1002000);
  comes_to ("floor(pi + e)", 5);
  comes_to ("0.75*ram", 1500);
  comes_to ("0", 0);
}

static void
is_refused (const char *text)
{
  double value;

  memset (why, 0, sizeof why);
  ck_assert_msg (expression_size (text, 2000, &value, why) < 0, "%s", text);
  ck_assert_str_ne (why, "");
}

START_TEST (what_is_no_size_is_refused)
{
  is_refused ("");
  is_refused ("ram /");
  is_refused ("ram 2");
  is_refused ("ram / 2, 3");
  is_refused ("round(1, 2, 3)");
  is_refused ("log(1, 2, 3)");
  is_refused ("rom / 2");
  is_refused ("ram = 3");
  is_refused ("ram / 2 # half");
  is_refused ("ram - 3000");
  is_refused ("ram / 0");
  is_refused ("sqrt(-1)");
  is_refused ("5 % 0");
}

int
main (void)
{
  Suite *const suite = suite_create ("expression");
  TCase *const tc = suite_case (suite, "expression");

  tcase_add_test (tc, what_zram_generator_takes_is_taken);
  tcase_add_test (tc, what_is_no_size_is_refused);
  return suite_run (suite);
}
