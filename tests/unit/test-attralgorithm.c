/* SPDX-License-Identifier: BSD-3-Clause */
/* comp_algorithm, recomp_algorithm, algorithm_params: as parameters and told to
 * a disk; what is refused leaves all as it was.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "unit.h"
#include "zcompdict.h"

static struct attr_config config;
static struct attr_error error;
static struct disk disk;
static char path[] = "/tmp/attralgorithm-XXXXXX";

/* Of a dictionary. */
#define DICT_SIZE 8192

/* What there is no memory for. */
static enum {
  NOTHING,
  READING, /* it */
  DIGESTING
} refused;

extern void *__real_malloc (size_t size);
extern void *__wrap_malloc (size_t size);
extern void *__real_aligned_alloc (size_t alignment, size_t size);
extern void *__wrap_aligned_alloc (size_t alignment, size_t size);

void *
__wrap_malloc (size_t size)
{
  return refused == READING && size >= DICT_SIZE ? NULL : __real_malloc (size);
}

void *
__wrap_aligned_alloc (size_t alignment, size_t size)
{
  return refused == DIGESTING ? NULL : __real_aligned_alloc (alignment, size);
}

static void
setup (void)
{
  config = (struct attr_config) ATTR_CONFIG_DEFAULT;
  disk_init (&disk, "zram0");
}

static void
teardown (void)
{
  zram_config_clear (&config.zram);
  disk_destroy (&disk);
}

static int
store (const char *name, const char *value)
{
  error = (struct attr_error){0};
  return attr_store (&config, name, value, &error) < 0 ? error.code : 0;
}

static int
set (const char *name, const char *value)
{
  error = (struct attr_error){0};
  return attr_set (&disk, name, value, NULL, &error) < 0 ? error.code : 0;
}

static void
must_say (const char *text)
{
  ck_assert_msg (strstr (error.message, text) != NULL, "'%s' does not say '%s'",
                 error.message, text);
}

/* A dictionary of SIZE bytes of text in PATH. */
static void
write_dict (size_t size)
{
  char bytes[16384];
  const int fd = mkstemp (strcpy (path, "/tmp/attralgorithm-XXXXXX"));

  ck_assert_int_ge (fd, 0);
  content_fill (bytes, sizeof bytes, CONTENT_TEXT, 1);
  ck_assert_int_eq (write (fd, bytes, size), (ssize_t) size);
  close (fd);
}

/* "dict=PATH" behind WORDS. */
static const char *
with_dict (const char *words)
{
  static char value[128];

  snprintf (value, sizeof value, "%s dict=%s", words, path);
  return value;
}

static const struct zram_algorithm *
stored (unsigned priority)
{
  return &config.zram.algorithms[priority];
}

START_TEST (parameters_are_stored)
{
  ck_assert_int_eq (store ("comp_algorithm", "lz4hc"), 0);
  ck_assert_int_eq (store ("recomp_algorithm", "algo=zstd"), 0);
  ck_assert_int_eq (store ("recomp_algorithm", "priority=3 algo=zstd"), 0);
  ck_assert_int_eq (store ("algorithm_params", "level=12"), 0);
  ck_assert_int_eq (store ("algorithm_params", "algo=zstd level=-5"), 0);
  ck_assert_int_eq (store ("algorithm_params", "priority=3 level=19"), 0);
  ck_assert_ptr_eq (stored (0)->backend, zcomp_backend_find ("lz4hc"));
  ck_assert_ptr_eq (stored (1)->backend, zcomp_backend_find ("zstd"));
  ck_assert_ptr_null (stored (2)->backend);
  ck_assert_ptr_eq (stored (3)->backend, zcomp_backend_find ("zstd"));
  ck_assert_int_eq (stored (0)->params.level, 12);
  ck_assert_int_eq (stored (1)->params.level, -5);
  ck_assert_int_eq (stored (3)->params.level, 19);
  /* The whole set is replaced. */
  ck_assert_int_eq (store ("algorithm_params", "deflate.winbits=12"), 0);
  ck_assert (!stored (0)->params.has_level);
  ck_assert_int_eq (stored (0)->params.winbits, 12);
  ck_assert_int_eq (store ("algorithm_params", ""), 0);
  ck_assert (!stored (0)->params.has_winbits);
}

START_TEST (dictionaries_are_shared_and_let_go)
{
  write_dict (DICT_SIZE);
  ck_assert_int_eq (store ("comp_algorithm", "zstd"), 0);
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), 0);
  ck_assert_uint_eq (zcomp_dict_len (stored (0)->params.dict), DICT_SIZE);
  ck_assert_int_eq (store ("algorithm_params", with_dict ("level=7")), 0);
  ck_assert_int_eq (store ("algorithm_params", "level=7"), 0);
  ck_assert_ptr_null (stored (0)->params.dict);

  ck_assert_int_eq (set ("comp_algorithm", "zstd"), 0);
  ck_assert_int_eq (set ("algorithm_params", with_dict ("level=3")), 0);
  ck_assert_uint_eq (zcomp_dict_len (disk.config.algorithms[0].params.dict),
                     8192);
  /* What is refused, and other attributes, leave it. */
  ck_assert_int_eq (set ("algorithm_params", "level=99"), EINVAL);
  ck_assert_int_eq (set ("mem_limit", "1G"), 0);
  ck_assert_ptr_nonnull (disk.config.algorithms[0].params.dict);
  /* Whoever names an algorithm begins anew. */
  ck_assert_int_eq (set ("comp_algorithm", "lz4"), 0);
  ck_assert_ptr_null (disk.config.algorithms[0].params.dict);
  ck_assert_int_eq (set ("algorithm_params", with_dict ("")), 0);
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (set ("algorithm_params", with_dict ("")), EBUSY);
  ck_assert_ptr_nonnull (disk.config.algorithms[0].params.dict);
  ck_assert_int_eq (set ("reset", "1"), 0);
  ck_assert_ptr_null (disk.config.algorithms[0].params.dict);
  unlink (path);
}

static const struct {
  const char *name, *value, *says;
} bad[] = {
    {"recomp_algorithm", "", "give algo=NAME"},
    {"recomp_algorithm", "priority=1", "give algo=NAME"},
    {"recomp_algorithm", "algo", "algo has no value"},
    {"recomp_algorithm", "zstd", "'zstd' is unknown: it takes algo and"},
    {"recomp_algorithm", "algo=foo",
     "unknown algorithm 'foo': choose from lz4"},
    {"recomp_algorithm", "algo=842", "unknown algorithm '842'"},
    {"recomp_algorithm", "algo=lzo-rle", "unknown algorithm 'lzo-rle'"},
    {"recomp_algorithm", "algo=zstd priority=0", "give 1 to 3"},
    {"recomp_algorithm", "algo=zstd priority=4", "give 1 to 3"},
    {"recomp_algorithm", "algo=zstd priority=-1", "give 1 to 3"},
    {"recomp_algorithm", "algo=zstd priority=1x", "give 1 to 3"},
    {"algorithm_params", "level", "level has no value"},
    {"algorithm_params", "level=x", "level 'x' is not a number"},
    {"algorithm_params", "level=--3", "level '--3' is not a number"},
    {"algorithm_params", "level=99999999999", "out of range"},
    {"algorithm_params", "level=0", "level 0 is out of range: lz4 takes 1 to"},
    {"algorithm_params", "level=65538", "lz4 takes 1 to"},
    {"algorithm_params", "priority=4", "give 0 to 3"},
    {"algorithm_params", "priority=2 level=1", "priority 2 has no algorithm"},
    {"algorithm_params", "algo=foo", "unknown algorithm 'foo'"},
    {"algorithm_params", "algo=zstd", "no priority of 0 to 3 has algo 'zstd'"},
    {"algorithm_params", "algo=zstd priority=0", "priority 0 is lz4, not zstd"},
    {"algorithm_params", "deflate.winbits=16", "it is 8 to 15, or -15 to -8"},
    {"algorithm_params", "deflate.winbits=7", "it is 8 to 15, or -15 to -8"},
    {"algorithm_params", "winbits=12", "'winbits' is unknown"},
    {"algorithm_params", "dict=relative", "not an absolute path"},
    {"algorithm_params", "dict=/nonexistent/x", "'/nonexistent/x' cannot be "},
    {"algorithm_params", "dict=/", "dict '/' cannot be read: Is a directory"},
    {"algorithm_params", "dict=/dev/null", "'/dev/null' is empty, or not a "},
};

/* As a parameter, and told. */
START_TEST (what_is_wrong_is_said)
{
  ck_assert_int_eq (store (bad[_i].name, bad[_i].value), EINVAL);
  must_say (bad[_i].says);
  must_say (bad[_i].name);
  ck_assert_int_eq (set (bad[_i].name, bad[_i].value), EINVAL);
  must_say (bad[_i].says);
  /* That it is initialised is found last. */
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (set (bad[_i].name, bad[_i].value), EINVAL);
}

START_TEST (a_dictionary_that_is_no_use_is_refused)
{
  static const char magic[16] = {0x37, (char) 0xa4, 0x30, (char) 0xec, 1, 2};
  FILE *fp;

  write_dict (0);
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), EINVAL);
  must_say ("is empty");
  must_say (path);

  fp = fopen (path, "w");
  ck_assert_uint_eq (fwrite (magic, 1, sizeof magic, fp), sizeof magic);
  fclose (fp);
  ck_assert_int_eq (store ("comp_algorithm", "zstd"), 0);
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), EINVAL);
  must_say ("is damaged");
  must_say (path);

  ck_assert_int_eq (truncate (path, ZCOMP_DICT_MAX + 1), 0);
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), EINVAL);
  must_say ("is longer than");
  must_say (path);
  unlink (path);
}

/* Which lzo is, where it is built in. */
START_TEST (one_that_has_no_levels_says_so)
{
  if (zcomp_backend_find ("lzo")) {
    ck_assert_int_eq (set ("comp_algorithm", "lzo"), 0);
    ck_assert_int_eq (set ("algorithm_params", "level=7"), EINVAL);
    must_say ("level 7 is out of range: lzo takes only 1");
  }
}

/* Of deflate and lzo, where they are built in. */
/* Nor is anything said against it. */
START_TEST (one_that_there_is_no_memory_for_may_be_given_again)
{
  write_dict (DICT_SIZE);
  ck_assert_int_eq (store ("comp_algorithm", "zstd"), 0);
  ck_assert_int_eq (set ("comp_algorithm", "zstd"), 0);
  refused = READING;
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), ENOMEM);
  must_say ("cannot be read: Cannot allocate memory");
  refused = DIGESTING;
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), ENOMEM);
  must_say (path);
  must_say ("': there is no memory to read its tables");
  ck_assert_int_eq (set ("algorithm_params", with_dict ("")), ENOMEM);
  refused = NOTHING;
  ck_assert_int_eq (store ("algorithm_params", with_dict ("")), 0);
  ck_assert_int_eq (set ("algorithm_params", with_dict ("")), 0);
  unlink (path);
}

START_TEST (who_takes_no_dictionary_says_so)
{
  static const char *const names[] = {"deflate", "lzo"};

  write_dict (100);
  if (zcomp_backend_find (names[_i])) {
    ck_assert_int_eq (set ("comp_algorithm", names[_i]), 0);
    ck_assert_int_eq (set ("algorithm_params", with_dict ("")), EINVAL);
    must_say ("takes no dictionary; these do: lz4, lz4hc, zstd");
  }
  unlink (path);
}

START_TEST (an_algorithm_comes_before_its_params)
{
  ck_assert_int_eq (store ("recomp_algorithm", "algo=zstd"), 0);
  ck_assert_int_eq (store ("algorithm_params", "priority=1 level=9"), 0);
  ck_assert_int_eq (store ("recomp_algorithm", "algo=lz4hc priority=2"), 0);
  ck_assert_int_eq (store ("recomp_algorithm", "algo=lz4hc"), EINVAL);
  must_say ("give it before them");
  ck_assert_int_eq (stored (1)->params.level, 9);
  ck_assert_int_eq (store ("comp_algorithm", "zstd"), 0);
}

START_TEST (a_name_that_is_too_long_is_not_looked_for)
{
  char name[200];

  memset (name, 'a', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  ck_assert_int_eq (set ("comp_algorithm", name), E2BIG);
  name[127] = '\0';
  ck_assert_int_eq (set ("comp_algorithm", name), EINVAL);
}

static void
must_show (const char *name, const char *want)
{
  char *text = NULL;
  size_t size;
  FILE *const fp = open_memstream (&text, &size);

  ck_assert_int_eq (attr_get (&disk, name, fp, &error), 0);
  fclose (fp);
  ck_assert_msg (strstr (text, want) && (*want || !*text), "'%s' is not '%s'",
                 text, want);
  free (text);
}

START_TEST (they_are_shown)
{
  must_show ("recomp_algorithm", "");
  ck_assert_int_eq (set ("recomp_algorithm", "algo=zstd priority=2"), 0);
  must_show ("recomp_algorithm", "#2: lz4 lz4hc [zstd] ");
  ck_assert_int_eq (set ("recomp_algorithm", "algo=lz4hc"), 0);
  must_show ("recomp_algorithm", "#1: lz4 [lz4hc] zstd ");
  must_show ("recomp_algorithm", "\n#2: lz4 lz4hc [zstd] ");
  ck_assert_int_eq (set ("disksize", "1M"), 0);
  ck_assert_int_eq (set ("recomp_algorithm", "algo=zstd"), EBUSY);
  must_show ("recomp_algorithm", "#1: lz4 [lz4hc] zstd ");
  /* Gone with a reset. */
  ck_assert_int_eq (set ("reset", "1"), 0);
  must_show ("recomp_algorithm", "");
}

int
main (void)
{
  Suite *const suite = suite_create ("attralgorithm");
  TCase *const tc = suite_case (suite, "attralgorithm");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, parameters_are_stored);
  tcase_add_test (tc, dictionaries_are_shared_and_let_go);
  tcase_add_loop_test (tc, what_is_wrong_is_said, 0, sizeof bad / sizeof *bad);
  tcase_add_test (tc, a_dictionary_that_is_no_use_is_refused);
  tcase_add_test (tc, one_that_there_is_no_memory_for_may_be_given_again);
  tcase_add_test (tc, one_that_has_no_levels_says_so);
  tcase_add_loop_test (tc, who_takes_no_dictionary_says_so, 0, 2);
  tcase_add_test (tc, an_algorithm_comes_before_its_params);
  tcase_add_test (tc, a_name_that_is_too_long_is_not_looked_for);
  tcase_add_test (tc, they_are_shown);
  return suite_run (suite);
}
