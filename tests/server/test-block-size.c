/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients are told: any byte may be addressed, 4096 is best, the protocol's
 * maximum is ours; and a disk's size is rounded up to whole pages.
 */
#include <config.h>

#include "server.h"

static void
check_sizes (const char *disksize, int64_t size)
{
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, disksize, NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_size (nbd) == size);
  CHECK (nbd_get_block_size (nbd, LIBNBD_SIZE_MINIMUM) == 1);
  CHECK (nbd_get_block_size (nbd, LIBNBD_SIZE_PREFERRED) == PAGE);
  CHECK (nbd_get_block_size (nbd, LIBNBD_SIZE_MAXIMUM) == 0xffffffff);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  check_sizes ("1M", 1 << 20);
  check_sizes ("1", PAGE);
  check_sizes ("4095", PAGE);
  check_sizes ("4096", PAGE);
  check_sizes ("4097", 2 * PAGE);
  return EXIT_SUCCESS;
}
