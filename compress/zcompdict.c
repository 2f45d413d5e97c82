/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "zcompdict.h"

struct zcomp_dict {
  _Atomic unsigned refs;
  size_t len;
  char bytes[];
};

/* Room for LEN bytes. */
static int
make (struct zcomp_dict **dictp, size_t len)
{
  struct zcomp_dict *dict;

  if (len == 0)
    return -EINVAL;
  dict = malloc (sizeof *dict + len);
  if (!dict)
    return -ENOMEM;
  dict->refs = 1;
  dict->len = len;
  *dictp = dict;
  return 0;
}

int
zcomp_dict_create (struct zcomp_dict **dict, const void *bytes, size_t len)
{
  const int r = make (dict, len);

  if (r == 0)
    memcpy ((*dict)->bytes, bytes, len);
  return r;
}

/* LEN bytes of the file into BUF; less: it has become shorter. */
static int
read_whole (int fd, char *buf, size_t len)
{
  size_t done = 0;

  while (done < len) {
    const ssize_t n = read (fd, buf + done, len - done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -errno;
    if (n == 0)
      return -EINVAL;
    done += (size_t) n;
  }
  return 0;
}

static int
read_file (struct zcomp_dict **dictp, int fd)
{
  struct zcomp_dict *dict;
  struct stat st;
  int r;

  if (fstat (fd, &st) < 0)
    return -errno;
  if (S_ISDIR (st.st_mode))
    return -EISDIR;
  if (!S_ISREG (st.st_mode))
    return -EINVAL;
  if ((uint64_t) st.st_size > ZCOMP_DICT_MAX)
    return -EFBIG;
  r = make (&dict, (size_t) st.st_size);
  if (r < 0)
    return r;
  r = read_whole (fd, dict->bytes, dict->len);
  if (r < 0)
    zcomp_dict_put (dict);
  else
    *dictp = dict;
  return r;
}

/* O_NONBLOCK: what is no regular file is refused, and not waited for. */
int
zcomp_dict_read (struct zcomp_dict **dict, const char *path)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int r;

  if (fd < 0)
    return -errno;
  r = read_file (dict, fd);
  close (fd);
  return r;
}

struct zcomp_dict *
zcomp_dict_get (struct zcomp_dict *dict)
{
  if (dict)
    atomic_fetch_add_explicit (&dict->refs, 1, memory_order_relaxed);
  return dict;
}

void
zcomp_dict_put (struct zcomp_dict *dict)
{
  if (dict && atomic_fetch_sub (&dict->refs, 1) == 1)
    free (dict);
}

const void *
zcomp_dict_bytes (const struct zcomp_dict *dict)
{
  return dict->bytes;
}

size_t
zcomp_dict_len (const struct zcomp_dict *dict)
{
  return dict->len;
}
