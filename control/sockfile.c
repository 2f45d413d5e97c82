/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sockfile.h"

/* How often, and after how many milliseconds each time, the directory's lock is
 * tried: others hold it for a moment, if at all. */
#define LOCK_TRIES 100
#define LOCK_MS    100

/* Whoever looks whether a name is free, or free again, and takes it has the
 * lock of its directory: two servers cannot both take one.  Returns what is to
 * be closed to end that, or -1 and errno. */
static int
lock_directory (const struct sockaddr_un *address)
{
  char name[sizeof address->sun_path + 2];
  int fd;

  snprintf (name, sizeof name, "%s", address->sun_path);
  fd = open (dirname (name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  for (int i = 0; flock (fd, LOCK_EX | LOCK_NB) < 0; i++) {
    const int saved = errno;

    if (saved != EWOULDBLOCK || i == LOCK_TRIES) {
      close (fd);
      errno = saved;
      return -1;
    }
    poll (NULL, 0, LOCK_MS);
  }
  return fd;
}

/* 0: somebody listens at ADDRESS; or the errno that says otherwise. */
static int
try_connect (const struct sockaddr_un *address)
{
  const int fd =
      socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int code = 0;

  if (fd < 0)
    return errno;
  if (connect (fd, (const struct sockaddr *) address, sizeof *address) < 0)
    code = errno;
  close (fd);
  return code == EAGAIN ? 0 : code; /* many are waiting there already */
}

/* Remove what a dead server has left at ADDRESS.  -1 and errno: something else
 * is there. */
static int
free_name (const struct sockaddr_un *address)
{
  struct stat statbuf;
  int code;

  if (lstat (address->sun_path, &statbuf) < 0)
    return errno == ENOENT ? 0 : -1;
  if (!S_ISSOCK (statbuf.st_mode)) {
    errno = EEXIST;
    return -1;
  }
  code = try_connect (address);
  if (code == ECONNREFUSED)
    return unlink (address->sun_path);
  errno = code == 0 ? EADDRINUSE : code;
  return -1;
}

/* Give the socket its name, and let clients come.  The mode of a socket's file
 * is that of the socket, before anybody can open it; the mask is the process's.
 */
static int
name_socket (struct sockfile *file, int backlog)
{
  const struct sockaddr_un *const address = &file->address;
  struct stat statbuf;

  if (fchmod (file->fd, 0600) < 0 ||
      bind (file->fd, (const struct sockaddr *) address, sizeof *address) < 0)
    return -1;
  if (lstat (address->sun_path, &statbuf) < 0 ||
      listen (file->fd, backlog) < 0) {
    const int saved = errno;

    unlink (address->sun_path);
    errno = saved;
    return -1;
  }
  file->dev = statbuf.st_dev;
  file->ino = statbuf.st_ino;
  return 0;
}

/* The caller has the directory's lock. */
static int
do_make (struct sockfile *file, int backlog)
{
  if (free_name (&file->address) < 0)
    return -1;
  file->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file->fd < 0)
    return -1;
  if (name_socket (file, backlog) == 0)
    return 0;

  const int saved = errno;

  close (file->fd);
  file->fd = -1;
  errno = saved;
  return -1;
}

static int
make (struct sockfile *file, int backlog)
{
  const int lock = lock_directory (&file->address);
  int r, saved;

  if (lock < 0)
    return -1;
  r = do_make (file, backlog);
  saved = errno;
  close (lock);
  errno = saved;
  return r;
}

static const char *
what_is_wrong (int code)
{
  switch (code) {
  case EADDRINUSE:
    return "a server answers there: give another name";
  case EEXIST:
    return "is there, and is no socket: give another name";
  case EWOULDBLOCK:
    return "something has locked its directory: give another one";
  default:
    return strerrordesc_np (code);
  }
}

int
sockfile_make (struct sockfile *file, const char *path, int backlog,
               char *message, size_t size)
{
  *file = (struct sockfile) SOCKFILE_CLOSED;
  if (strlen (path) >= sizeof file->address.sun_path) {
    snprintf (message, size,
              "%.40s...: is too long for a socket: give %zu bytes at most",
              path, sizeof file->address.sun_path - 1);
    return -1;
  }
  memcpy (file->address.sun_path, path, strlen (path));
  if (make (file, backlog) == 0)
    return 0;
  snprintf (message, size, "%s: %s", path, what_is_wrong (errno));
  return -1;
}

/* Whether the name is its still. */
static bool
has_name (const struct sockfile *file)
{
  struct stat statbuf;

  return lstat (file->address.sun_path, &statbuf) == 0 &&
         statbuf.st_dev == file->dev && statbuf.st_ino == file->ino;
}

void
sockfile_remove (struct sockfile *file)
{
  if (file->fd < 0)
    return;
  if (has_name (file))
    unlink (file->address.sun_path);
  close (file->fd);
  file->fd = -1;
}
