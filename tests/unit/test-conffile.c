/* SPDX-License-Identifier: BSD-3-Clause */
/* Sections of keys and values. */
#include <config.h>

#include <string.h>

#include "conffile.h"
#include "unit.h"

static struct conf conf;

static void
teardown (void)
{
  conf_free (&conf);
}

static int
read_text (const char *text)
{
  FILE *const fp = fmemopen ((char *) (uintptr_t) text, strlen (text), "r");
  int r;

  must (fp != NULL);
  r = conf_read (&conf, fp, "test");
  fclose (fp);
  return r;
}

static const char *
value (size_t section, const char *name)
{
  return conf_value (&conf.sections[section], name);
}

START_TEST (blanks_and_comments_are_nothing)
{
  ck_assert_int_eq (read_text ("# comment\n"
                               "; comment\n"
                               "\n"
                               "  [ zram0 ]  \r\n"
                               "  zram-size=ram / 2\n"
                               "\tname \t=\t a value # and more ; of it \n"
                               "empty=\n"
                               "#name=other\n"
                               "[zram1]\n"
                               "last=a=b"),
                    0);
  ck_assert_uint_eq (conf.nr_sections, 2);
  ck_assert_str_eq (conf.sections[0].name, "zram0");
  ck_assert_str_eq (value (0, "zram-size"), "ram / 2");
  ck_assert_str_eq (value (0, "name"), "a value # and more ; of it");
  ck_assert_str_eq (value (0, "empty"), "");
  ck_assert_ptr_null (value (0, "last"));
  ck_assert_str_eq (value (1, "last"), "a=b");
}

START_TEST (what_comes_later_counts)
{
  ck_assert_int_eq (read_text ("[a]\nx=1\ny=2\n[b]\nx=3\n[a]\nx=4\nx=5\n"), 0);
  ck_assert_int_eq (read_text ("[c]\n[b]\nx=6\n"), 0);
  ck_assert_uint_eq (conf.nr_sections, 3);
  ck_assert_str_eq (value (0, "x"), "5");
  ck_assert_str_eq (value (0, "y"), "2");
  ck_assert_str_eq (value (1, "x"), "6");
  ck_assert_uint_eq (conf.sections[2].nr_keys, 0);
}

/* inih, of which this was first made, cut it at 200 characters. */
START_TEST (a_line_may_be_long)
{
  static char text[10000] = "[a]\nx=";

  memset (text + strlen (text), 'y', sizeof text - 7);
  ck_assert_int_eq (read_text (text), 0);
  ck_assert_uint_eq (strlen (value (0, "x")), sizeof text - 7);
}

START_TEST (a_wrong_line_is_passed_over)
{
  ck_assert_int_eq (read_text ("x=1\n[a]\ny\nz=2\n"), -1);
  ck_assert_uint_eq (conf.nr_sections, 1);
  ck_assert_uint_eq (conf.sections[0].nr_keys, 1);
  ck_assert_str_eq (value (0, "z"), "2");
  ck_assert_int_eq (read_text ("[b\nx=1\n"), -1);
  ck_assert_int_eq (read_text ("[\n"), -1);
  ck_assert_uint_eq (conf.nr_sections, 1);
  ck_assert_ptr_null (value (0, "x"));
}

int
main (void)
{
  Suite *const suite = suite_create ("conffile");
  TCase *const tc = suite_case (suite, "conffile");

  tcase_add_checked_fixture (tc, NULL, teardown);
  tcase_add_test (tc, blanks_and_comments_are_nothing);
  tcase_add_test (tc, what_comes_later_counts);
  tcase_add_test (tc, a_line_may_be_long);
  tcase_add_test (tc, a_wrong_line_is_passed_over);
  return suite_run (suite);
}
