/* SPDX-License-Identifier: BSD-3-Clause */
/* One write-zeroes of more than 64 MiB clears every byte.  A plugin that
 * answers EOPNOTSUPP leaves all but the first 64 MiB as they were, on nbdkit
 * before 1.45.1, and the client is told that all went well.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define STEP   (8 * MiB)
#define SIZE   (160 * MiB)
#define START  (4 * MiB + 3)
#define LENGTH (128 * MiB + 1001)

static void
fill_disk (struct nbd_handle *nbd, unsigned char *buf)
{
  memset (buf, 0x55, STEP);
  /* Not only same-filled pages: those that compression made, as well. */
  for (uint64_t at = 0; at < STEP; at += 16 * PAGE)
    data_fill (buf + at, PAGE, DATA_TEXT, at);
  for (uint64_t at = 0; at < SIZE; at += STEP)
    NBD_OK (nbd_pwrite (nbd, buf, STEP, at, 0));
}

static void
check_disk (struct nbd_handle *nbd, const unsigned char *before)
{
  unsigned char *expected = buffer_new (STEP);

  for (uint64_t at = 0; at < SIZE; at += STEP) {
    const uint64_t lo = at < START ? START : at;
    const uint64_t hi = at + STEP < START + LENGTH ? at + STEP : START + LENGTH;

    memcpy (expected, before, STEP);
    if (lo < hi)
      memset (expected + (lo - at), 0, hi - lo);
    check_read (nbd, expected, STEP, at);
  }
  free (expected);
}

static void
test_zero (struct nbd_handle *nbd, uint32_t flags)
{
  unsigned char *buf = buffer_new (STEP);

  fill_disk (nbd, buf);
  NBD_OK (nbd_zero (nbd, LENGTH, START, flags));
  check_disk (nbd, buf);

  /* The two bytes that the server's own fallback was seen to forget. */
  check_reads_byte (nbd, 0, 1, 64 * MiB);
  check_reads_byte (nbd, 0, 1, 96 * MiB);
  free (buf);
}

int
main (void)
{
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "160M", NULL);
  nbd = server_connect (&server);
  test_zero (nbd, 0);
  test_zero (nbd, LIBNBD_CMD_FLAG_NO_HOLE);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
