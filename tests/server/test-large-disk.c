/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk of 1 TiB, and one of 16 TiB, the most there can be, cost next to
 * nothing until they are used, can be used at both ends and between, and can be
 * trimmed from end to end.
 */
#include <config.h>

#include "data.h"
#include "server.h"
#include "zeropage.h"

/* What nbdkit, its libraries and its threads need, and then some: a slot table
 * made in advance would be 4 GiB for 1 TiB. */
#define FEW (4 * MiB)

#define LONGEST (4 * GiB - PAGE)

/* It has read so many pages of its tables that were never written: a page of
 * counts stands for a gigabyte of disk. */
static void
check_memory (const struct server *server, const char *when, uint64_t read)
{
  const uint64_t bytes = server_memory (server, "Anonymous");

  printf ("%s: %llu KiB\n", when, (unsigned long long) (bytes / KiB));
  if (bytes > FEW + zeropage_read_cost (read))
    fail ("%s the server holds %llu bytes", when, (unsigned long long) bytes);
}

static void
use_few_pages (struct nbd_handle *nbd, uint64_t size)
{
  const uint64_t offsets[] = {
      0, PAGE, size / 2 - 3 * PAGE, size / 2, size - 2 * PAGE, size - PAGE,
  };
  unsigned char page[PAGE];

  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    data_fill (page, PAGE, DATA_TEXT, offsets[i]);
    NBD_OK (nbd_pwrite (nbd, page, PAGE, offsets[i], 0));
  }
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    data_fill (page, PAGE, DATA_TEXT, offsets[i]);
    check_read (nbd, page, PAGE, offsets[i]);
  }
  check_reads_byte (nbd, 0, 16 * PAGE, size / 2 + PAGE);
}

static void
trim_all (struct nbd_handle *nbd, uint64_t size)
{
  struct extents extents;
  uint64_t count;

  for (uint64_t at = 0; at < size; at += count) {
    count = size - at < LONGEST ? size - at : LONGEST;
    NBD_OK (nbd_trim (nbd, count, at, 0));
    extents_ask_all (nbd, &extents, count, at);
    CHECK (extents.n == 1 && extents.e[0].flags == HOLE);
  }
}

static void
test_disk (const char *disksize, uint64_t size)
{
  struct nbd_handle *nbd;
  struct server server;

  printf ("%s\n", disksize);
  server_start (&server, disksize, NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_size (nbd) == (int64_t) size);
  check_memory (&server, "unused", 0);
  use_few_pages (nbd, size);
  check_memory (&server, "with a few pages", 0);
  trim_all (nbd, size);
  check_memory (&server, "trimmed", size / GiB);
  check_reads_byte (nbd, 0, PAGE, size - PAGE);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_disk ("1T", TiB);
  test_disk ("16T", 16 * TiB);
  return EXIT_SUCCESS;
}
