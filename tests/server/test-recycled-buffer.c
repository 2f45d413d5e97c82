/* SPDX-License-Identifier: BSD-3-Clause */
/* A read fills its whole buffer: nbdkit's threads use the same buffer for one
 * request after another, so what is left out would show another client's data.
 *
 * With one thread the buffer is the same one each time.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define LEN (64U * PAGE)

/* Where nothing near has ever been written. */
#define EMPTY (16 * MiB)

/* Read the secret, then something else, with the same buffer. */
static void
read_after_secret (struct nbd_handle *nbd, const unsigned char *secret,
                   const unsigned char *expected, size_t count, uint64_t offset)
{
  check_read (nbd, secret, LEN, 0);
  check_read (nbd, expected, count, offset);
}

static void
fill_mixed (unsigned char *buf)
{
  for (size_t page = 0; page < LEN / PAGE; page++)
    data_fill (buf + page * PAGE, PAGE, (enum data_kind) (page % DATA_KINDS),
               page);
}

int
main (void)
{
  unsigned char *secret = buffer_new (LEN), *mixed = buffer_new (LEN);
  unsigned char *zeros = buffer_new (LEN);
  struct nbd_handle *nbd;
  struct server server;

  memset (secret, 0x5e, LEN);
  memset (zeros, 0, LEN);
  fill_mixed (mixed);
  server_start (&server, "-t", "1", "32M", NULL);
  nbd = server_connect (&server);
  NBD_OK (nbd_pwrite (nbd, secret, LEN, 0, 0));
  NBD_OK (nbd_pwrite (nbd, mixed, LEN, LEN, 0));
  NBD_OK (nbd_pwrite (nbd, secret, LEN, 2U * LEN, 0));
  NBD_OK (nbd_trim (nbd, LEN, 2U * LEN, 0));

  /* Mixed pages, a trimmed range, a range never written. */
  for (size_t skip = 0; skip < PAGE; skip += 1021) {
    const size_t count = LEN - 2 * skip;

    read_after_secret (nbd, secret, mixed + skip, count, LEN + skip);
    read_after_secret (nbd, secret, zeros, count, 2U * LEN + skip);
    read_after_secret (nbd, secret, zeros, count, EMPTY + skip);
  }

  nbd_close (nbd);
  server_stop (&server);
  free (secret);
  free (mixed);
  free (zeros);
  return EXIT_SUCCESS;
}
