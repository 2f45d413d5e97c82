/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes as parameters give them: zram's own, and nothing else. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "attr.h"
#include "unit.h"

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

int
main (void)
{
  Suite *suite = suite_create ("attrparse");
  TCase *tc = suite_case (suite, "sizes");

  tcase_add_loop_test (tc, a_size_is_what_memparse_takes, 0, NR_SIZES);
  return suite_run (suite);
}
