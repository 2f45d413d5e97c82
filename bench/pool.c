/* SPDX-License-Identifier: BSD-3-Clause */
/* pool: what the pool's calls cost.
 *
 *   enginebench pool [-r ROUNDS] [-n OBJECTS] [-o OPS] [-m MIB]
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

#include "arguments.h"
#include "enginebench.h"
#include "pool.h"

void
bench_pool (int argc, char *argv[])
{
  struct options options = {
      .rounds = 5, .nr_objects = 100000, .nr_ops = 200000, .mib = 1024};
  const struct argument arguments[] = {
      ARGUMENT_NUMBER ('m', "MIB", "of objects to read from", &options.mib, 1,
                       1 << 16),
      ARGUMENT_NUMBER ('n', "OBJECTS", "that live, of each thread's",
                       &options.nr_objects, 1, 10000000),
      ARGUMENT_NUMBER ('o', "OPS", "replacements at a time", &options.nr_ops, 1,
                       10000000),
      ARGUMENT_NUMBER ('r', "ROUNDS", "and one to warm up", &options.rounds, 1,
                       1000),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "", 0, false,
      "What malloc and free of the pool cost beside glibc's, by one thread\n"
      "and by two, and what finding and pinning an object costs: JSON.",
      arguments};

  arguments_parse (&synopsis, argc, argv);
  pool_churn (&options);
  pool_read (&options);
}
