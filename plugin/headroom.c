/* SPDX-License-Identifier: BSD-3-Clause */
/* The system gives the lowest number that is free.  So when that is one of the
 * last few, those below it are all in use. */
#include <config.h>

#include <sys/eventfd.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <unistd.h>

#include "headroom.h"

bool
headroom_left (void)
{
  struct rlimit limit;
  int fd;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return true;
  fd = eventfd (0, EFD_CLOEXEC);
  if (fd < 0)
    return false;
  close (fd);
  return (rlim_t) fd < limit.rlim_cur - MIN (HEADROOM, limit.rlim_cur / 4);
}
