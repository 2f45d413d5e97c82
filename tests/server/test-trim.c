/* SPDX-License-Identifier: BSD-3-Clause */
/* Trim drops the whole pages in its range, which read as zeros and are holes
 * from then on; pages that lie only partly in it keep every byte.
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
    {40 * PAGE - 1, 2},
    {50 * PAGE - 3, 10 * PAGE + 6},
    {70 * PAGE + 3, 10 * PAGE - 6},
    {SIZE - PAGE - 1, PAGE + 1},
    {1, SIZE - 2},
    {0, SIZE},
};

static void
test_ranges (struct nbd_handle *nbd, unsigned char *model, uint32_t flags,
             enum data_kind kind)
{
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    const uint64_t end = ranges[i].offset + ranges[i].count;
    const uint64_t first = (ranges[i].offset + PAGE - 1) / PAGE * PAGE;
    const uint64_t last = end / PAGE * PAGE;

    data_fill (model, SIZE, kind, i);
    NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
    if (first < last)
      memset (model + first, 0, last - first);
    NBD_OK (nbd_trim (nbd, ranges[i].count, ranges[i].offset, flags));
    check_read (nbd, model, SIZE, 0);
  }
}

static void
test_trimmed_is_hole (struct nbd_handle *nbd, unsigned char *model)
{
  struct extents extents;

  data_fill (model, SIZE, DATA_RANDOM, 1);
  NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
  NBD_OK (nbd_trim (nbd, 100 * PAGE, 17 * PAGE, 0));
  extents_ask_all (nbd, &extents, SIZE, 0);
  CHECK (extents.n == 3);
  CHECK (extents.e[0].length == 17 * PAGE && extents.e[0].flags == 0);
  CHECK (extents.e[1].length == 100 * PAGE && extents.e[1].flags == HOLE);
  CHECK (extents.e[2].flags == 0);

  /* Dropped pages can be written again. */
  NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
  check_read (nbd, model, SIZE, 0);
}

int
main (void)
{
  unsigned char *model = buffer_new (SIZE);
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "1M", NULL);
  nbd = server_connect (&server);
  NBD_YES (nbd_can_trim (nbd));
  for (int kind = 0; kind < DATA_KINDS; kind++) {
    test_ranges (nbd, model, 0, (enum data_kind) kind);
    test_ranges (nbd, model, LIBNBD_CMD_FLAG_FUA, (enum data_kind) kind);
  }
  test_trimmed_is_hole (nbd, model);
  nbd_close (nbd);
  server_stop (&server);
  free (model);
  return EXIT_SUCCESS;
}
