/* SPDX-License-Identifier: BSD-3-Clause */
/* Swap's parameters: what is a default, and only with swap, and what is too
 * little for it.
 */
#include <config.h>

#include <string.h>

#include "cmdline.h"
#include "storing.h"
#include "unit.h"

/* The least reserve that may be given. */
#define LEAST_RESERVE (UINT64_C (1) << 20)

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
START_TEST (one_thread_does_not_wait_for_a_store)
{
  struct attr_config config;
  struct attr_error error;

  ck_assert_int_eq (complete (&config, &error, NULL, NULL, NULL), 0);
  ck_assert_uint_eq (config.zram.backing_waiters, 15);
}

START_TEST (with_swap_there_are_defaults)
{
  const int mode = _i ? SWAP_ON : SWAP_TRY;
  struct attr_config config;
  struct attr_error error;

  ck_assert_int_eq (
      complete (&config, &error, swap_modes[mode].value, NULL, NULL), 0);
  ck_assert_int_eq (config.swap, mode);
  ck_assert (config.zram.no_faults);
  ck_assert_uint_eq (config.zram.reserve, 0); /* the device's own default */
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

int
main (void)
{
  Suite *suite = suite_create ("attrswap");
  TCase *tc = suite_case (suite, "swap");

  tcase_add_loop_test (tc, without_swap_there_is_no_reserve, 0, 2);
  tcase_add_test (tc, one_thread_does_not_wait_for_a_store);
  tcase_add_loop_test (tc, with_swap_there_are_defaults, 0, 2);
  tcase_add_loop_test (tc, what_is_given_is_no_default, 0, NR_SWAP_MODES);
  tcase_add_loop_test (tc, swap_needs_some_reserve, 0, NR_SWAP_MODES);
  return suite_run (suite);
}
