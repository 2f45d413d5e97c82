/* SPDX-License-Identifier: BSD-3-Clause */
/* A block status request for 2^32-1 bytes does not end the server.  Up to
 * nbdkit 1.42 the server aborts if a plugin reports a run past the request
 * (CVE-2025-47711), and any client may ask.
 */
#include <config.h>

#include "data.h"
#include "server.h"

#define SIZE (8 * GiB)
#define MOST UINT64_C (0xffffffff)

static void
ask (struct nbd_handle *nbd, uint64_t count, uint64_t offset, uint32_t flags)
{
  struct extents extents;

  extents_ask (nbd, &extents, count, offset, flags);
  CHECK (extents.n > 0);
  if (flags & LIBNBD_CMD_FLAG_REQ_ONE)
    CHECK (extents.n == 1);
}

static void
ask_everywhere (struct nbd_handle *nbd)
{
  static const uint64_t offsets[] = {
      0, 1, 511, PAGE, PAGE + 1, 4 * GiB - 1, 4 * GiB, SIZE - MOST,
  };
  static const uint64_t counts[] = {MOST, MOST - 4095, MOST - 1, 1, PAGE};

  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
    for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
      ask (nbd, counts[j], offsets[i], 0);
      ask (nbd, counts[j], offsets[i], LIBNBD_CMD_FLAG_REQ_ONE);
    }
}

int
main (void)
{
  unsigned char page[PAGE];
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "8G", NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_size (nbd) == (int64_t) SIZE);
  ask_everywhere (nbd);

  /* With data at both ends of 4 GiB, and a run of data over that border. */
  data_fill (page, PAGE, DATA_TEXT, 1);
  NBD_OK (nbd_pwrite (nbd, page, PAGE, 0, 0));
  NBD_OK (nbd_pwrite (nbd, page, PAGE, 4 * GiB - PAGE, 0));
  NBD_OK (nbd_pwrite (nbd, page, PAGE, 4 * GiB, 0));
  NBD_OK (nbd_pwrite (nbd, page, PAGE, SIZE - PAGE, 0));
  ask_everywhere (nbd);

  check_read (nbd, page, PAGE, 4 * GiB);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
