/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are words. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attrwords.h"
#include "unit.h"

static const struct {
  const char *value;
  const char *words; /* each in brackets */
} splits[] = {
    {"", ""},
    {" ", ""},
    {"a", "[a]"},
    {"a b", "[a][b]"},
    {"  a\t b  ", "[a][b]"},
    {"\"a b\" c", "[a b][c]"},
    {"key=\"a b\"c d", "[key=a bc][d]"},
    {"key=\"a b", "[key=a b]"},
    {"\"\" a", "[][a]"},
    {"\"key=a b\"", "[key=a b]"},
};

START_TEST (words_are_split)
{
  char value[64], words[64] = "";
  char *rest = value;

  strcpy (value, splits[_i].value);
  for (char *word; (word = attr_next_word (&rest)) != NULL;)
    snprintf (words + strlen (words), sizeof words - strlen (words), "[%s]",
              word);
  ck_assert_str_eq (words, splits[_i].words);
  ck_assert_ptr_null (attr_next_word (&rest));
}

/* What was taken. */
static char one[32], two[32];
static struct attr_error error;

static int
take_one (void *arg, const char *value, struct attr_error *e)
{
  ck_assert_ptr_eq (arg, &error);
  if (strcmp (value, "bad") == 0)
    return attr_fail_as (e, ERANGE, "test: one is bad");
  snprintf (one, sizeof one, "%s", value);
  return 0;
}

static int
take_two (void *arg, const char *value, struct attr_error *e)
{
  (void) arg;
  (void) e;
  snprintf (two, sizeof two, "%s", value);
  return 0;
}

static int
take (const char *value)
{
  static const struct attr_key keys[] = {
      {"one", take_one}, {"two", take_two}, {0}};

  one[0] = two[0] = '\0';
  error = (struct attr_error){0};
  return attr_take_words ("test", value, keys, &error, &error) < 0 ? error.code
                                                                   : 0;
}

START_TEST (keys_are_taken)
{
  ck_assert_int_eq (take (""), 0);
  ck_assert_int_eq (take ("two=b one=a"), 0);
  ck_assert_str_eq (one, "a");
  ck_assert_str_eq (two, "b");
  ck_assert_int_eq (take ("one=\"a b=c\""), 0);
  ck_assert_str_eq (one, "a b=c");
  ck_assert_int_eq (take ("one=a one=b"), 0);
  ck_assert_str_eq (one, "b");
  ck_assert_int_eq (take ("one=="), 0);
  ck_assert_str_eq (one, "=");
}

static const struct {
  const char *value;
  int code;
  const char *says;
} bad[] = {
    {"three=1", EINVAL, "test: 'three' is unknown: it takes one and two"},
    {"=1", EINVAL, "'' is unknown"},
    {"One=1", EINVAL, "'One' is unknown"},
    {"one", EINVAL, "test: one has no value: give one=..."},
    {"one=", EINVAL, "one has no value"},
    {"one=\"\"", EINVAL, "one has no value"},
    {"two=1 one", EINVAL, "one has no value"},
    {"one=bad", ERANGE, "test: one is bad"},
};

START_TEST (what_is_wrong_is_said)
{
  ck_assert_int_eq (take (bad[_i].value), bad[_i].code);
  ck_assert_ptr_nonnull (strstr (error.message, bad[_i].says));
}

START_TEST (too_long_is_too_long)
{
  char value[ATTR_WORDS_MAX + 2];

  memset (value, ' ', sizeof value);
  value[ATTR_WORDS_MAX] = '\0';
  ck_assert_int_eq (take (value), 0);
  value[ATTR_WORDS_MAX] = ' ';
  value[ATTR_WORDS_MAX + 1] = '\0';
  ck_assert_int_eq (take (value), E2BIG);
}

int
main (void)
{
  Suite *const suite = suite_create ("attrwords");
  TCase *const tc = suite_case (suite, "attrwords");

  tcase_add_loop_test (tc, words_are_split, 0, sizeof splits / sizeof *splits);
  tcase_add_test (tc, keys_are_taken);
  tcase_add_loop_test (tc, what_is_wrong_is_said, 0, sizeof bad / sizeof *bad);
  tcase_add_test (tc, too_long_is_too_long);
  return suite_run (suite);
}
