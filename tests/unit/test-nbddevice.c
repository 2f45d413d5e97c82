/* SPDX-License-Identifier: BSD-3-Clause */
/* NBD devices: their names, and what sysfs says of them, of which this has one
 * of its own.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nbddevice.h"
#include "unit.h"

static char sysfs[40];
static char device[64], size[80], pid[80];

static void
put (const char *path, const char *text)
{
  FILE *const fp = fopen (path, "w");

  must (fp != NULL);
  fputs (text, fp);
  fclose (fp);
}

static void
setup (void)
{
  snprintf (sysfs, sizeof sysfs, "/tmp/test-nbddevice-XXXXXX");
  must (mkdtemp (sysfs) != NULL);
  snprintf (device, sizeof device, "%s/nbd12", sysfs);
  snprintf (size, sizeof size, "%s/size", device);
  snprintf (pid, sizeof pid, "%s/pid", device);
  must_equal (mkdir (device, 0700), 0);
  put (size, "0\n");
}

static void
teardown (void)
{
  unlink (size);
  unlink (pid);
  rmdir (device);
  rmdir (sysfs);
}

START_TEST (names_have_numbers)
{
  ck_assert_int_eq (nbd_device_number ("/dev/nbd0"), 0);
  ck_assert_int_eq (nbd_device_number ("nbd15"), 15);
  ck_assert_int_eq (nbd_device_number ("/dev/nbd999999"), 999999);
  ck_assert_int_eq (nbd_device_number ("/dev/nbd0p1"), -1);
  ck_assert_int_eq (nbd_device_number ("/dev/nbd"), -1);
  ck_assert_int_eq (nbd_device_number ("/dev/nbd-1"), -1);
  ck_assert_int_eq (nbd_device_number ("/dev/nbd12345678901"), -1);
  ck_assert_int_eq (nbd_device_number ("/dev/zram0"), -1);
  ck_assert_int_eq (nbd_device_number ("nb"), -1);
  ck_assert_int_eq (nbd_device_number (""), -1);
}

START_TEST (one_has_a_size_when_it_has_a_server)
{
  ck_assert (nbd_device_exists (sysfs, 12));
  ck_assert (!nbd_device_exists (sysfs, 1));
  ck_assert (!nbd_device_is_connected (sysfs, 12));
  ck_assert_uint_eq (nbd_device_size (sysfs, 12), 0);
  put (pid, "1234\n");
  put (size, "368640\n");
  ck_assert (nbd_device_is_connected (sysfs, 12));
  ck_assert_uint_eq (nbd_device_size (sysfs, 12), 180 << 20);
  ck_assert (!nbd_device_is_connected (sysfs, 1));
  ck_assert_uint_eq (nbd_device_size (sysfs, 1), 0);
  put (size, "?\n");
  ck_assert_uint_eq (nbd_device_size (sysfs, 12), 0);
}

int
main (void)
{
  Suite *const suite = suite_create ("nbddevice");
  TCase *const tc = suite_case (suite, "nbddevice");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, names_have_numbers);
  tcase_add_test (tc, one_has_a_size_when_it_has_a_server);
  return suite_run (suite);
}
