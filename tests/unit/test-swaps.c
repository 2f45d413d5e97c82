/* SPDX-License-Identifier: BSD-3-Clause */
/* What /proc/swaps and its like say of a swap space. */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "swaps.h"
#include "unit.h"

#define HEADING "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

static struct swaps
read_text (const char *text, const char *device)
{
  FILE *const fp = fmemopen ((char *) (uintptr_t) text, strlen (text), "r");
  struct swaps swaps;

  must (fp != NULL);
  swaps = swaps_read (fp, device);
  fclose (fp);
  return swaps;
}

static uint64_t
number (const char *text, const char *name)
{
  FILE *const fp = fmemopen ((char *) (uintptr_t) text, strlen (text), "r");
  uint64_t n;

  must (fp != NULL);
  n = swaps_number (fp, name);
  fclose (fp);
  return n;
}

START_TEST (a_device_is_found_among_others)
{
  static const char text[] = HEADING
      "/swap\\040file                              "
      "file\t\t2097148\t\t1024\t\t-2\n"
      "/dev/nbd1                               partition\t65532\t\t0\t\t7\n"
      "/dev/nbd10                              "
      "partition\t184316\t\t71692\t\t100\n";
  struct swaps swaps = read_text (text, "/dev/nbd10");

  ck_assert (swaps.on);
  ck_assert_uint_eq (swaps.used, UINT64_C (71692) << 10);
  ck_assert_uint_eq (swaps.free, (UINT64_C (2097148) - 1024 + 65532) << 10);
  swaps = read_text (text, "/dev/nbd1");
  ck_assert (swaps.on);
  ck_assert_uint_eq (swaps.used, 0);
  swaps = read_text (text, "/dev/nbd");
  ck_assert (!swaps.on);
  swaps = read_text (text, "/swap\\040file");
  ck_assert_uint_eq (swaps.used, 1 << 20);
}

START_TEST (without_swap_there_is_none)
{
  const struct swaps swaps = read_text (HEADING, "/dev/nbd0");

  ck_assert (!swaps.on);
  ck_assert_uint_eq (swaps.used, 0);
  ck_assert_uint_eq (swaps.free, 0);
}

START_TEST (numbers_are_found_by_their_names)
{
  static const char text[] = "MemTotal:       24680 kB\n"
                             "MemFree:        1357 kB\n"
                             "MemAvailable:   9876 kB\n";

  ck_assert_uint_eq (number (text, "MemAvailable:"), 9876);
  ck_assert_uint_eq (number (text, "MemTotal:"), 24680);
  ck_assert_uint_eq (number (text, "Available:"), 0);
  ck_assert_uint_eq (number ("212992\n", ""), 212992);
}

START_TEST (the_system_has_both)
{
  struct swaps swaps;

  ck_assert_int_eq (swaps_of ("/dev/no-such-device", &swaps), 0);
  ck_assert (!swaps.on);
  ck_assert_uint_gt (swaps_number_in ("/proc/meminfo", "MemTotal:"), 0);
  ck_assert_uint_eq (swaps_number_in ("/proc/no-such-file", ""), 0);
}

int
main (void)
{
  Suite *const suite = suite_create ("swaps");
  TCase *const tc = suite_case (suite, "swaps");

  tcase_add_test (tc, a_device_is_found_among_others);
  tcase_add_test (tc, without_swap_there_is_none);
  tcase_add_test (tc, numbers_are_found_by_their_names);
  tcase_add_test (tc, the_system_has_both);
  return suite_run (suite);
}
