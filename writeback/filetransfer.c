/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <unistd.h>

#include "fileengine.h"

/* What is left of a direct request that was cut short may be no block: the
 * kernel says EINVAL to it.  ECANCELED is for what this server cancels. */
int
file_error (size_t done, int code)
{
  if (code == 0 || code == ECANCELED || (code == EINVAL && done > 0))
    return -EIO;
  return -code;
}

int
file_transfer (int fd, bool write, void *buf, size_t len, uint64_t offset)
{
  for (size_t done = 0; done < len;) {
    char *const at = (char *) buf + done;
    const off_t where = (off_t) (offset + done);
    const ssize_t n = write ? pwrite (fd, at, len - done, where)
                            : pread (fd, at, len - done, where);

    if (n > 0)
      done += (size_t) n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
      return file_error (done, n == 0 ? 0 : errno);
  }
  return 0;
}
