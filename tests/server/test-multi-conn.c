/* SPDX-License-Identifier: BSD-3-Clause */
/* Multi-conn is offered and true: what one connection has written, trimmed or
 * zeroed, every other one sees as soon as the reply is there, without a flush.
 * (nbd.ko refuses several connections where it is not offered.)
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define CONNECTIONS 8U
#define LEN         (3U * PAGE)

static void
check_all_see (struct nbd_handle *const nbd[], const unsigned char *expected,
               uint64_t offset)
{
  for (size_t i = 0; i < CONNECTIONS; i++)
    check_read (nbd[i], expected, LEN, offset);
}

static void
take_turns (struct nbd_handle *const nbd[], unsigned char *buf)
{
  const uint64_t offset = 1000;

  for (unsigned i = 0; i < 20 * CONNECTIONS; i++) {
    struct nbd_handle *writer = nbd[i % CONNECTIONS];

    data_fill (buf, LEN, (enum data_kind) (i % DATA_KINDS), i);
    NBD_OK (nbd_pwrite (writer, buf, LEN, offset, 0));
    check_all_see (nbd, buf, offset);

    memset (buf + 100, 0, PAGE);
    NBD_OK (nbd_zero (writer, PAGE, offset + 100, 0));
    check_all_see (nbd, buf, offset);

    memset (buf + PAGE - offset, 0, PAGE);
    NBD_OK (nbd_trim (writer, PAGE, PAGE, 0));
    check_all_see (nbd, buf, offset);
  }
}

int
main (void)
{
  struct nbd_handle *nbd[CONNECTIONS];
  unsigned char *buf = buffer_new (LEN);
  struct server server;

  server_start (&server, "1M", NULL);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    nbd[i] = server_connect (&server);
    NBD_YES (nbd_can_multi_conn (nbd[i]));
  }
  take_turns (nbd, buf);
  for (size_t i = 0; i < CONNECTIONS; i++)
    nbd_close (nbd[i]);
  server_stop (&server);
  free (buf);
  return EXIT_SUCCESS;
}
