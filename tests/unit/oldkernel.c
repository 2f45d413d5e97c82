/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "oldkernel.h"
#include "unit.h"

/* Newer than some C libraries' headers; the value is the kernel's own. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static enum kernel_age kernel_age;

void
kernel_pretend (enum kernel_age age)
{
  kernel_age = age;
}

/* Instead of the C library's, for the pool too: this program has been linked to
 * them. */

int
madvise (void *start, size_t size, int advice)
{
  if (kernel_age >= KERNEL_BEFORE_5_18 && advice == MADV_DONTNEED_LOCKED) {
    errno = EINVAL;
    return -1;
  }
  return (int) syscall (SYS_madvise, start, size, advice);
}

/* Whatever has not been passed is not looked at by the kernel, and can be read
 * where arguments are in registers, as they are on all that we know. */
long
syscall (long number, ...)
{
  typedef long syscall_fn (long number, ...);
  syscall_fn *const real = (syscall_fn *) dlsym (RTLD_NEXT, "syscall");
  long a[6];
  va_list args;

  must (real != NULL);
  if (kernel_age >= KERNEL_BEFORE_6_13 && number == SYS_process_madvise) {
    errno = EINVAL;
    return -1;
  }
  va_start (args, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg (args, long);
  va_end (args);
  return real (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
