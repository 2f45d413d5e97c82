/* SPDX-License-Identifier: BSD-3-Clause */
/* What a disk held goes back to the system when it is trimmed: after 256 MiB
 * have been written and dropped the server is soon nearly as small as before,
 * were they dropped all at once or page by page in any order, and nothing of it
 * is hidden in transparent huge pages (of which RSS counts only the part in
 * use).
 */
#include <config.h>

#include "data.h"
#include "server.h"

#define SIZE (256 * MiB)
#define STEP (4 * MiB)

static void
fill_disk (struct nbd_handle *nbd, uint64_t seed)
{
  unsigned char *buf = buffer_new (STEP);

  for (uint64_t at = 0; at < SIZE; at += STEP) {
    data_fill (buf, STEP, DATA_TEXT, seed + at);
    NBD_OK (nbd_pwrite (nbd, buf, STEP, at, 0));
  }
  free (buf);
}

static void
trim_at_once (struct nbd_handle *nbd)
{
  NBD_OK (nbd_trim (nbd, SIZE, 0, 0));
}

/* Runs of one to 16 pages, in an order that leaves holes everywhere first. */
static void
trim_in_pieces (struct nbd_handle *nbd)
{
  const uint64_t pages = SIZE / PAGE, stride = UINT64_C (16) * 251;

  for (uint64_t start = 0; start < stride; start += 16)
    for (uint64_t page = start; page < pages; page += stride)
      NBD_OK (nbd_trim (nbd, (pages - page < 16 ? pages - page : 16) * PAGE,
                        page * PAGE, 0));
}

static void
zero_at_once (struct nbd_handle *nbd)
{
  NBD_OK (nbd_zero (nbd, SIZE, 0, 0));
}

struct shrinking {
  const struct server *server;
  uint64_t memory; /* what it may have */
};

static int
is_small (void *arg)
{
  const struct shrinking *const shrinking = arg;

  return server_memory (shrinking->server, "Rss") <= shrinking->memory;
}

static void
test_returned (const struct server *server, struct nbd_handle *nbd,
               void (*empty) (struct nbd_handle *nbd), uint64_t base)
{
  struct shrinking shrinking = {.server = server};
  uint64_t full;

  fill_disk (nbd, base);
  full = server_memory (server, "Rss");
  CHECK (full > base + SIZE / 4);
  CHECK (full < base + SIZE);
  CHECK (server_memory (server, "AnonHugePages") < 4 * MiB);

  empty (nbd);
  shrinking.memory = base + (full - base) / 10;
  wait_until (is_small, &shrinking, "more than a tenth was kept");
  printf ("%llu KiB, full %llu, emptied %llu\n",
          (unsigned long long) (base / KiB), (unsigned long long) (full / KiB),
          (unsigned long long) (server_memory (server, "Rss") / KiB));
  check_reads_byte (nbd, 0, 16 * PAGE, SIZE / 2);
}

int
main (void)
{
  struct nbd_handle *nbd;
  struct server server;
  uint64_t base;

  server_start (&server, "-t", "1", "256M", NULL);
  nbd = server_connect (&server);
  /* nbdkit's buffer for the connection grows to the longest request. */
  check_reads_byte (nbd, 0, STEP, 0);
  base = server_memory (&server, "Rss");
  test_returned (&server, nbd, trim_at_once, base);
  test_returned (&server, nbd, trim_in_pieces, base);
  test_returned (&server, nbd, zero_at_once, base);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
