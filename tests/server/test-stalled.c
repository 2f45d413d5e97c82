/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that stop in the middle, and stay: before they have said anything, in
 * the middle of a request or of what they write, or as they take no answers.
 * Each holds what is its own, a buffer for each thread, as the manual has it,
 * and keeps nobody else waiting; and it is all back when they have gone, or
 * when they have gone on after all.
 *
 * nbdkit 1.32 with several threads for each connection aborts
 * ("raw_send_socket: Assertion `sock >= 0' failed") when a client goes that has
 * not taken several answers: the first thread that cannot send closes the
 * socket, and the next one asserts that it is open.  The plugin has no part in
 * it: it is so with "nbdkit -t16 memory 64M" and a client that sends two reads
 * of 8 MiB, waits a moment, and closes its socket without reading.  So where
 * there are several threads, a client here takes its answers before it goes.
 */
#include <config.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "data.h"
#include "rawnbd.h"
#include "server.h"
#include "witness.h"

#define AREA   WITNESS_SIZE
#define DATA   FOOTPRINT_REQUEST /* of the area, with something in it */
#define LEN    (32 * MiB)        /* of each read */
#define MARGIN (8 * MiB)

#define CLIENTS 4U
#define READS   8U /* of each */

/* Where a client stops: bytes that it has sent. */
static const size_t stops[] = {
    0,
    3,
    RAW_HANDSHAKE_SIZE - 1,
    RAW_HANDSHAKE_SIZE,
    RAW_HANDSHAKE_SIZE + 1,
    RAW_HANDSHAKE_SIZE + RAW_REQUEST_SIZE - 1,
    RAW_HANDSHAKE_SIZE + RAW_REQUEST_SIZE,
    RAW_HANDSHAKE_SIZE + RAW_REQUEST_SIZE + PAGE + 1,
    RAW_HANDSHAKE_SIZE + RAW_REQUEST_SIZE + 2 * PAGE - 1,
};

#define STOPS (sizeof stops / sizeof *stops)

static unsigned char content[DATA];

/* A client that stops after N bytes of what would be a write. */
static int
stop_after (const struct server *server, size_t n)
{
  const struct raw_request request = {
      .type = RAW_WRITE, .offset = AREA, .count = 2 * PAGE};
  unsigned char bytes[RAW_HANDSHAKE_SIZE + RAW_REQUEST_SIZE + 2 * PAGE];
  const int fd = raw_connect (server);

  memset (bytes, 0xee, sizeof bytes);
  raw_handshake (bytes);
  raw_encode (bytes + RAW_HANDSHAKE_SIZE, &request);
  CHECK (raw_send (fd, bytes, n));
  return fd;
}

static void
test_silent (struct witness *witness, struct nbd_handle *nbd)
{
  int fds[CLIENTS * STOPS];

  for (size_t i = 0; i < CLIENTS * STOPS; i++)
    fds[i] = stop_after (witness->server, stops[i % STOPS]);
  witness_await (witness);
  check_read (nbd, content, DATA, AREA);
  for (size_t i = 0; i < CLIENTS * STOPS; i++)
    close (fds[i]);
  footprint_await (&witness->footprint);
  check_read (nbd, content, DATA, AREA);
}

/* Ask for much more than a socket holds. */
static int
ask_for_much (const struct server *server)
{
  const struct raw_request request = {
      .type = RAW_READ, .offset = AREA, .count = LEN};
  const int fd = raw_open (server);

  for (unsigned i = 0; i < READS; i++)
    CHECK (raw_ask (fd, &request));
  return fd;
}

static void
take_answers (int fd)
{
  unsigned char *buf = buffer_new (LEN);

  for (unsigned i = 0; i < READS; i++) {
    CHECK (raw_answer (fd) == 0);
    CHECK (raw_receive (fd, buf, LEN));
    check_same (buf, content, DATA, AREA);
    check_filled (buf + DATA, 0, LEN - DATA, AREA + DATA);
  }
  free (buf);
}

struct growing {
  const struct server *server;
  uint64_t memory;
};

static int
has_grown (void *arg)
{
  const struct growing *growing = arg;

  return server_memory (growing->server, "Rss") >= growing->memory;
}

/* BUFFERS of them are in use, and there are no more, however long one waits. */
static void
await_buffers (struct witness *witness, uint64_t base, unsigned buffers)
{
  struct growing growing = {witness->server, base + buffers * LEN - MARGIN};

  wait_until (has_grown, &growing, "slow readers to use their buffers");
  for (unsigned i = 0; i < 4; i++)
    witness_await (witness);
  CHECK (server_memory (witness->server, "Rss") <
         base + buffers * LEN + MARGIN);
}

/* All but one go without their answers, if they MAY_GO. */
static void
test_slow_readers (struct witness *witness, unsigned clients, unsigned threads,
                   bool may_go)
{
  const uint64_t base = server_memory (witness->server, "Rss");
  int fds[CLIENTS];

  for (unsigned i = 0; i < clients; i++)
    fds[i] = ask_for_much (witness->server);
  await_buffers (witness, base, clients * threads);
  for (unsigned i = 0; i < clients; i++) {
    if (i == 0 || !may_go)
      take_answers (fds[i]);
    close (fds[i]);
  }
  footprint_await (&witness->footprint);
}

/* A client that writes the same page again and again and takes no answers,
 * until the server takes no more either. */
static void
test_slow_writer (struct witness *witness, struct nbd_handle *nbd)
{
  const struct raw_request request = {
      .type = RAW_WRITE, .offset = AREA, .count = PAGE};
  const int fd = raw_open (witness->server);
  unsigned char bytes[RAW_REQUEST_SIZE + PAGE];
  const size_t len = sizeof bytes;

  raw_encode (bytes, &request);
  data_fill (content, PAGE, DATA_RANDOM, 2);
  memcpy (bytes + RAW_REQUEST_SIZE, content, PAGE);
  CHECK (raw_send (fd, bytes, len));
  CHECK (raw_answer (fd) == 0);
  /* It may be slow to take what it has room for; then this ends sooner. */
  while (send (fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t) len)
    witness_await (witness);
  witness_await (witness);
  check_read (nbd, content, DATA, AREA);
  close (fd);
  footprint_await (&witness->footprint);
  check_read (nbd, content, DATA, AREA);
}

/* For each connection THREADS, and CLIENTS slow readers.  MAY_GO: they need not
 * take their answers first. */
static void
test_threads (unsigned threads, unsigned clients, bool may_go)
{
  struct witness witness;
  struct nbd_handle *nbd;
  struct server server;

  nbd = witness_start_all (&witness, &server, threads, "64M", content, DATA);
  test_silent (&witness, nbd);
  test_slow_readers (&witness, clients, threads, may_go);
  if (may_go)
    test_slow_writer (&witness, nbd);

  witness_stop (&witness);
  nbd_close (nbd);
  server_stop (&server);
}

int
main (void)
{
  test_threads (1, CLIENTS, true);
  test_threads (4, 1, false);
  return EXIT_SUCCESS;
}
