/* SPDX-License-Identifier: BSD-3-Clause */
/* At mem_limit a write fails with ENOSPC (not EIO, nor EINVAL), and whatever
 * was there before is still there.  Reads, same-filled pages and trims go on
 * working, and what a trim gives back can be used again.  The log has a line or
 * two of it, not one for every failed request.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define PAGES    4096U
#define LIMIT    (4U << 20)
#define MAX_LOGS 2U

static void
page_fill (unsigned char *page, uint64_t seed)
{
  data_fill (page, PAGE, DATA_RANDOM, seed);
}

/* Write incompressible pages until one is refused; returns how many fit. */
static unsigned
fill_up (struct nbd_handle *nbd)
{
  unsigned char page[PAGE];

  for (unsigned i = 0; i < PAGES; i++) {
    page_fill (page, i);
    if (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0) == 0)
      continue;
    if (nbd_get_errno () != ENOSPC)
      fail ("page %u: %s; expected ENOSPC", i, nbd_get_error ());
    return i;
  }
  fail ("%u pages that do not compress fitted below mem_limit", PAGES);
}

/* Pages 0 to N-1 are as fill_up wrote them, the others were never written. */
static void
check_content (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];

  for (unsigned i = 0; i < n; i++) {
    page_fill (page, i);
    check_read (nbd, page, PAGE, (uint64_t) i * PAGE);
  }
  check_reads_byte (nbd, 0, (PAGES - n) * PAGE, (uint64_t) n * PAGE);
}

/* Refused, whole pages and parts of them, of used pages and of unused. */
static void
test_refused (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];
  unsigned refused = 0;

  page_fill (page, 99999);
  for (unsigned i = n; i < PAGES; i++) {
    NBD_REFUSED (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0), ENOSPC);
    refused++;
  }
  NBD_REFUSED (nbd_pwrite (nbd, page, PAGE - 1, (uint64_t) n * PAGE + 1, 0),
               ENOSPC);
  CHECK (refused > 1000);
  check_content (nbd, n);
}

/* Write incompressible pages after the first N until there is no room. */
static void
fill_rest (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];

  for (unsigned i = n;; i++) {
    page_fill (page, i);
    if (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0) == -1)
      break;
  }
  CHECK (nbd_get_errno () == ENOSPC);
}

/* Content that takes little room, or none, is kept when there is not enough for
 * what was to take its place, which freeing it first would not have made. */
static void
test_small_kept (struct nbd_handle *nbd, unsigned n, enum data_kind kind)
{
  unsigned char old[PAGE], new[PAGE];
  const unsigned few = 64, first = n - few;
  const uint64_t offset = (uint64_t) first * PAGE;

  NBD_OK (nbd_trim (nbd, few * PAGE, offset, 0));
  data_fill (old, PAGE, kind, 1);
  page_fill (new, first);
  NBD_OK (nbd_pwrite (nbd, old, PAGE, offset, 0));
  fill_rest (nbd, first + 1);
  NBD_REFUSED (nbd_pwrite (nbd, new, PAGE, offset, 0), ENOSPC);
  check_read (nbd, old, PAGE, offset);
  NBD_REFUSED (nbd_pwrite (nbd, new, PAGE - 9, offset + 9, 0), ENOSPC);
  check_read (nbd, old, PAGE, offset);

  NBD_OK (nbd_trim (nbd, (uint64_t) (PAGES - first) * PAGE, offset, 0));
  for (unsigned i = first; i < n; i++) {
    page_fill (new, i);
    NBD_OK (nbd_pwrite (nbd, new, PAGE, (uint64_t) i * PAGE, 0));
  }
  check_content (nbd, n);
}

/* A request over two pages, the second of which cannot be stored: each of them
 * is old or new, and the server says ENOSPC. */
static void
test_refused_half_way (struct nbd_handle *nbd, unsigned n)
{
  unsigned char pages[2 * PAGE], actual[2 * PAGE];
  const uint64_t offset = (uint64_t) (n - 1) * PAGE;

  memset (pages, 0x77, PAGE);
  page_fill (pages + PAGE, 99999);
  NBD_REFUSED (nbd_pwrite (nbd, pages + PAGE, PAGE, offset + PAGE, 0), ENOSPC);
  if (nbd_pwrite (nbd, pages, sizeof pages, offset, 0) == 0) {
    /* The first page's room was enough for the second one. */
    check_read (nbd, pages, sizeof pages, offset);
    NBD_OK (nbd_trim (nbd, PAGE, offset + PAGE, 0));
  }
  else {
    CHECK (nbd_get_errno () == ENOSPC);
    NBD_OK (nbd_pread (nbd, actual, sizeof actual, offset, 0));
    check_filled (actual + PAGE, 0, PAGE, offset + PAGE);
    page_fill (pages + PAGE, n - 1);
    if (memcmp (actual, pages, PAGE) != 0)
      check_same (actual, pages + PAGE, PAGE, offset);
  }
  page_fill (pages, n - 1);
  NBD_OK (nbd_pwrite (nbd, pages, PAGE, offset, 0));
  check_content (nbd, n);
}

/* A page at the limit is overwritten, or keeps every byte. */
static void
test_overwrite (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];

  for (unsigned i = 0; i < n; i++) {
    page_fill (page, i + 100000);
    if (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0) == -1) {
      CHECK (nbd_get_errno () == ENOSPC);
      page_fill (page, i);
    }
    check_read (nbd, page, PAGE, (uint64_t) i * PAGE);
    /* Back to what check_content looks for: trimming makes the room. */
    NBD_OK (nbd_trim (nbd, PAGE, (uint64_t) i * PAGE, 0));
    page_fill (page, i);
    NBD_OK (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0));
  }
  check_content (nbd, n);
}

/* They take nothing from the pool. */
static void
test_same_filled_fit (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];

  memset (page, 0x5a, PAGE);
  for (unsigned i = n; i < PAGES; i++)
    NBD_OK (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0));
  check_reads_byte (nbd, 0x5a, (PAGES - n) * PAGE, (uint64_t) n * PAGE);
  NBD_OK (
      nbd_trim (nbd, (uint64_t) (PAGES - n) * PAGE, (uint64_t) n * PAGE, 0));
  check_content (nbd, n);
}

static void
test_trim_makes_room (struct nbd_handle *nbd, unsigned n)
{
  unsigned char page[PAGE];

  NBD_OK (nbd_trim (nbd, (uint64_t) PAGES * PAGE, 0, 0));
  for (unsigned i = 0; i < n; i++) {
    page_fill (page, i);
    NBD_OK (nbd_pwrite (nbd, page, PAGE, (uint64_t) i * PAGE, 0));
  }
  check_content (nbd, n);
}

int
main (void)
{
  struct nbd_handle *nbd;
  struct server server;
  unsigned n;

  server_start (&server, "16M", "mem_limit=4M", NULL);
  nbd = server_connect (&server);
  n = fill_up (nbd);
  printf ("%u pages fitted below mem_limit=4M\n", n);
  CHECK (n <= LIMIT / PAGE);
  CHECK (n >= LIMIT / PAGE / 8 * 7);
  check_content (nbd, n);
  test_refused (nbd, n);
  test_small_kept (nbd, n, DATA_SAME);
  test_small_kept (nbd, n, DATA_TEXT);
  test_refused_half_way (nbd, n);
  test_overwrite (nbd, n);
  test_same_filled_fit (nbd, n);
  test_trim_makes_room (nbd, n);
  CHECK (server_log_count (&server, "error") <= MAX_LOGS);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
