/* SPDX-License-Identifier: BSD-3-Clause */
/* Thousands of connections at once that ask for nothing: each costs what the
 * manual says, and no more; others are served meanwhile; and all of it is back
 * when they have gone.  The limit filter lets no more in than it is told, and
 * those that it turns away cost nothing.
 */
#include <config.h>

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data.h"
#include "rawnbd.h"
#include "server.h"
#include "witness.h"

#define MANY     3000U
#define FEW      64U /* where each has 16 threads */
#define LIMIT    8U
#define RESERVED 100U /* descriptors for other things */

/* What the manual says that a connection takes, and as much again, since it is
 * more with other C libraries. */
#define MEMORY(threads) ((uint64_t) (threads) *20 * KiB)

/* As many descriptors as may be, for server and test alike; returns how many
 * connections are possible, each of which has DESCRIPTORS in the server. */
static unsigned
raise_limit (unsigned wanted, unsigned descriptors)
{
  struct rlimit limit;
  rlim_t possible;

  CHECK (getrlimit (RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  CHECK (setrlimit (RLIMIT_NOFILE, &limit) == 0);
  possible = (limit.rlim_cur - RESERVED) / descriptors;
  return possible < wanted ? (unsigned) possible : wanted;
}

/* What of a connection's the C library's heaps are too full of holes to give
 * back, of a server with nbdkit's memory plugin, too: less than a half of this.
 */
#define KEPT (2 * KiB)

struct crowd {
  const struct server *server;
  unsigned threads, descriptors;
};

static int
has_begun (void *arg)
{
  const struct crowd *crowd = arg;

  return server_entries (crowd->server, "task") >= crowd->threads &&
         server_entries (crowd->server, "fd") >= crowd->descriptors;
}

/* N connections for which the server has THREADS (-t) each. */
static void
test_cost (unsigned n, unsigned threads)
{
  const unsigned descriptors = threads > 1 ? 3 : 1;
  const unsigned tasks = threads > 1 ? threads + 1 : 1;
  struct server server;
  struct witness witness;
  struct crowd crowd;
  char option[16];
  uint64_t memory;
  int *fds;

  n = raise_limit (n, descriptors);
  CHECK (n > 0);
  fds = buffer_new (n * sizeof *fds);
  snprintf (option, sizeof option, "-t%u", threads);
  server_start (&server, option, "1M", NULL);
  witness_start (&witness, &server, threads);
  witness.footprint.memory += n * KEPT;
  memory = server_memory (&server, "Rss");
  crowd = (struct crowd){&server, server_entries (&server, "task") + n * tasks,
                         witness.footprint.descriptors + n * descriptors};

  for (unsigned i = 0; i < n; i++)
    fds[i] = raw_open (&server);
  wait_until (has_begun, &crowd, "thousands of connections");
  witness_await (&witness);
  CHECK (server_entries (&server, "task") <=
         witness.footprint.threads + n * tasks);
  CHECK (server_entries (&server, "fd") == crowd.descriptors);
  memory = server_memory (&server, "Rss") - memory;
  printf ("-t %u: %u connections of %" PRIu64 " bytes\n", threads, n,
          memory / n);
  CHECK (memory / n <= MEMORY (tasks));

  for (unsigned i = 0; i < n; i++)
    close (fds[i]);
  witness_stop (&witness);
  server_stop (&server);
  free (fds);
}

static void
test_limit (unsigned threads)
{
  struct server server;
  struct witness witness;
  char option[16], limit[16];
  int fds[LIMIT - 1];

  snprintf (option, sizeof option, "-t%u", threads);
  snprintf (limit, sizeof limit, "limit=%u", LIMIT);
  server_start (&server, option, "--filter=limit", "1M", limit, NULL);
  witness_start (&witness, &server, threads);
  for (unsigned i = 0; i < LIMIT - 1; i++)
    fds[i] = raw_open (&server);
  for (unsigned i = 0; i < MANY / 10; i++) {
    const int fd = raw_connect (&server);

    raw_must_be_closed (fd);
    close (fd);
  }
  witness_await (&witness);
  CHECK (server_entries (&server, "task") <=
         witness.footprint.threads + LIMIT * (threads + 1));
  for (unsigned i = 0; i < LIMIT - 1; i++)
    close (fds[i]);
  witness_stop (&witness);
  server_stop (&server);
}

int
main (void)
{
  test_cost (MANY, 1);
  test_cost (FEW, 16);
  test_limit (1);
  test_limit (16);
  return EXIT_SUCCESS;
}
