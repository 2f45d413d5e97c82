/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <inttypes.h>

#include "footprint.h"
#include "server.h"

/* The C library keeps stacks of threads that have ended, and what its heaps
 * are too full of holes to give back. */
#define MARGIN (4 * MiB)

struct footprint
footprint_take (const struct server *server, unsigned threads)
{
  return (struct footprint){
      .server = server,
      .threads = server_entries (server, "task") + (threads > 1 ? threads : 0),
      .descriptors = server_entries (server, "fd"),
      .memory = server_memory (server, "Rss") + MARGIN +
                FOOTPRINT_REQUEST * 2 * threads,
  };
}

static int
is_back (void *arg)
{
  struct footprint *footprint = arg;
  const unsigned threads = server_entries (footprint->server, "task");
  const unsigned descriptors = server_entries (footprint->server, "fd");
  const uint64_t memory = server_memory (footprint->server, "Rss");

  snprintf (footprint->found, sizeof footprint->found,
            "%u threads, not %u; %u descriptors, not %u; %" PRIu64
            " bytes, not %" PRIu64,
            threads, footprint->threads, descriptors, footprint->descriptors,
            memory, footprint->memory);
  return threads <= footprint->threads &&
         descriptors == footprint->descriptors && memory <= footprint->memory;
}

void
footprint_await (struct footprint *footprint)
{
  wait_until (is_back, footprint, footprint->found);
}
