/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's zram: devices that are added here, and removed at the end of the
 * program, however that comes about; others are left alone, whatever the script
 * says. */
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

/* A number that a device was given here.  It is the device's as long as that is
 * there; then anybody else's may have it, whose directory is another one. */
struct own {
  char number[DEVICE_SIZE];
  int directory; /* its attributes */
  bool is_there;
};

#define OWN 64

static struct side kernel = {.name = "kernel"};
static struct own owns[OWN];
static int disk = -1;

/* Devices. */

/* The one with that number, or the first that is free if NUMBER is "". */
static struct own *
find_own (const char *number)
{
  for (size_t i = 0; i < OWN; i++)
    if (strcmp (owns[i].number, number) == 0)
      return &owns[i];
  return NULL;
}

/* The attributes of the one that operations are done to. */
static int
own_directory (void)
{
  const struct own *const own = find_own (kernel.device);

  CHECK (own != NULL);
  return own->directory;
}

/* VALUE is to be written to hot_remove: which device that may remove.  NULL:
 * none. */
static struct own *
find_removed (const char *value)
{
  const long number = strtol (value, NULL, 10);
  char digits[24];
  struct own *own;

  snprintf (digits, sizeof digits, "%ld", number);
  own = find_own (digits);
  if (strpbrk (value, "0123456789") && number >= 0 && number < 1000000 &&
      !(own && own->is_there))
    fail ("zram%ld would be removed, which was not added here", number);
  return own;
}

/* Attributes. */

/* Seen from the directory of the device with that NUMBER: what belongs to no
 * device is in the directory beside them; what is for debugging is elsewhere.
 */
static const char *
attribute_path (const char *attribute, const char *number, char path[PATH_MAX])
{
  if (strncmp (attribute, "hot_", 4) == 0)
    snprintf (path, PATH_MAX, CONTROL "/%s", attribute);
  else if (strcmp (attribute, "block_state") == 0)
    snprintf (path, PATH_MAX, "/sys/kernel/debug/zram/zram%s/block_state",
              number);
  else
    snprintf (path, PATH_MAX, "%s", attribute);
  return path;
}

/* The first device has whatever any has, and stays. */
static bool
kernel_has (const char *attribute)
{
  char path[PATH_MAX];

  return faccessat (owns[0].directory,
                    attribute_path (attribute, owns[0].number, path), F_OK,
                    0) == 0;
}

static int
open_attribute (const char *attribute, int flags)
{
  char path[PATH_MAX];

  return openat (own_directory (),
                 attribute_path (attribute, kernel.device, path),
                 flags | O_CLOEXEC);
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
  const int fd = open_attribute (attribute, O_RDONLY);

  read_value (fd, result);
  if (fd >= 0)
    close (fd);
}

/* One write, since each is an attempt of its own. */
static int
write_value (const char *attribute, const char *text, size_t len)
{
  const int fd = open_attribute (attribute, O_WRONLY);
  int code = 0;

  if (fd < 0 || write (fd, text, len) != (ssize_t) len)
    code = errno;
  if (fd >= 0)
    close (fd);
  return code;
}

static void
kernel_set (const char *attribute, const char *value, bool newline,
            char result[RESULT_SIZE])
{
  const bool removes = strcmp (attribute, "hot_remove") == 0;
  struct own *const own = removes ? find_removed (value) : NULL;
  char text[RESULT_SIZE];
  const int len =
      snprintf (text, sizeof text, "%s%s", value, newline ? "\n" : "");
  const int code = write_value (attribute, text, (size_t) len);

  if (own && code == 0)
    own->is_there = false;
  snprintf (result, RESULT_SIZE, "%s", code ? strerrorname_np (code) : "ok");
}

static bool
is_number (const char *text)
{
  const size_t len = strlen (text);

  return len > 0 && len < DEVICE_SIZE && strspn (text, "0123456789") == len;
}

static bool
kernel_hot_add (char result[RESULT_SIZE])
{
  char path[PATH_MAX];
  struct own *own;

  kernel_get ("hot_add", result);
  if (!is_number (result))
    return false;
  own = find_own (result);
  if (own)
    close (own->directory);
  else
    own = find_own ("");
  CHECK (own != NULL);
  strcpy (own->number, result);
  own->is_there = true;
  snprintf (path, sizeof path, "/sys/block/zram%s", result);
  own->directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK (own->directory >= 0);
  return true;
}

/* A device that has gone must not be taken for another's. */
static int
kernel_open (void)
{
  char path[32];

  if (faccessat (own_directory (), "initstate", F_OK, 0) < 0)
    return errno;
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
remove_device (const char *number)
{
  const struct timespec pause = {.tv_nsec = 50L * 1000 * 1000};
  char result[RESULT_SIZE] = "";

  for (int i = 0; i < 200 && strcmp (result, "ok") != 0; i++) {
    kernel_set ("hot_remove", number, false, result);
    if (strcmp (result, "EBUSY") != 0)
      break;
    nanosleep (&pause, NULL);
  }
  if (strcmp (result, "ok") != 0)
    fprintf (stderr, "/dev/zram%s could not be removed: %s\n", number, result);
}

static void
kernel_leave (void)
{
  kernel_close ();
  for (size_t i = 0; i < OWN; i++)
    if (owns[i].is_there)
      remove_device (owns[i].number);
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
  CHECK (atexit (kernel_leave) == 0);
  *why = "a device cannot be added: it takes root";
  if (!kernel_hot_add (number))
    return false;
  strcpy (kernel.device, number);
  return true;
}

/* What is on it is lost: it has to be what the script expects.  Without a
 * kernel that writes back it is of no use. */
static void
take_store (const char *name)
{
  const int fd = open (name, O_RDONLY | O_CLOEXEC);
  uint64_t size = 0;

  if (fd < 0 || ioctl (fd, BLKGETSIZE64, &size) < 0 || size != STORE_SIZE)
    fail ("%s is no block device of %d bytes", name, STORE_SIZE);
  close (fd);
  if (kernel_has ("backing_dev"))
    snprintf (kernel.store, sizeof kernel.store, "%s", name);
}

struct side *
kernelside_enter (const char *store, const char **why)
{
  int code;

  if (!add_device (why))
    return NULL;
  if (store)
    take_store (store);
  kernel.has = kernel_has;
  kernel.get = kernel_get;
  kernel.set = kernel_set;
  kernel.hot_add = kernel_hot_add;
  kernel.open = kernel_open;
  kernel.close = kernel_close;
  kernel.io = kernel_io;
  kernel.leave = kernel_leave;
  find_version ();
  code = kernel_open ();
  kernel_close ();
  *why = "a device that was added cannot be opened in /dev";
  return code == 0 ? &kernel : NULL;
}
