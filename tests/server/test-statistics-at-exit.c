/* SPDX-License-Identifier: BSD-3-Clause */
/* The last statistics come even when the server is told to end while clients
 * are connected: nbdkit does not call .close then.
 */
#include <config.h>

#include <signal.h>

#include "data.h"
#include "server.h"
#include "statistics.h"

#define LEN (16U * PAGE)

int
main (void)
{
  char file[32], parameter[64];
  unsigned char buf[LEN];
  struct statistics s;
  struct nbd_handle *nbd;
  struct server server;

  memory_file (file, 0);
  snprintf (parameter, sizeof parameter, "statsfile=%s", file);
  server_start (&server, "1M", parameter, NULL);
  nbd = server_connect (&server);
  data_fill (buf, LEN, DATA_RANDOM, 1);
  NBD_OK (nbd_pwrite (nbd, buf, LEN, 0, 0));
  server_signal (&server, SIGTERM);
  nbd_close (nbd);
  server_wait (&server);

  statistics_read (file, &s);
  CHECK (s.orig_data_size == LEN);
  CHECK (s.huge_pages == LEN / PAGE);
  return EXIT_SUCCESS;
}
