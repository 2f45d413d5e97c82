/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of N per-CPU things this thread should use. */
#ifndef ZRAM_CPU_H
#define ZRAM_CPU_H

#include <sched.h>
#include <unistd.h>

/* How many CPUs the machine may ever have: what per-CPU arrays are sized by,
 * so that a CPU that comes later finds its place. */
static inline unsigned
cpu_count (void)
{
  const long n = sysconf (_SC_NPROCESSORS_CONF);

  return n > 0 ? (unsigned) n : 1;
}

/* A hint, never a promise: the thread may be moved as soon as this returns,
 * and a CPU number past N (hotplug) is folded back. */
static inline unsigned
cpu_index (unsigned n)
{
  const int cpu = sched_getcpu ();

  return cpu < 0 ? 0 : (unsigned) cpu % n;
}

#endif /* ZRAM_CPU_H */
