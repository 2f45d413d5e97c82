/* SPDX-License-Identifier: BSD-3-Clause */
/* poolbench: what the pool's calls cost.
 *
 *   poolbench [-r ROUNDS] [-n OBJECTS] [-m MIB]
 *
 * A line of JSON on stdout for each round of each contestant; "ns" is CPU time
 * of a thread for each object.  The contestants of a comparison alternate, and
 * have the same random numbers.  Round 0 warms up and is to be ignored.
 *
 *   replace   allocate an object and free another at random, OBJECTS (100,000)
 *             being live for each thread: the pool, glibc's malloc, and the
 *             loop without either, which is to be subtracted.  Nothing is
 *             written to the objects.  By one thread and by two, each on a CPU
 *             of its own; "rate" is that of all of them, in objects a second
 *             by the clock.
 *             exact     1300 bytes; a thread frees what it allocated
 *             mixed     975 to 1625 bytes; likewise
 *             shared    the same sizes; a thread frees what any has allocated
 *   pin       zs_obj_read_begin and _end, of objects that are in the cache
 *   read      begin, read 64 bytes, end, of any of MIB (1024) MiB of objects
 *             handle    by the handle that is in the slot
 *             cell      by a handle in a cell of its own, as the kernel's
 *                       are; "cells" is what they take, in percent of the
 *                       objects' bytes
 */
#include <config.h>

#include <stdlib.h>
#include <unistd.h>

#include "poolbench.h"
#include "util.h"

static uint32_t
number (const char *arg, uint32_t max)
{
  const unsigned long n = strtoul (arg, NULL, 10);

  if (n == 0 || n > max)
    fail ("%s: not a number from 1 to %lu", arg, (unsigned long) max);
  return (uint32_t) n;
}

int
main (int argc, char *argv[])
{
  struct options options = {.rounds = 5, .nr_objects = 100000, .mib = 1024};
  int opt;

  while ((opt = getopt (argc, argv, "m:n:r:")) != -1)
    if (opt == 'm')
      options.mib = number (optarg, 1 << 16);
    else if (opt == 'n')
      options.nr_objects = number (optarg, 10000000);
    else if (opt == 'r')
      options.rounds = number (optarg, 1000);
    else
      return EXIT_FAILURE;
  if (optind != argc)
    fail ("usage: poolbench [-r ROUNDS] [-n OBJECTS] [-m MIB]");
  bench_churn (&options);
  bench_read (&options);
  return EXIT_SUCCESS;
}
