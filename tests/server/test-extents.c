/* SPDX-License-Identifier: BSD-3-Clause */
/* Block status tells the truth: pages never written, trimmed, zeroed or filled
 * with zeros are holes that read as zeros, all others are data; neighbours that
 * are alike come as one; unaligned questions are answered to the byte; and a
 * question for one extent gets one.
 */
#include <config.h>

#include <string.h>

#include "data.h"
#include "server.h"

#define PAGES 64U
#define SIZE  (PAGES * PAGE)

static void
write_pages (struct nbd_handle *nbd, enum data_kind kind, uint64_t page,
             size_t count)
{
  unsigned char *buf = buffer_new (count * PAGE);

  data_fill (buf, count * PAGE, kind, page);
  NBD_OK (nbd_pwrite (nbd, buf, count * PAGE, page * PAGE, 0));
  free (buf);
}

static void
expect (struct nbd_handle *nbd, uint64_t count, uint64_t offset,
        const char *text)
{
  char actual[1024] = "";
  struct extents extents;
  size_t len = 0;

  extents_ask_all (nbd, &extents, count, offset);
  for (size_t i = 0; i < extents.n && len < sizeof actual; i++)
    len += (size_t) snprintf (actual + len, sizeof actual - len, "%s%c%llu",
                              i ? " " : "",
                              extents.e[i].flags == HOLE ? 'h'
                              : extents.e[i].flags == 0  ? 'd'
                                                         : '?',
                              (unsigned long long) extents.e[i].length);
  if (strcmp (actual, text) != 0)
    fail ("%llu bytes at %llu: extents are \"%s\", not \"%s\"",
          (unsigned long long) count, (unsigned long long) offset, actual,
          text);
}

static void
test_empty (struct nbd_handle *nbd)
{
  expect (nbd, SIZE, 0, "h262144");
  expect (nbd, 1, 4711, "h1");
}

/* Pages: 0-3 empty, 4 same, 5 text, 6 random, 7-8 zeros, 9 text, 10 empty. */
static void
test_kinds (struct nbd_handle *nbd)
{
  write_pages (nbd, DATA_SAME, 4, 1);
  write_pages (nbd, DATA_TEXT, 5, 1);
  write_pages (nbd, DATA_RANDOM, 6, 1);
  write_pages (nbd, DATA_ZERO, 7, 2);
  write_pages (nbd, DATA_TEXT, 9, 1);
  expect (nbd, SIZE, 0, "h16384 d12288 h8192 d4096 h221184");
}

static void
test_unaligned (struct nbd_handle *nbd)
{
  expect (nbd, 1, 4 * PAGE - 1, "h1");
  expect (nbd, 2, 4 * PAGE - 1, "h1 d1");
  expect (nbd, 100, 5 * PAGE + 50, "d100");
  expect (nbd, 4 * PAGE, 6 * PAGE + 1, "d4095 h8192 d4096 h1");
}

/* Data becomes a hole by whichever way it became zeros. */
static void
test_becomes_hole (struct nbd_handle *nbd)
{
  const char byte = 1;

  write_pages (nbd, DATA_RANDOM, 20, 6);
  expect (nbd, 8 * PAGE, 19 * PAGE, "h4096 d24576 h4096");
  write_pages (nbd, DATA_ZERO, 20, 1);
  NBD_OK (nbd_zero (nbd, PAGE, 21 * PAGE, 0));
  NBD_OK (nbd_zero (nbd, PAGE, 22 * PAGE, LIBNBD_CMD_FLAG_NO_HOLE));
  NBD_OK (nbd_trim (nbd, PAGE, 23 * PAGE, 0));
  NBD_OK (nbd_zero (nbd, PAGE / 2, 24 * PAGE, 0));
  NBD_OK (nbd_zero (nbd, PAGE / 2, 24 * PAGE + PAGE / 2, 0));
  expect (nbd, 8 * PAGE, 19 * PAGE, "h24576 d4096 h4096");

  NBD_OK (nbd_pwrite (nbd, &byte, 1, 22 * PAGE + 5, 0));
  expect (nbd, 8 * PAGE, 19 * PAGE, "h12288 d4096 h8192 d4096 h4096");
}

static void
test_one_extent (struct nbd_handle *nbd)
{
  struct extents extents;

  extents_ask (nbd, &extents, 4 * PAGE, 3 * PAGE, LIBNBD_CMD_FLAG_REQ_ONE);
  CHECK (extents.n == 1);
  CHECK (extents.e[0].flags == HOLE);
  CHECK (extents.e[0].length == PAGE);
  extents_ask (nbd, &extents, 4 * PAGE, 4 * PAGE, LIBNBD_CMD_FLAG_REQ_ONE);
  CHECK (extents.n == 1);
  CHECK (extents.e[0].flags == 0);
  CHECK (extents.e[0].length >= 1 && extents.e[0].length <= 3 * PAGE);
}

int
main (void)
{
  struct nbd_handle *nbd;
  struct server server;

  server_start (&server, "256K", NULL);
  nbd = server_connect (&server);
  NBD_YES (nbd_can_meta_context (nbd, LIBNBD_CONTEXT_BASE_ALLOCATION));
  test_empty (nbd);
  test_kinds (nbd);
  test_unaligned (nbd);
  test_one_extent (nbd);
  test_becomes_hole (nbd);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
