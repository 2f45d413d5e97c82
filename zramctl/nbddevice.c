/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nbddevice.h"
#include "swaps.h"

/* What sysfs counts sizes in. */
#define SECTOR_SHIFT 9

int
nbd_device_number (const char *name)
{
  const char *const base = strncmp (name, "/dev/", 5) == 0 ? name + 5 : name;
  const char *const digits = base + 3;
  const size_t n =
      strncmp (base, "nbd", 3) == 0 ? strspn (digits, "0123456789") : 0;

  /* Linux has fewer than a million of them. */
  return n > 0 && n <= 6 && digits[n] == '\0' ? (int) strtol (digits, NULL, 10)
                                              : -1;
}

/* FILE of the device; "" is its directory. */
static void
name_file (char path[PATH_MAX], const char *sysfs, unsigned number,
           const char *file)
{
  snprintf (path, PATH_MAX, "%s/nbd%u/%s", sysfs, number, file);
}

bool
nbd_device_exists (const char *sysfs, unsigned number)
{
  char path[PATH_MAX];

  name_file (path, sysfs, number, "");
  return access (path, F_OK) == 0;
}

bool
nbd_device_is_held (const char *device)
{
  const int fd = open (device, O_RDONLY | O_EXCL | O_CLOEXEC);

  if (fd >= 0)
    close (fd);
  return fd < 0 && errno == EBUSY;
}

/* The file is there as long as the device has a server. */
bool
nbd_device_is_connected (const char *sysfs, unsigned number)
{
  char path[PATH_MAX];

  name_file (path, sysfs, number, "pid");
  return access (path, F_OK) == 0;
}

uint64_t
nbd_device_size (const char *sysfs, unsigned number)
{
  char path[PATH_MAX];

  name_file (path, sysfs, number, "size");
  return swaps_number_in (path, "") << SECTOR_SHIFT;
}
