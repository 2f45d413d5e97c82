/* SPDX-License-Identifier: BSD-3-Clause */
/* Write-zeroes makes exactly the range read as zeros, to the byte; it is never
 * refused, and is always fast (NBD_CMD_FLAG_FAST_ZERO).  With and without
 * permission to make a hole, since RAM reads as zeros either way.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define SIZE (256U * PAGE)

static const struct {
  uint64_t offset;
  uint64_t count;
} ranges[] = {
    {0, PAGE},
    {3 * PAGE, 20 * PAGE},
    {30 * PAGE + 1, PAGE - 1},
    {31 * PAGE, PAGE - 1},
    {33 * PAGE + 17, 1},
    {35 * PAGE + 100, 200},
    {40 * PAGE - 1, 2},
    {50 * PAGE - 3, 10 * PAGE + 6},
    {70 * PAGE + 3, 10 * PAGE - 6},
    {SIZE - 1, 1},
    {SIZE - PAGE - 1, PAGE + 1},
    {1, SIZE - 2},
    {0, SIZE},
};

static void
test_ranges (struct nbd_handle *nbd, unsigned char *model, uint32_t flags,
             enum data_kind kind)
{
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    data_fill (model, SIZE, kind, i);
    NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
    memset (model + ranges[i].offset, 0, ranges[i].count);
    NBD_OK (nbd_zero (nbd, ranges[i].count, ranges[i].offset, flags));
    check_read (nbd, model, SIZE, 0);
  }
}

int
main (void)
{
  static const uint32_t flags[] = {
      0,
      LIBNBD_CMD_FLAG_NO_HOLE,
      LIBNBD_CMD_FLAG_FAST_ZERO,
      LIBNBD_CMD_FLAG_NO_HOLE | LIBNBD_CMD_FLAG_FAST_ZERO,
      LIBNBD_CMD_FLAG_FUA,
  };
  unsigned char *model = buffer_new (SIZE);
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "1M", NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_size (nbd) == SIZE);
  NBD_YES (nbd_can_zero (nbd));
  NBD_YES (nbd_can_fast_zero (nbd));

  /* Of a disk that was never written, too. */
  NBD_OK (nbd_zero (nbd, SIZE - 2, 1, LIBNBD_CMD_FLAG_FAST_ZERO));
  check_reads_byte (nbd, 0, SIZE, 0);

  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
    for (int kind = 0; kind < DATA_KINDS; kind++)
      test_ranges (nbd, model, flags[i], (enum data_kind) kind);

  nbd_close (nbd);
  server_stop (&server);
  free (model);
  return EXIT_SUCCESS;
}
