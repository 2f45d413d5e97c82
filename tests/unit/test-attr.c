/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes: what is accepted, what is refused and in which words, and what
 * can be read.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "attr.h"
#include "cmdline.h"
#include "unit.h"
#include "zcomp.h"
#include "zsmalloc.h"

struct size_row {
  const char *text;
  int r;
  uint64_t bytes;
};

static const struct size_row sizes[] = {
    /* decimal */
    {"0", 0, 0},
    {"1", 0, 1},
    {"9", 0, 9},
    {"4096", 0, 4096},
    {"1000000", 0, 1000000},
    {"18446744073709551615", 0, UINT64_MAX},
    /* hexadecimal */
    {"0x0", 0, 0},
    {"0x10", 0, 16},
    {"0X1f", 0, 31},
    {"0xABCDEF", 0, 0xabcdef},
    {"0xffffffffffffffff", 0, UINT64_MAX},
    {"0x1E", 0, 30},
    {"0x10k", 0, 16 << 10},
    {"0x1G", 0, UINT64_C (1) << 30},
    /* octal */
    {"00", 0, 0},
    {"010", 0, 8},
    {"0777", 0, 0777},
    {"010K", 0, 8 << 10},
    {"01777777777777777777777", 0, UINT64_MAX},
    /* suffixes */
    {"1K", 0, UINT64_C (1) << 10},
    {"1k", 0, UINT64_C (1) << 10},
    {"1M", 0, UINT64_C (1) << 20},
    {"1m", 0, UINT64_C (1) << 20},
    {"1G", 0, UINT64_C (1) << 30},
    {"1g", 0, UINT64_C (1) << 30},
    {"1T", 0, UINT64_C (1) << 40},
    {"1t", 0, UINT64_C (1) << 40},
    {"1P", 0, UINT64_C (1) << 50},
    {"1p", 0, UINT64_C (1) << 50},
    {"1E", 0, UINT64_C (1) << 60},
    {"1e", 0, UINT64_C (1) << 60},
    {"0K", 0, 0},
    {"0E", 0, 0},
    {"15E", 0, UINT64_C (15) << 60},
    {"16383P", 0, UINT64_C (16383) << 50},
    {"18014398509481983K", 0, UINT64_C (18014398509481983) << 10},
    /* more than 64 bits */
    {"18446744073709551616", -ERANGE, 0},
    {"99999999999999999999999999", -ERANGE, 0},
    {"0x10000000000000000", -ERANGE, 0},
    {"02000000000000000000000", -ERANGE, 0},
    {"16E", -ERANGE, 0},
    {"16384P", -ERANGE, 0},
    {"18014398509481984K", -ERANGE, 0},
    {"18446744073709551615K", -ERANGE, 0},
    {"18446744073709551616K", -ERANGE, 0},
    /* not a size */
    {"", -EINVAL, 0},
    {"K", -EINVAL, 0},
    {"G", -EINVAL, 0},
    {"x", -EINVAL, 0},
    {"x10", -EINVAL, 0},
    {"0x", -EINVAL, 0},
    {"0xg", -EINVAL, 0},
    {"0xK", -EINVAL, 0},
    {"08", -EINVAL, 0},
    {"0b1", -EINVAL, 0},
    {"-1", -EINVAL, 0},
    {"-0", -EINVAL, 0},
    {"+1", -EINVAL, 0},
    {"- 1", -EINVAL, 0},
    {" 1", -EINVAL, 0},
    {"\t1", -EINVAL, 0},
    {"1 ", -EINVAL, 0},
    {"1\n", -EINVAL, 0},
    {"1 G", -EINVAL, 0},
    {"1G ", -EINVAL, 0},
    {"1KB", -EINVAL, 0},
    {"1KiB", -EINVAL, 0},
    {"1B", -EINVAL, 0},
    {"1Kk", -EINVAL, 0},
    {"1Z", -EINVAL, 0},
    {"1.5G", -EINVAL, 0},
    {"1,5G", -EINVAL, 0},
    {"1e3", -EINVAL, 0},
    {"1_000", -EINVAL, 0},
    {"1G1", -EINVAL, 0},
    {"50%", -EINVAL, 0},
    {"one", -EINVAL, 0},
    {"nan", -EINVAL, 0},
    {"inf", -EINVAL, 0},
    {"\xd9\xa1", -EINVAL, 0},
    {"\xff", -EINVAL, 0},
};

#define NR_SIZES ((int) (sizeof sizes / sizeof sizes[0]))

START_TEST (a_size_is_what_memparse_takes)
{
  const struct size_row *row = &sizes[_i];
  uint64_t bytes = 4711;
  const int r = attr_parse_size (row->text, &bytes);

  if (r != row->r)
    ck_abort_msg ("'%s' gives %d, not %d", row->text, r, row->r);
  if (r == 0 && bytes != row->bytes)
    ck_abort_msg ("'%s' is %" PRIu64 ", not %" PRIu64, row->text, bytes,
                  row->bytes);
}

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
    {"comp_algorithm", "lzo"},
    {"comp_algorithm", "lz"},
    {"comp_algorithm", "LZ4"},
    {"comp_algorithm", "lz4 "},
    {"comp_algorithm", " zstd"},
    {"comp_algorithm", "zstd\n"},
    {"comp_algorithm", "[lz4]"},
    {"comp_algorithm", "lz4\nzstd"},
    {"comp_algorithm", "%s%s%s%n"},
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

/* NAME must be in MESSAGE, under one of its names, in one line that could be
 * the only one. */
static void
must_be_one_line (const struct attr_error *error, const char *name)
{
  const struct attr *attr = attr_find (name);
  const char *p;

  ck_assert_ptr_nonnull (memchr (error->message, '\0', sizeof error->message));
  ck_assert_msg (error->message[0], "there is no message");
  for (p = error->message; *p; ++p)
    ck_assert_msg ((unsigned char) *p >= ' ' && *p != 0x7f,
                   "byte 0x%02x is in: %s", (unsigned char) *p, error->message);
  if (strpbrk (name, "\n") == NULL)
    ck_assert_msg (strstr (error->message, name) ||
                       (attr && strstr (error->message, attr->name)),
                   "'%s' is not named: %s", name, error->message);
}

/* Storing VALUE must fail and change nothing. */
static void
must_refuse (struct attr_config *config, const char *name, const char *value)
{
  struct attr_config before;
  struct attr_error error;

  memset (&error, 'x', sizeof error);
  memcpy (&before, config, sizeof before);
  if (attr_store (config, name, value, &error) != -1)
    ck_abort_msg ("%s='%s' was accepted", name, value);
  must_be_one_line (&error, name);
  ck_assert_msg (memcmp (&before, config, sizeof before) == 0,
                 "%s='%s' changed something", name, value);
}

static void
must_store (struct attr_config *config, const char *name, const char *value)
{
  struct attr_error error = {""};

  if (attr_store (config, name, value, &error) != 0)
    ck_abort_msg ("%s=%s was refused: %s", name, value, error.message);
}

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
  ck_assert_ptr_eq (config.zram.comp_algorithm, zcomp_backend_find ("zstd"));
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

/* Swap.  The reserve's default, when there is swap, and the least. */
#define DEFAULT_RESERVE (UINT64_C (8) << 20)
#define LEAST_RESERVE   (UINT64_C (1) << 20)

static const struct {
  const char *value;
  enum swap_mode mode;
} swap_modes[] = {{"off", SWAP_OFF}, {"try", SWAP_TRY}, {"on", SWAP_ON}};

#define NR_SWAP_MODES ((int) (sizeof swap_modes / sizeof swap_modes[0]))

/* A disk with that mode (NULL: not given), and a reserve and waiters if they
 * are given. */
static int
complete (struct attr_config *config, struct attr_error *error,
          const char *mode, const char *reserve, const char *waiters)
{
  *config = (struct attr_config) ATTR_CONFIG_DEFAULT;
  must_store (config, "disksize", "1G");
  if (mode)
    must_store (config, "swap", mode);
  if (reserve)
    must_store (config, "reserve", reserve);
  if (waiters)
    must_store (config, "reserve_waiters", waiters);
  memset (error, 'x', sizeof *error);
  return attr_complete (config, error);
}

START_TEST (without_swap_there_is_no_reserve)
{
  static const char *const modes[] = {NULL, "off"};
  struct attr_config config;
  struct attr_error error;

  ck_assert_int_eq (complete (&config, &error, modes[_i], NULL, NULL), 0);
  ck_assert_int_eq (config.swap, SWAP_OFF);
  ck_assert (!config.zram.no_faults);
  ck_assert_uint_eq (config.zram.reserve, 0);
  ck_assert_uint_eq (config.zram.reserve_waiters, 0);
}

/* nbdkit has 16 threads, and this process's command line says no other. */
START_TEST (with_swap_there_are_defaults)
{
  const int mode = _i ? SWAP_ON : SWAP_TRY;
  struct attr_config config;
  struct attr_error error;

  ck_assert_int_eq (
      complete (&config, &error, swap_modes[mode].value, NULL, NULL), 0);
  ck_assert_int_eq (config.swap, mode);
  ck_assert (config.zram.no_faults);
  ck_assert_uint_eq (config.zram.reserve, DEFAULT_RESERVE);
  ck_assert_uint_eq (config.zram.reserve_waiters, CMDLINE_DEFAULT_THREADS / 2);
}

START_TEST (what_is_given_is_no_default)
{
  struct attr_config config;
  struct attr_error error;

  ck_assert_int_eq (
      complete (&config, &error, swap_modes[_i].value, "0x10M", "0"), 0);
  ck_assert_int_eq (config.swap, swap_modes[_i].mode);
  ck_assert_uint_eq (config.zram.reserve, 16 << 20);
  ck_assert_uint_eq (config.zram.reserve_waiters, 0);
  ck_assert_int_eq (
      complete (&config, &error, swap_modes[_i].value, "16T", "1000000"), 0);
  ck_assert_uint_eq (config.zram.reserve, UINT64_C (16) << 40);
  ck_assert_uint_eq (config.zram.reserve_waiters, 1000000);
}

/* Without it, any will do. */
START_TEST (swap_needs_some_reserve)
{
  static const char *const too_little[] = {"0", "512K", "1048575"};
  const int want = swap_modes[_i].mode == SWAP_OFF ? 0 : -1;
  struct attr_config config;
  struct attr_error error;
  size_t i;

  for (i = 0; i < sizeof too_little / sizeof too_little[0]; ++i) {
    ck_assert_int_eq (
        complete (&config, &error, swap_modes[_i].value, too_little[i], NULL),
        want);
    if (want < 0)
      must_be_one_line (&error, "reserve");
  }
  ck_assert_int_eq (
      complete (&config, &error, swap_modes[_i].value, "1M", NULL), 0);
  ck_assert_uint_eq (config.zram.reserve, LEAST_RESERVE);
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

  ck_assert_uint_le (attr_count, 32);
  for (i = 0; i < attr_count; ++i) {
    const struct attr *attr = &attrs[i];

    must_be_printable (attr->name);
    must_be_printable (attr->help);
    ck_assert (attr->store || attr->show);
    ck_assert (attr->store || !attr->required);
    if (attr->store)
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

/* What attribute NAME of ZRAM shows. */
static char *
show (struct zram *zram, const char *name)
{
  const struct attr *attr = attr_find (name);
  char *text = NULL;
  size_t size;
  FILE *fp = open_memstream (&text, &size);

  ck_assert_ptr_nonnull (attr);
  ck_assert (attr->show);
  ck_assert_ptr_nonnull (fp);
  attr->show (zram, fp);
  ck_assert_int_eq (fclose (fp), 0);
  ck_assert_msg (size > 1 && text[size - 1] == '\n', "%s: '%s'", name, text);
  ck_assert_ptr_eq (strchr (text, '\n'), text + size - 1);
  return text;
}

/* A device on which each counter is another number. */
static struct zram *
make_device (void)
{
  const struct zram_config config = {
      .disksize = 1 << 20,
      .mem_limit = 3 << 16,
      .comp_algorithm = zcomp_backend_find ("zstd"),
  };
  struct zram *zram;
  char page[ZRAM_PAGE_SIZE];
  unsigned i;

  ck_assert_int_eq (zram_create (&zram, &config), 0);
  for (i = 0; i < 64; ++i) {
    content_fill (page, sizeof page, (enum content) (i % CONTENT_KINDS), i);
    zram_write (zram, page, sizeof page, i * sizeof page);
  }
  for (; i < 200; ++i) {
    content_fill (page, sizeof page, CONTENT_NOISE, i);
    zram_write (zram, page, sizeof page, i * sizeof page);
  }
  zram_discard (zram, 17 * sizeof page, 3 * sizeof page);
  return zram;
}

/* The columns of TEXT must be the N numbers WANT. */
static void
must_be_columns (const char *text, const uint64_t *want, int n)
{
  int i;

  for (i = 0; i < n; ++i) {
    char *end;

    ck_assert_msg (i == 0 || *text++ == ' ', "column %d of %s", i, text);
    ck_assert (*text >= '0' && *text <= '9');
    ck_assert_uint_eq (strtoull (text, &end, 10), want[i]);
    text = end;
  }
  ck_assert_str_eq (text, "\n");
}

START_TEST (mm_stat_has_zrams_nine_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "mm_stat");
  struct zram_stats s;

  zram_stats (zram, &s);
  must_be_columns (
      text,
      (const uint64_t[]){s.orig_data_size, s.compr_data_size, s.mem_used_total,
                         s.mem_limit, s.mem_used_max, s.same_pages,
                         s.pages_compacted, s.huge_pages, s.huge_pages_since},
      9);
  ck_assert_uint_gt (s.huge_pages_since, s.huge_pages);
  ck_assert_uint_eq (s.mem_limit, 3 << 16);
  free (text);
  zram_destroy (zram);
}

START_TEST (io_stat_has_zrams_four_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "io_stat");
  struct zram_stats s;

  zram_stats (zram, &s);
  must_be_columns (
      text,
      (const uint64_t[]){s.failed_reads, s.failed_writes, 0, s.notify_free}, 4);
  ck_assert_uint_gt (s.failed_writes, 0);
  ck_assert_uint_eq (s.notify_free, 17);
  free (text);
  zram_destroy (zram);
}

/* live, reserve, the holes by size, the zspages by fullness. */
START_TEST (frag_stat_has_its_27_columns)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "frag_stat");
  uint64_t want[2 + ZS_SIZE_BUCKETS + ZS_FULLNESS_BUCKETS], holes = 0, at = 0;
  struct zs_fragmentation f;
  struct zs_pool_stats s;
  size_t i;

  zram_pool_stats (zram, &s, &f);
  want[at++] = s.live;
  want[at++] = s.reserve;
  for (i = 0; i < ZS_SIZE_BUCKETS; ++i)
    want[at++] = f.free_blocks[i];
  for (i = 0; i < ZS_FULLNESS_BUCKETS; ++i)
    want[at++] = f.zspages[i];
  ck_assert_uint_eq (at, 27);
  must_be_columns (text, want, 27);

  /* And they are about something. */
  for (i = 0; i < ZS_SIZE_BUCKETS; ++i)
    holes += f.free_bytes[i];
  ck_assert_uint_gt (s.live, 0);
  ck_assert_uint_eq (s.used - s.live, holes);
  ck_assert_uint_gt (holes, 0);
  free (text);
  zram_destroy (zram);
}

/* The number that TEXT, a line of columns, has where HEADING, another, has
 * NAME; both must have as many. */
static long
column (const char *text, const char *heading, const char *name)
{
  const size_t len = strlen (name);
  long number, found = -1;
  int used;

  for (; sscanf (text, "%ld%n", &number, &used) == 1; text += used) {
    if (strncmp (heading, name, len) == 0 && strchr (" ", heading[len]))
      found = number;
    heading += strcspn (heading, " ");
    ck_assert (*heading == ' ' || strcmp (text + used, "\n") == 0);
    heading += *heading == ' ';
  }
  ck_assert_str_eq (text, "\n");
  ck_assert_str_eq (heading, "");
  return found;
}

/* This process's threads, and nothing that it has asked for. */
START_TEST (swap_stat_has_a_number_for_each_heading)
{
  const char *const heading = attr_find ("swap_stat")->help;
  struct zram *zram = make_device ();
  char *text = show (zram, "swap_stat");

  ck_assert_int_eq (column (text, heading, "reserve_waiting"), 0);
  ck_assert_int_eq (column (text, heading, "reserve_refused"), 0);
  ck_assert_int_ge (column (text, heading, "threads"), 1);
  ck_assert_int_eq (column (text, heading, "io_flushers"), 0);
  ck_assert_int_eq (column (text, heading, "realtime"), 0);
  ck_assert_int_eq (column (text, heading, "locked"), 0);
  ck_assert_int_ge (column (text, heading, "oom_score_adj"), -1000);
  ck_assert_int_le (column (text, heading, "oom_score_adj"), 1000);
  free (text);
  zram_destroy (zram);
}

START_TEST (what_is_locked_shows)
{
  const char *const heading = attr_find ("swap_stat")->help;
  struct zram *zram = make_device ();
  char *const memory = aligned_alloc (65536, 65536);
  char *text;

  /* Nobody needs a privilege for so little. */
  ck_assert_int_eq (mlock (memory, 65536), 0);
  text = show (zram, "swap_stat");
  ck_assert_int_eq (column (text, heading, "locked"), 65536);
  munlock (memory, 65536);
  free (text);
  free (memory);
  zram_destroy (zram);
}

START_TEST (what_was_set_can_be_read)
{
  struct zram *zram = make_device ();
  char *text = show (zram, "disksize");

  ck_assert_str_eq (text, "1048576\n");
  free (text);

  /* All that there are, the chosen one in brackets. */
  text = show (zram, "comp_algorithm");
  ck_assert_ptr_nonnull (strstr (text, "[zstd]"));
  ck_assert_ptr_nonnull (strstr (text, "lz4"));
  ck_assert_ptr_null (strstr (text, "[lz4]"));
  free (text);
  zram_destroy (zram);
}

int
main (void)
{
  Suite *suite = suite_create ("attr");
  TCase *tc;

  tc = suite_case (suite, "sizes");
  tcase_add_loop_test (tc, a_size_is_what_memparse_takes, 0, NR_SIZES);

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

  tc = suite_case (suite, "swap");
  tcase_add_loop_test (tc, without_swap_there_is_no_reserve, 0, 2);
  tcase_add_loop_test (tc, with_swap_there_are_defaults, 0, 2);
  tcase_add_loop_test (tc, what_is_given_is_no_default, 0, NR_SWAP_MODES);
  tcase_add_loop_test (tc, swap_needs_some_reserve, 0, NR_SWAP_MODES);

  tc = suite_case (suite, "table");
  tcase_add_test (tc, every_name_finds_its_row);
  tcase_add_test (tc, every_row_has_its_help);
  tcase_add_test (tc, what_zram_has_is_there);
  tcase_add_test (tc, what_swap_has_is_there);

  tc = suite_case (suite, "values");
  tcase_add_test (tc, mm_stat_has_zrams_nine_columns);
  tcase_add_test (tc, io_stat_has_zrams_four_columns);
  tcase_add_test (tc, frag_stat_has_its_27_columns);
  tcase_add_test (tc, swap_stat_has_a_number_for_each_heading);
  if (instrumented ())
    puts ("SKIP: a test of locked memory: who watches may refuse to lock any");
  else
    tcase_add_test (tc, what_is_locked_shows);
  tcase_add_test (tc, what_was_set_can_be_read);
  return suite_run (suite);
}
