/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit's own buffers, which no limit of the plugin covers: each of its 16
 * threads for a connection keeps a buffer as long as its longest request, 64
 * MiB at most.  What the manual says of them holds: they go when the client
 * goes, and the blocksize-policy filter has clients ask for less at once.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define THREADS 16U
#define LEN     (8 * MiB)

/* Long reads of an empty disk, all at once: nothing but the buffers grows. */
static void
read_at_once (struct nbd_handle *nbd)
{
  unsigned char *buf = buffer_new (THREADS * LEN);
  int64_t cookies[THREADS];

  for (unsigned i = 0; i < THREADS; i++) {
    cookies[i] = nbd_aio_pread (nbd, buf + i * LEN, LEN, i * LEN,
                                NBD_NULL_COMPLETION, 0);
    NBD_OK (cookies[i]);
  }
  while (nbd_aio_in_flight (nbd) > 0)
    NBD_OK (nbd_poll (nbd, -1));
  for (unsigned i = 0; i < THREADS; i++)
    NBD_YES (nbd_aio_command_completed (nbd, (uint64_t) cookies[i]));
  check_filled (buf, 0, THREADS * LEN, 0);
  free (buf);
}

struct shrinking {
  const struct server *server;
  uint64_t limit;
};

static int
has_shrunk (void *arg)
{
  const struct shrinking *shrinking = arg;

  return server_memory (shrinking->server, "Rss") < shrinking->limit;
}

static void
test_given_back (void)
{
  struct shrinking shrinking;
  struct nbd_handle *nbd;
  struct server server;
  uint64_t base, most;

  server_start (&server, "1G", NULL);
  nbd = server_connect (&server);
  base = server_memory (&server, "Rss");
  read_at_once (nbd);
  most = server_memory (&server, "Rss");
  CHECK (most > base + LEN);
  nbd_close (nbd);
  shrinking = (struct shrinking){&server, base + (most - base) / 10};
  wait_until (has_shrunk, &shrinking, "nbdkit's buffers to go");
  server_stop (&server);
}

static void
test_maximum_imposed (void)
{
  struct nbd_handle *nbd;
  struct server server;
  char buf[64 * KiB + 1];

  server_start (&server, "1G", "--filter=blocksize-policy",
                "blocksize-maximum=64K", "blocksize-error-policy=error", NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_block_size (nbd, LIBNBD_SIZE_MAXIMUM) == 64 * (int64_t) KiB);
  check_reads_byte (nbd, 0, 64 * KiB, PAGE);
  NBD_REFUSED (nbd_pread (nbd, buf, sizeof buf, PAGE, 0), EINVAL);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_given_back ();
  test_maximum_imposed ();
  return EXIT_SUCCESS;
}
