/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that writes on and on when there is no room (mem_limit) gets ENOSPC
 * each time, or has a page replaced, and nothing else comes of it: memory stays
 * as it is, the log has no more lines, and who reads beside it is served.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"
#include "statistics.h"
#include "witness.h"

#define SIZE  (64 * MiB)
#define LIMIT (4 * MiB)
#define LEN   (16U * PAGE) /* of each write */

/* Several times what the disk could hold, were there room. */
#define WRITES   8192U
#define MAX_LOGS 2U

struct endless_writer {
  struct nbd_handle *nbd;
  unsigned char *noise; /* of which each write has another part */
  unsigned refused;
};

/* The Nth of its writes. */
static void
write_on (struct endless_writer *writer, unsigned n)
{
  const uint64_t space = SIZE - WITNESS_SIZE;
  const uint64_t offset = WITNESS_SIZE + n * LEN % space;

  if (nbd_pwrite (writer->nbd, writer->noise + n % MiB, LEN, offset, 0) == 0)
    return;
  if (nbd_get_errno () != ENOSPC)
    fail ("write %u: %s; expected ENOSPC", n, nbd_get_error ());
  writer->refused++;
}

/* Until there is no room, and a bit longer. */
static unsigned
fill_up (struct endless_writer *writer)
{
  unsigned n = 0;

  while (writer->refused < 64)
    write_on (writer, n++);
  return n;
}

int
main (void)
{
  struct endless_writer writer = {.noise = buffer_new (MiB + LEN)};
  struct statistics statistics;
  struct witness witness;
  struct server server;
  unsigned n, lines;

  server_start (&server, "64M", "mem_limit=4M", NULL);
  writer.nbd = server_connect (&server);
  data_fill (writer.noise, MiB + LEN, DATA_RANDOM, 1);
  witness_start (&witness, &server, 16);
  witness_only_reads (&witness);

  n = fill_up (&writer);
  witness.footprint = footprint_take (&server, 16);
  lines = server_log_count (&server, "");
  for (unsigned end = n + WRITES; n < end; n++) {
    write_on (&writer, n);
    if (n % 256 == 0)
      CHECK (server_memory (&server, "Rss") <= witness.footprint.memory);
  }
  printf ("%u of %u writes were refused\n", writer.refused, n);
  CHECK (writer.refused > WRITES / 2);
  CHECK (server_log_count (&server, "") == lines);
  CHECK (lines <= MAX_LOGS);

  witness_stop (&witness);
  nbd_close (writer.nbd);
  statistics_ask (&server, &statistics);
  CHECK (statistics.mem_used_max <= LIMIT);
  CHECK (statistics.failed_writes >= writer.refused);
  server_stop (&server);
  free (writer.noise);
  return EXIT_SUCCESS;
}
