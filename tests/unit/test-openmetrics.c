/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenMetrics text, byte by byte. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "openmetrics.h"
#include "unit.h"

static FILE *fp;
static char *text;
static size_t size;

static void
setup (void)
{
  fp = open_memstream (&text, &size);
  ck_assert_ptr_nonnull (fp);
}

static void
must_have_written (const char *want)
{
  fclose (fp);
  ck_assert_str_eq (text, want);
  free (text);
}

static const struct openmetrics_family gauge = {
    "zram_x_bytes", OPENMETRICS_GAUGE, "bytes", "What \"x\" takes."};
static const struct openmetrics_family counter = {"zram_y", OPENMETRICS_COUNTER,
                                                  NULL, "Y."};

START_TEST (families)
{
  openmetrics_begin (fp, &gauge);
  openmetrics_begin (fp, &counter);
  openmetrics_end (fp);
  must_have_written ("# TYPE zram_x_bytes gauge\n"
                     "# UNIT zram_x_bytes bytes\n"
                     "# HELP zram_x_bytes What \\\"x\\\" takes.\n"
                     "# TYPE zram_y counter\n"
                     "# HELP zram_y Y.\n"
                     "# EOF\n");
}

START_TEST (samples)
{
  static const struct openmetrics_label both[] = {{"disk", "zram0"},
                                                  {"server", "/run/a"}};
  static const struct openmetrics_labels labels = {both, 2}, none = {NULL, 0};

  openmetrics_sample (fp, &gauge, &labels, 1048576);
  openmetrics_sample (fp, &gauge, &none, -1000);
  openmetrics_sample (fp, &counter, &labels, INT64_MAX);
  must_have_written (
      "zram_x_bytes{disk=\"zram0\",server=\"/run/a\"} 1048576\n"
      "zram_x_bytes -1000\n"
      "zram_y_total{disk=\"zram0\",server=\"/run/a\"} 9223372036854775807\n");
}

static void
must_quote (const char *value, const char *want)
{
  const struct openmetrics_label label = {"x", value};
  const struct openmetrics_labels labels = {&label, 1};
  char line[100];

  setup ();
  openmetrics_sample (fp, &gauge, &labels, 1);
  snprintf (line, sizeof line, "zram_x_bytes{x=\"%s\"} 1\n", want);
  must_have_written (line);
}

START_TEST (labels_are_quoted)
{
  must_quote ("", "");
  must_quote ("a\"b\\c\nd", "a\\\"b\\\\c\\nd");
  must_quote ("/tmp/\303\266/\342\202\254/\360\237\230\200",
              "/tmp/\303\266/\342\202\254/\360\237\230\200");
}

#define BAD "\xef\xbf\xbd"

START_TEST (what_is_no_utf8_is_replaced)
{
  must_quote ("a\377b", "a" BAD "b");
  must_quote ("a\303", "a" BAD);
  must_quote ("\303\"", BAD "\\\"");
  must_quote ("\300\257", BAD BAD);                 /* overlong */
  must_quote ("\340\200\257", BAD BAD BAD);         /* overlong */
  must_quote ("\355\240\200", BAD BAD BAD);         /* a surrogate */
  must_quote ("\364\220\200\200", BAD BAD BAD BAD); /* beyond Unicode */
}

int
main (void)
{
  Suite *suite = suite_create ("openmetrics");
  TCase *tc = suite_case (suite, "openmetrics");

  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, families);
  tcase_add_test (tc, samples);
  tc = suite_case (suite, "quoting");
  tcase_add_test (tc, labels_are_quoted);
  tcase_add_test (tc, what_is_no_utf8_is_replaced);
  return suite_run (suite);
}
