/* SPDX-License-Identifier: BSD-3-Clause */
/* A client may go at any byte: of what it says to begin with, of a request, of
 * what it writes.  A request that was not there whole has not happened; of one
 * that was, each page is as before or as written, never something between.  The
 * server lives, others are served meanwhile, and nothing of it stays.
 *
 * (What ends nbdkit before 1.34 is kept out: several replies under way to a
 * client that is gone, with more than one thread for it.  See test-stalled.c.)
 */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "data.h"
#include "rawnbd.h"
#include "server.h"
#include "witness.h"

/* What broken clients write to: parts of the first and the last page. */
#define PAGES  5U
#define AREA   WITNESS_SIZE
#define OFFSET (AREA + 1000)
#define LEN    (4U * PAGE - 500)

#define WHOLE_WRITES 100U

/* How far a client gets with what it writes: page by page, and odd numbers. */
static const size_t written[] = {
    0,           1,          999,        1000,     3095,    3096,     3097,
    PAGE,        PAGE + 1,   7191,       7192,     7193,    2 * PAGE, 11288,
    LEN / 2 + 1, LEN - 3596, LEN - PAGE, LEN - 28, LEN - 1,
};

static unsigned char content[PAGES * PAGE]; /* of the area */

/* The first N bytes of the client's side, then no more.  LISTENS: it has
 * received the server's greeting, so that none is left when it goes. */
static void
break_handshake (const struct server *server, size_t n, bool listens)
{
  unsigned char greeting[RAW_GREETING_SIZE], bytes[RAW_HANDSHAKE_SIZE];
  const int fd = raw_connect (server);

  raw_handshake (bytes);
  if (listens)
    CHECK (raw_receive (fd, greeting, sizeof greeting));
  CHECK (raw_send (fd, bytes, n));
  close (fd);
}

static void
test_handshake (const struct server *server)
{
  for (size_t n = 0; n <= RAW_HANDSHAKE_SIZE; n++) {
    break_handshake (server, n, true);
    break_handshake (server, n, false);
  }
}

static void
break_header (const struct server *server, unsigned type, size_t n)
{
  const struct raw_request request = {
      .type = (uint16_t) type, .offset = OFFSET, .count = LEN};
  unsigned char bytes[RAW_REQUEST_SIZE];
  const int fd = raw_open (server);

  raw_encode (bytes, &request);
  CHECK (raw_send (fd, bytes, n));
  close (fd);
}

/* The last byte is never sent, or some of them would do something. */
static void
test_header (const struct server *server)
{
  for (unsigned type = 0; type <= RAW_NO_SUCH_COMMAND; type++)
    for (size_t n = 0; n < RAW_REQUEST_SIZE; n++)
      break_header (server, type, n);
  /* These change nothing. */
  break_header (server, RAW_READ, RAW_REQUEST_SIZE);
  break_header (server, RAW_CACHE, RAW_REQUEST_SIZE);
}

/* Send a write, and the first N bytes of what is to be written. */
static void
break_write (const struct server *server, const unsigned char *data, size_t n)
{
  const struct raw_request request = {
      .type = RAW_WRITE, .offset = OFFSET, .count = LEN};
  const int fd = raw_open (server);

  CHECK (raw_ask (fd, &request));
  CHECK (raw_send (fd, data, n));
  close (fd);
}

static void
test_half_writes (const struct server *server, struct nbd_handle *nbd)
{
  unsigned char *data = buffer_new (LEN);

  for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
    data_fill (data, LEN, (enum data_kind) (i % DATA_KINDS), i);
    break_write (server, data, written[i]);
    check_read (nbd, content, sizeof content, AREA);
  }
  free (data);
}

/* Each page of the area is that of CONTENT or of NEW; CONTENT is then what was
 * read. */
static void
check_pages (struct nbd_handle *nbd, const unsigned char *new)
{
  unsigned char *actual = buffer_new (sizeof content);

  NBD_OK (nbd_pread (nbd, actual, sizeof content, AREA, 0));
  for (size_t at = 0; at < sizeof content; at += PAGE)
    if (memcmp (actual + at, new + at, PAGE) != 0)
      check_same (actual + at, content + at, PAGE, AREA + at);
  free (actual);
}

/* Read while it goes on, and again when the client has surely gone. */
static void
test_whole_writes (struct witness *witness, struct nbd_handle *nbd)
{
  unsigned char *new = buffer_new (sizeof content);
  unsigned changed = 0;

  for (unsigned i = 0; i < WHOLE_WRITES; i++) {
    memcpy (new, content, sizeof content);
    data_fill (new + (OFFSET - AREA), LEN, DATA_RANDOM, 100 + i);
    break_write (witness->server, new + (OFFSET - AREA), LEN);
    check_pages (nbd, new);
    footprint_await (&witness->footprint);
    check_pages (nbd, new);
    NBD_OK (nbd_pread (nbd, content, sizeof content, AREA, 0));
    changed += memcmp (content, new, sizeof content) == 0;
  }
  printf ("%u of %u whole writes were done\n", changed, WHOLE_WRITES);
  CHECK (changed > 0);
  free (new);
}

static void
test_threads (unsigned threads)
{
  struct witness witness;
  struct nbd_handle *nbd;
  struct server server;

  nbd = witness_start_all (&witness, &server, threads, "1M", content,
                           sizeof content);
  test_handshake (&server);
  test_header (&server);
  test_half_writes (&server, nbd);
  footprint_await (&witness.footprint);
  check_read (nbd, content, sizeof content, AREA);
  test_whole_writes (&witness, nbd);
  witness_stop (&witness);

  check_reads_byte (nbd, 0, MiB - AREA - sizeof content, AREA + sizeof content);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_threads (1);
  test_threads (16);
  return EXIT_SUCCESS;
}
