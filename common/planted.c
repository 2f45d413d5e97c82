/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel has fs.protected_symlinks, _hardlinks and _regular for this; but
 * they need not be on, and the last one minds only what may be made by open ().
 *
 * What was opened is looked at, not what has its name: that may be changed in
 * between.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "planted.h"

/* How often a name may go between being found taken and being opened: of a link
 * that leads nowhere both are so, each time. */
#define TRIES 10

/* The directory of NAME; -1 and errno. */
static int
look_at_directory (const char *name, struct stat *dir)
{
  char *const copy = strdup (name);
  const int r = copy ? stat (dirname (copy), dir) : -1;
  const int saved = errno;

  free (copy);
  errno = saved;
  return r;
}

/* Who makes names there may not remove those of others. */
static bool
is_everybodys (const struct stat *dir)
{
  return (dir->st_mode & S_ISVTX) && (dir->st_mode & (S_IWGRP | S_IWOTH));
}

static bool
is_trusted (int fd, const struct stat *dir)
{
  struct stat file;

  return fstat (fd, &file) == 0 && file.st_nlink == 1 &&
         (file.st_uid == geteuid () || file.st_uid == dir->st_uid);
}

int
planted_open (const char *name, int flags, bool *planted)
{
  struct stat dir;
  int fd;

  *planted = false;
  if (look_at_directory (name, &dir) < 0)
    return -1;
  if (!is_everybodys (&dir))
    return open (name, flags);
  fd = open (name, flags | O_NOFOLLOW);
  *planted = fd < 0 ? errno == ELOOP : !is_trusted (fd, &dir);
  if (!*planted)
    return fd;
  if (fd >= 0)
    close (fd);
  errno = EPERM;
  return -1;
}

int
planted_make_or_open (const char *name, int flags, bool *made, bool *planted)
{
  *made = *planted = false;
  for (int i = 0; i < TRIES; i++) {
    /* None is made where a link leads. */
    int fd = open (name, flags | O_CREAT | O_EXCL, 0600);

    *made = fd >= 0;
    if (fd >= 0 || errno != EEXIST)
      return fd;
    fd = planted_open (name, flags, planted);
    if (fd >= 0 || errno != ENOENT)
      return fd;
  }
  return -1;
}
