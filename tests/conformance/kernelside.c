/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's zram: a device that is added here, and removed at the end of the
 * program, however that comes about. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>

#include "data.h"
#include "server.h"
#include "side.h"

#define CONTROL "/sys/class/zram-control"

static struct side kernel = {.name = "kernel"};
static int disk = -1;

/* What belongs to no device is in the directory beside them; what is for
 * debugging is elsewhere. */
static void
attribute_path (const char *attribute, char path[PATH_MAX])
{
  if (strncmp (attribute, "hot_", 4) == 0)
    snprintf (path, PATH_MAX, CONTROL "/%s", attribute);
  else if (strcmp (attribute, "block_state") == 0)
    snprintf (path, PATH_MAX, "/sys/kernel/debug/zram/zram%s/block_state",
              kernel.device);
  else
    snprintf (path, PATH_MAX, "/sys/block/zram%s/%s", kernel.device, attribute);
}

static bool
kernel_has (const char *attribute)
{
  char path[PATH_MAX];

  attribute_path (attribute, path);
  return access (path, F_OK) == 0;
}

/* One read of FD; its errno, if it is not 0, or the blanks that zram puts
 * before and behind lines left out. */
static void
read_value (int fd, char result[RESULT_SIZE])
{
  char text[RESULT_SIZE];
  ssize_t n = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
  char *from = text;

  if (n < 0) {
    snprintf (result, RESULT_SIZE, "%s", strerrorname_np (errno));
    return;
  }
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
    n--;
  text[n] = '\0';
  from += strspn (text, " ");
  memmove (result, from, strlen (from) + 1);
}

static void
kernel_get (const char *attribute, char result[RESULT_SIZE])
{
  char path[PATH_MAX];
  int fd;

  attribute_path (attribute, path);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  read_value (fd, result);
  if (fd >= 0)
    close (fd);
}

/* One write, since each is an attempt of its own. */
static void
kernel_set (const char *attribute, const char *value, bool newline,
            char result[RESULT_SIZE])
{
  char path[PATH_MAX], text[RESULT_SIZE];
  int fd, code = 0;
  ssize_t len;

  attribute_path (attribute, path);
  len = snprintf (text, sizeof text, "%s%s", value, newline ? "\n" : "");
  fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write (fd, text, (size_t) len) != len)
    code = errno;
  if (fd >= 0)
    close (fd);
  snprintf (result, RESULT_SIZE, "%s", code ? strerrorname_np (code) : "ok");
}

static int
kernel_open (void)
{
  char path[32];

  snprintf (path, sizeof path, "/dev/zram%s", kernel.device);
  disk = open (path, O_RDWR | O_DIRECT | O_CLOEXEC);
  return disk < 0 ? errno : 0;
}

static void
kernel_close (void)
{
  if (disk >= 0)
    close (disk);
  disk = -1;
}

/* Past the page cache, from and to memory that may be used for that. */
static int
kernel_io (enum io io, void *page, uint64_t offset, uint64_t len)
{
  static _Alignas(4096) unsigned char buf[4096];
  uint64_t range[2] = {offset, len};
  ssize_t n = 0;

  switch (io) {
  case IO_READ:
    n = pread (disk, buf, sizeof buf, (off_t) offset);
    memcpy (page, buf, sizeof buf);
    break;
  case IO_WRITE:
    memcpy (buf, page, sizeof buf);
    n = pwrite (disk, buf, sizeof buf, (off_t) offset);
    break;
  case IO_DISCARD:
    n = ioctl (disk, BLKDISCARD, range);
    break;
  case IO_ZERO:
    n = ioctl (disk, BLKZEROOUT, range);
    break;
  }
  return n < 0 ? errno : 0;
}

/* Whoever else looks at new disks may have it open for a moment. */
static void
kernel_leave (void)
{
  const struct timespec pause = {.tv_nsec = 50L * 1000 * 1000};
  char result[RESULT_SIZE] = "";

  kernel_close ();
  for (int i = 0; i < 200 && strcmp (result, "ok") != 0; i++) {
    kernel_set ("hot_remove", kernel.device, false, result);
    if (strcmp (result, "EBUSY") != 0)
      break;
    nanosleep (&pause, NULL);
  }
  if (strcmp (result, "ok") != 0)
    fprintf (stderr, "/dev/zram%s could not be removed: %s\n", kernel.device,
             result);
}

static void
find_version (void)
{
  unsigned major = 0, minor = 0;
  struct utsname name;

  CHECK (uname (&name) == 0);
  snprintf (kernel.version, sizeof kernel.version, "%.63s", name.release);
  CHECK (sscanf (name.release, "%u.%u", &major, &minor) == 2);
  kernel.version_number = 1000 * major + minor;
}

/* The file's being there is not enough: it takes root, and a /sys that may be
 * written to. */
static bool
add_device (const char **why)
{
  char number[RESULT_SIZE];

  *why = "there is no " CONTROL;
  if (access (CONTROL, F_OK) != 0)
    return false;
  kernel_get ("hot_add", number);
  *why = "a device cannot be added: it takes root";
  if (!*number || strspn (number, "0123456789") != strlen (number) ||
      strlen (number) >= sizeof kernel.device)
    return false;
  strcpy (kernel.device, number);
  return true;
}

struct side *
kernelside_enter (const char **why)
{
  int code;

  if (!add_device (why))
    return NULL;
  kernel.has = kernel_has;
  kernel.get = kernel_get;
  kernel.set = kernel_set;
  kernel.open = kernel_open;
  kernel.close = kernel_close;
  kernel.io = kernel_io;
  kernel.leave = kernel_leave;
  CHECK (atexit (kernel_leave) == 0);
  find_version ();
  code = kernel_open ();
  kernel_close ();
  *why = "a device that was added cannot be opened in /dev";
  return code == 0 ? &kernel : NULL;
}
