/* SPDX-License-Identifier: BSD-3-Clause */
/* valgrind does not know that io_uring_enter may block, and lets no other
 * thread run meanwhile: what is to come never does.  There the kernel refuses
 * io_uring to the programs that this is linked to, and threads do the store's
 * I/O.
 */
#include <config.h>

#include <errno.h>

#include "unit.h"

#if HAVE_URING

struct io_uring;

extern int __real_io_uring_queue_init (unsigned entries, struct io_uring *ring,
                                       unsigned flags);
extern int __wrap_io_uring_queue_init (unsigned entries, struct io_uring *ring,
                                       unsigned flags);

int
__wrap_io_uring_queue_init (unsigned entries, struct io_uring *ring,
                            unsigned flags)
{
  return under_valgrind () ? -EPERM
                           : __real_io_uring_queue_init (entries, ring, flags);
}

#endif
