/* SPDX-License-Identifier: BSD-3-Clause */
/* What is written is read back, whatever the alignment, the length and the
 * kind of data, and nothing beside it changes.  No block size is imposed on
 * clients, and a client may ignore the preferred one anyway.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define SIZE (1U << 20)

static const struct {
  uint64_t offset;
  size_t count;
} ranges[] = {
    {0, PAGE},                     /* a page */
    {PAGE, 16 * PAGE},             /* pages */
    {0, 1},                        /* the first byte */
    {SIZE - 1, 1},                 /* the last byte */
    {PAGE - 1, 2},                 /* two pages, a byte of each */
    {5 * PAGE + 1, PAGE - 2},      /* inside a page */
    {5 * PAGE + 512, 512},         /* a sector */
    {7 * PAGE, 100},               /* the start of a page */
    {8 * PAGE - 100, 100},         /* the end of a page */
    {9 * PAGE + 7, 5 * PAGE - 13}, /* an edge, pages, an edge */
    {SIZE - PAGE - 1, PAGE + 1},   /* up to the end */
    {3, SIZE - 5},                 /* nearly everything */
    {0, SIZE},                     /* everything */
};

#define NR_RANGES (sizeof ranges / sizeof ranges[0])

/* Write and compare the whole disk after every request. */
static void
write_all_ranges (struct nbd_handle *nbd, unsigned char *model,
                  enum data_kind kind)
{
  for (size_t i = 0; i < NR_RANGES; i++) {
    unsigned char *part = model + ranges[i].offset;

    data_fill (part, ranges[i].count, kind, i);
    NBD_OK (nbd_pwrite (nbd, part, ranges[i].count, ranges[i].offset, 0));
    check_read (nbd, model, SIZE, 0);
  }
}

static void
read_all_ranges (struct nbd_handle *nbd, const unsigned char *model)
{
  for (size_t i = 0; i < NR_RANGES; i++)
    check_read (nbd, model + ranges[i].offset, ranges[i].count,
                ranges[i].offset);
}

/* Every kind over every other one. */
static void
test_ranges (struct nbd_handle *nbd, unsigned char *model)
{
  for (int before = 0; before < DATA_KINDS; before++)
    for (int after = 0; after < DATA_KINDS; after++) {
      data_fill (model, SIZE, (enum data_kind) before, 4711);
      NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
      write_all_ranges (nbd, model, (enum data_kind) after);
      read_all_ranges (nbd, model);
    }
}

/* One byte in each page of a disk of one kind, then the old byte again: pages
 * go from one way of being stored to another and back. */
static void
test_one_byte_changes (struct nbd_handle *nbd, unsigned char *model)
{
  for (int kind = 0; kind < DATA_KINDS; kind++) {
    data_fill (model, SIZE, (enum data_kind) kind, 42);
    NBD_OK (nbd_pwrite (nbd, model, SIZE, 0, 0));
    for (int again = 0; again < 2; again++) {
      for (uint64_t at = 0; at < SIZE; at += PAGE + 1) {
        model[at] ^= 0xff;
        NBD_OK (nbd_pwrite (nbd, model + at, 1, at, 0));
      }
      check_read (nbd, model, SIZE, 0);
    }
  }
}

static void
test_algorithm (const char *parameter)
{
  unsigned char *model = buffer_new (SIZE);
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "1M", parameter, NULL);
  nbd = server_connect (&server);
  CHECK (nbd_get_size (nbd) == SIZE);
  NBD_YES (nbd_is_read_only (nbd) == 0);

  memset (model, 0, SIZE);
  check_read (nbd, model, SIZE, 0);
  read_all_ranges (nbd, model);
  test_ranges (nbd, model);
  test_one_byte_changes (nbd, model);

  nbd_close (nbd);
  server_stop (&server);
  free (model);
}

int
main (void)
{
  test_algorithm ("comp_algorithm=lz4");
  test_algorithm ("comp_algorithm=zstd");
  return EXIT_SUCCESS;
}
