/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "cpus.h"
#include "util.h"

static int cpus[CPU_SETSIZE];
static unsigned nr;

unsigned
nr_cpus (void)
{
  cpu_set_t set;

  if (nr > 0)
    return nr;
  if (sched_getaffinity (0, sizeof set, &set) != 0)
    fail ("sched_getaffinity: %s", strerror (errno));
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET (cpu, &set))
      cpus[nr++] = cpu;
  return nr;
}

void
run_on_cpu (unsigned i)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (cpus[i % nr_cpus ()], &set);
  if (sched_setaffinity (0, sizeof set, &set) != 0)
    fail ("sched_setaffinity: %s", strerror (errno));
}
