/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters: what is accepted, and what is refused and in which words; and the
 * table that they are in.  Sizes alone are in test-attrsize.c, what depends on
 * swap in test-attrswap.c, what can be read in test-attrshow.c.
 */
#include <config.h>

#include <string.h>

#include "storing.h"
#include "unit.h"
#include "zcomp.h"

struct store_row {
  const char *name;
  const char *value;
};

/* What is refused whatever else was given. */
static const struct store_row bad[] = {
    {"disksize", ""},
    {"disksize", "0"},
    {"disksize", "0K"},
    {"disksize", "-1"},
    {"disksize", "-1G"},
    {"disksize", "+1G"},
    {"disksize", " 1G"},
    {"disksize", "1G "},
    {"disksize", "1GB"},
    {"disksize", "G"},
    {"disksize", "big"},
    {"disksize", "1.5G"},
    {"disksize", "17592186044417"},
    {"disksize", "17T"},
    {"disksize", "16E"},
    {"disksize", "18446744073709551615"},
    {"disksize", "18446744073709551616"},
    {"disksize", "0x"},
    {"disksize", "1\n2"},
    {"disksize", "%s%n"},
    {"size", ""},
    {"size", "0"},
    {"size", "17T"},
    {"size", "none"},
    {"comp_algorithm", ""},
    {"comp_algorithm", "842"},
    {"comp_algorithm", "lz"},
    {"comp_algorithm", "LZ4"},
    {"comp_algorithm", "lz4 "},
    {"comp_algorithm", " zstd"},
    {"comp_algorithm", "zstd\n"},
    {"comp_algorithm", "[lz4]"},
    {"comp_algorithm", "lz4\nzstd"},
    {"comp_algorithm", "%s%s%s%n"},
    {"backing_dev", "cold.img"},
    {"backing_dev", "cold pages://img"},
    {"backing_dev", "/cold\nimg"},
    {"mem_limit", ""},
    {"mem_limit", "-1"},
    {"mem_limit", "none"},
    {"mem_limit", "1GB"},
    {"mem_limit", "16E"},
    {"mem_limit", "18446744073709551616"},
    {"mem_limit", "\r"},
    {"compact_threshold", ""},
    {"compact_threshold", "-1"},
    {"compact_threshold", "-0"},
    {"compact_threshold", "+1"},
    {"compact_threshold", "101"},
    {"compact_threshold", "0101"},
    {"compact_threshold", "1000"},
    {"compact_threshold", "4294967296"},
    {"compact_threshold", "4294967306"},
    {"compact_threshold", "18446744073709551615"},
    {"compact_threshold", "18446744073709551616"},
    {"compact_threshold", "18446744073709551626"},
    {"compact_threshold", "10%"},
    {"compact_threshold", "0x10"},
    {"compact_threshold", "0x"},
    {"compact_threshold", "1 0"},
    {"compact_threshold", " 10"},
    {"compact_threshold", "10 "},
    {"compact_threshold", "10\n"},
    {"compact_threshold", "1.5"},
    {"compact_threshold", "1e1"},
    {"compact_threshold", "1K"},
    {"compact_threshold", "never"},
    {"compact_threshold", "%s%n"},
    {"swap", ""},
    {"swap", "maybe"},
    {"swap", "yes"},
    {"swap", "1"},
    {"swap", "ON"},
    {"swap", "On"},
    {"swap", "o"},
    {"swap", "onn"},
    {"swap", "on "},
    {"swap", " on"},
    {"swap", "on\n"},
    {"swap", "on,try"},
    {"reserve", ""},
    {"reserve", "x"},
    {"reserve", "-1"},
    {"reserve", "1MB"},
    {"reserve", "1.5M"},
    {"reserve", "16385G"},
    {"reserve", "16E"},
    {"reserve_waiters", ""},
    {"reserve_waiters", "x"},
    {"reserve_waiters", "-1"},
    {"reserve_waiters", "+1"},
    {"reserve_waiters", "0x10"},
    {"reserve_waiters", "1K"},
    {"reserve_waiters", "1000001"},
    {"reserve_waiters", "4294967297"},
    {"reserve_waiters", "18446744073709551617"},
    {"statsfile", ""},
    /* no parameters */
    {"", "1G"},
    {"Disksize", "1G"},
    {"disk_size", "1G"},
    {"disksize ", "1G"},
    {"disk\nsize", "1G"},
    {"allocator", "zstd"},
    {"mm_stat", "1"},
    {"io_stat", "1"},
    {"frag_stat", "1"},
    {"swap_stat", "1"},
    {"compact", "1"},
};

#define NR_BAD ((int) (sizeof bad / sizeof bad[0]))

START_TEST (a_bad_parameter_gets_one_line_and_changes_nothing)
{
  struct attr_config config;

  memset (&config, 0, sizeof config);
  must_refuse (&config, bad[_i].name, bad[_i].value);

  /* Nor does it undo what was good. */
  if (!attr_find (bad[_i].name) ||
      attr_find (bad[_i].name) != attr_find ("mem_limit"))
    must_store (&config, "mem_limit", "1M");
  must_refuse (&config, bad[_i].name, bad[_i].value);
}

/* A good value may follow a bad one. */
START_TEST (a_refused_parameter_was_not_given)
{
  struct attr_config config;

  memset (&config, 0, sizeof config);
  must_refuse (&config, "disksize", "0");
  must_store (&config, "disksize", "1G");
  ck_assert_uint_eq (config.zram.disksize, UINT64_C (1) << 30);
}

START_TEST (long_values_are_named_too)
{
  static const char *const names[] = {
      "disksize",          "size", "comp_algorithm", "mem_limit",
      "compact_threshold", "swap", "reserve",        "reserve_waiters",
      "no_such_name"};
  static char value[100000];
  struct attr_config config;
  struct attr_error error;
  size_t i;

  memset (value, 'y', sizeof value - 1);
  memset (&config, 0, sizeof config);
  for (i = 0; i < sizeof names / sizeof names[0]; ++i)
    must_refuse (&config, names[i], value);
  memset (value, '9', sizeof value - 1);
  for (i = 0; i < sizeof names / sizeof names[0]; ++i)
    must_refuse (&config, names[i], value);
  memset (value, 'n', sizeof value - 1);
  ck_assert_int_eq (attr_store (&config, value, "1", &error), -1);
  ck_assert_ptr_nonnull (memchr (error.message, '\0', sizeof error.message));
}

START_TEST (good_parameters_are_stored)
{
  struct attr_config config;
  struct attr_error error;

  memset (&config, 0, sizeof config);
  must_store (&config, "comp_algorithm", "zstd");
  ck_assert_ptr_eq (config.zram.algorithms[0].backend,
                    zcomp_backend_find ("zstd"));
  must_store (&config, "mem_limit", "0x10M");
  ck_assert_uint_eq (config.zram.mem_limit, 16 << 20);
  must_store (&config, "statsfile", "/a/file");
  ck_assert_str_eq (config.statsfile, "/a/file");
  must_store (&config, "disksize", "4097");
  ck_assert_uint_ge (config.zram.disksize, 4097);
  ck_assert_uint_le (config.zram.disksize, 8192);
  ck_assert_int_eq (attr_complete (&config, &error), 0);
}

START_TEST (borders_are_accepted)
{
  struct attr_config config;

  memset (&config, 0, sizeof config);
  must_store (&config, "disksize", "16T");
  ck_assert_uint_eq (config.zram.disksize, ZRAM_MAX_DISKSIZE);
  must_store (&config, "mem_limit", "0");
  ck_assert_uint_eq (config.zram.mem_limit, 0);

  memset (&config, 0, sizeof config);
  must_store (&config, "size", "1");
  ck_assert_uint_ge (config.zram.disksize, 1);
  ck_assert_uint_le (config.zram.disksize, ZRAM_PAGE_SIZE);
}

/* Decimal, whatever it begins with. */
START_TEST (a_percentage_is_0_to_100)
{
  static const struct {
    const char *text;
    unsigned percent;
  } rows[] = {
      {"0", 0},     {"1", 1},  {"9", 9},    {"10", 10},    {"99", 99},
      {"100", 100}, {"00", 0}, {"010", 10}, {"0100", 100},
  };
  size_t i;

  for (i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    struct attr_config config = ATTR_CONFIG_DEFAULT;

    must_store (&config, "compact_threshold", rows[i].text);
    ck_assert_uint_eq (config.zram.compact_threshold, rows[i].percent);
    must_refuse (&config, "compact_threshold", rows[i].text);
  }
}

START_TEST (compaction_is_on_unless_told_otherwise)
{
  const struct attr_config config = ATTR_CONFIG_DEFAULT;

  ck_assert_uint_eq (config.zram.compact_threshold,
                     ZRAM_DEFAULT_COMPACT_THRESHOLD);
  ck_assert_uint_gt (config.zram.compact_threshold, 0);
  ck_assert_uint_lt (config.zram.compact_threshold, 100);
}

/* A limit that is not whole pages must not become no limit. */
START_TEST (a_small_limit_is_a_limit)
{
  struct attr_config config;

  memset (&config, 0, sizeof config);
  must_store (&config, "mem_limit", "1");
  ck_assert_uint_ge (config.zram.mem_limit, 1);
  ck_assert_uint_le (config.zram.mem_limit, ZRAM_PAGE_SIZE);
}

/* Values that would be accepted, if they had not been given already. */
static const struct store_row good[] = {
    {"disksize", "1G"},
    {"size", "1G"},
    {"comp_algorithm", "lz4"},
    {"comp_algorithm", "zstd"},
    {"mem_limit", "0"},
    {"mem_limit", "1G"},
    {"statsfile", "/a/file"},
    {"compact_threshold", "0"},
    {"compact_threshold", "10"},
    {"swap", "off"},
    {"swap", "on"},
    {"reserve", "0"},
    {"reserve", "1G"},
    {"reserve_waiters", "0"},
    {"reserve_waiters", "8"},
};

#define NR_GOOD (sizeof good / sizeof good[0])

START_TEST (a_repeated_parameter_is_refused)
{
  size_t i, j;

  for (i = 0; i < NR_GOOD; ++i)
    for (j = 0; j < NR_GOOD; ++j) {
      struct attr_config config;

      memset (&config, 0, sizeof config);
      must_store (&config, good[i].name, good[i].value);
      if (attr_find (good[i].name) == attr_find (good[j].name))
        must_refuse (&config, good[j].name, good[j].value);
      else
        must_store (&config, good[j].name, good[j].value);
    }
}

START_TEST (a_missing_parameter_is_named)
{
  struct attr_config config, before;
  struct attr_error error;

  memset (&config, 0, sizeof config);
  memset (&error, 'x', sizeof error);
  must_store (&config, "comp_algorithm", "lz4");
  memcpy (&before, &config, sizeof before);
  ck_assert_int_eq (attr_complete (&config, &error), -1);
  must_be_one_line (&error, "disksize");
  ck_assert (memcmp (&before, &config, sizeof before) == 0);
  must_store (&config, "size", "1G");
  ck_assert_int_eq (attr_complete (&config, &error), 0);
}

/* The table itself. */

START_TEST (every_name_finds_its_row)
{
  size_t i;

  for (i = 0; i < attr_count; ++i) {
    ck_assert_ptr_eq (attr_find (attrs[i].name), &attrs[i]);
    if (attrs[i].alias)
      ck_assert_ptr_eq (attr_find (attrs[i].alias), &attrs[i]);
  }
  ck_assert_ptr_eq (attr_find ("size"), attr_find ("disksize"));
  ck_assert_ptr_null (attr_find (""));
  ck_assert_ptr_null (attr_find ("disk"));
  ck_assert_ptr_null (attr_find ("disksizes"));
  ck_assert_ptr_null (attr_find ("DISKSIZE"));
}

static void
must_be_printable (const char *text)
{
  ck_assert_ptr_nonnull (text);
  ck_assert_uint_gt (strlen (text), 0);
  ck_assert_ptr_null (strpbrk (text, "\n\r\t"));
}

START_TEST (every_row_has_its_help)
{
  size_t i;

  ck_assert_uint_le (attr_count, 64); /* bits of "given" */
  for (i = 0; i < attr_count; ++i) {
    const struct attr *attr = &attrs[i];

    must_be_printable (attr->name);
    must_be_printable (attr->help);
    ck_assert (attr->store || attr->set || attr_is_readable (attr));
    ck_assert (!attr->show || !attr->show_part);
    ck_assert (attr->store || !attr->required);
    if (attr->store || attr->set)
      must_be_printable (attr->metavar);
  }
}

START_TEST (what_zram_has_is_there)
{
  ck_assert (attr_find ("disksize")->required);
  ck_assert (attr_find ("disksize")->kind == ATTR_SIZE);
  ck_assert (attr_find ("comp_algorithm")->kind == ATTR_WORD);
  ck_assert (attr_find ("mem_limit")->kind == ATTR_SIZE);
  ck_assert (attr_find ("compact_threshold")->kind == ATTR_NUMBER);
  ck_assert (attr_find ("statsfile")->kind == ATTR_PATH);
  ck_assert (attr_find ("mm_stat")->show);
  ck_assert (attr_find ("io_stat")->show);
  ck_assert (attr_find ("frag_stat")->show);
}

START_TEST (what_swap_has_is_there)
{
  ck_assert (attr_find ("swap")->kind == ATTR_WORD);
  ck_assert (attr_find ("reserve")->kind == ATTR_SIZE);
  ck_assert (attr_find ("reserve_waiters")->kind == ATTR_NUMBER);
  ck_assert (attr_find ("swap_stat")->show);
}

/* What the store takes for one is a URI, and nothing else. */
START_TEST (a_uri_is_no_path)
{
  const struct attr *const attr = attr_find ("backing_dev");

  ck_assert (!attr_is_path (attr, "nbd+unix:///?socket=s"));
  ck_assert (attr_is_path (attr, "cold.img"));
  ck_assert (attr_is_path (attr, "/mnt/a://b"));
  ck_assert (!attr_is_path (attr, ""));
}

int
main (void)
{
  Suite *suite = suite_create ("attr");
  TCase *tc;

  tc = suite_case (suite, "parameters");
  tcase_add_loop_test (tc, a_bad_parameter_gets_one_line_and_changes_nothing, 0,
                       NR_BAD);
  tcase_add_test (tc, a_refused_parameter_was_not_given);
  tcase_add_test (tc, long_values_are_named_too);
  tcase_add_test (tc, good_parameters_are_stored);
  tcase_add_test (tc, borders_are_accepted);
  tcase_add_test (tc, a_percentage_is_0_to_100);
  tcase_add_test (tc, compaction_is_on_unless_told_otherwise);
  tcase_add_test (tc, a_small_limit_is_a_limit);
  tcase_add_test (tc, a_repeated_parameter_is_refused);
  tcase_add_test (tc, a_missing_parameter_is_named);

  tc = suite_case (suite, "table");
  tcase_add_test (tc, every_name_finds_its_row);
  tcase_add_test (tc, every_row_has_its_help);
  tcase_add_test (tc, what_zram_has_is_there);
  tcase_add_test (tc, what_swap_has_is_there);
  tcase_add_test (tc, a_uri_is_no_path);
  return suite_run (suite);
}
