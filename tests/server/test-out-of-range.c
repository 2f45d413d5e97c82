/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests past the end of the disk, or that wrap round, are refused, change
 * nothing, and leave connection and server as they were.
 */
#include <config.h>

#include "data.h"
#include "server.h"

#define SIZE (16U * PAGE)

static const struct {
  uint64_t offset;
  size_t count;
} ranges[] = {
    {SIZE, 1},
    {SIZE, PAGE},
    {SIZE - 1, 2},
    {SIZE - PAGE, PAGE + 1},
    {1, SIZE},
    {UINT64_MAX, 1},
    {UINT64_MAX - PAGE + 1, PAGE},
    {UINT64_MAX - PAGE + 1, 2 * PAGE},
    {UINT64_C (1) << 63, PAGE},
    {UINT64_C (1) << 44, PAGE},
};

static void
check_refused (struct nbd_handle *nbd, unsigned char *buf, size_t count,
               uint64_t offset)
{
  struct extents extents = {.n = 0};

  NBD_REFUSED (nbd_pread (nbd, buf, count, offset, 0), EINVAL);
  NBD_REFUSED (nbd_pwrite (nbd, buf, count, offset, 0), ENOSPC);
  NBD_REFUSED (nbd_zero (nbd, count, offset, 0), ENOSPC);
  NBD_REFUSED (nbd_trim (nbd, count, offset, 0), EINVAL);
  NBD_REFUSED (nbd_cache (nbd, count, offset, 0), EINVAL);
  NBD_REFUSED (
      nbd_block_status (nbd, count, offset, extents_into (&extents), 0),
      EINVAL);
}

int
main (void)
{
  unsigned char *model = buffer_new (SIZE), *buf = buffer_new (2 * SIZE);
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "64K", NULL);
  nbd = server_connect (&server);
  data_fill (model, SIZE, DATA_TEXT, 1);
  data_fill (buf, 2 * SIZE, DATA_RANDOM, 2);
  NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    check_refused (nbd, buf, ranges[i].count, ranges[i].offset);
    check_read (nbd, model, SIZE, 0);
  }
  nbd_close (nbd);
  server_stop (&server);
  free (model);
  free (buf);
  return EXIT_SUCCESS;
}
