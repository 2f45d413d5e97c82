/* SPDX-License-Identifier: BSD-3-Clause */
/* Flush, FUA and cache are offered and succeed; they change no byte.  FUA is
 * the plugin's own: nbdkit would otherwise turn every FUA into a flush, which
 * the log filter, that asks the plugin in the server's place, shows.
 */
#include <config.h>

#include "data.h"
#include "server.h"

#define SIZE (64U * PAGE)

int
main (void)
{
  unsigned char *model = buffer_new (SIZE);
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "256K", "--filter=log", "logfile=/dev/stderr", NULL);
  nbd = server_connect (&server);
  NBD_YES (nbd_can_flush (nbd));
  NBD_YES (nbd_can_fua (nbd));
  NBD_YES (nbd_can_cache (nbd));

  data_fill (model, SIZE, DATA_TEXT, 1);
  /* 2 is NBDKIT_FUA_NATIVE, and NBDKIT_CACHE_NATIVE. */
  CHECK (server_log_count (&server, " fua=2 ") == 1);
  CHECK (server_log_count (&server, " cache=2 ") == 1);
  NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, LIBNBD_CMD_FLAG_FUA));
  NBD_OK (nbd_trim (nbd, 1, 0, LIBNBD_CMD_FLAG_FUA));
  check_read (nbd, model, SIZE, 0);
  NBD_OK (nbd_flush (nbd, 0));
  NBD_OK (nbd_cache (nbd, SIZE, 0, 0));
  NBD_OK (nbd_cache (nbd, 1, 4711, 0));
  check_read (nbd, model, SIZE, 0);

  nbd_close (nbd);
  server_stop (&server);
  free (model);
  return EXIT_SUCCESS;
}
