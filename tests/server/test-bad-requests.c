/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that no client should send are refused, with the right error, and
 * change nothing: past the end, round the end of all numbers, of 4 GiB less a
 * byte, of no length, with commands and flags that do not exist or do not fit.
 * The connection goes on as if nothing had been; where that cannot be, since
 * nobody knows where the next request begins, it is closed.  Others are served
 * meanwhile, and the server holds no more after it than before.
 */
#include <config.h>

#include <unistd.h>

#include "data.h"
#include "rawnbd.h"
#include "server.h"
#include "witness.h"

/* More than 4 GiB, so that the longest requests lie within the disk. */
#define SIZE (8 * GiB)

/* What must stay as it is. */
#define AREA  WITNESS_SIZE
#define PAGES 16U
#define END   (AREA + PAGES * PAGE)

#define LONGEST 0xffffffffU

static const struct {
  struct raw_request request;
  uint32_t error;
} answered[] = {
    /* Past the end, and around. */
    {{.type = RAW_READ, .offset = SIZE, .count = 1}, RAW_EINVAL},
    {{.type = RAW_READ, .offset = SIZE - 1, .count = 2}, RAW_EINVAL},
    {{.type = RAW_READ, .offset = UINT64_MAX, .count = 1}, RAW_EINVAL},
    {{.type = RAW_READ, .offset = UINT64_MAX, .count = LONGEST}, RAW_EINVAL},
    {{.type = RAW_READ, .offset = INT64_MAX, .count = PAGE}, RAW_EINVAL},
    {{.type = RAW_READ, .offset = -AREA, .count = END}, RAW_EINVAL},
    {{.type = RAW_WRITE, .offset = SIZE, .count = PAGE}, RAW_ENOSPC},
    {{.type = RAW_WRITE, .offset = SIZE - 1, .count = PAGE}, RAW_ENOSPC},
    {{.type = RAW_WRITE, .offset = UINT64_MAX, .count = PAGE}, RAW_ENOSPC},
    {{.type = RAW_WRITE, .offset = -PAGE, .count = END}, RAW_ENOSPC},
    {{.type = RAW_TRIM, .offset = SIZE - 1, .count = LONGEST}, RAW_EINVAL},
    {{.type = RAW_TRIM, .offset = -PAGE, .count = END}, RAW_EINVAL},
    {{.type = RAW_WRITE_ZEROES, .offset = SIZE - 1, .count = LONGEST},
     RAW_ENOSPC},
    {{.type = RAW_WRITE_ZEROES, .offset = -PAGE, .count = END}, RAW_ENOSPC},
    {{.type = RAW_CACHE, .offset = SIZE - 1, .count = LONGEST}, RAW_EINVAL},
    {{.type = RAW_BLOCK_STATUS, .offset = SIZE - 1, .count = LONGEST},
     RAW_EINVAL},

    /* As long as can be: nbdkit reads and writes 64 MiB at most. */
    {{.type = RAW_READ, .offset = END, .count = LONGEST}, RAW_ENOMEM},
    {{.type = RAW_READ, .offset = END, .count = 64 * MiB + 1}, RAW_ENOMEM},
    {{.type = RAW_WRITE, .offset = AREA, .count = 64 * MiB + 1}, RAW_ENOMEM},
    {{.type = RAW_TRIM, .offset = END, .count = LONGEST}, 0},
    {{.type = RAW_WRITE_ZEROES, .offset = END, .count = LONGEST}, 0},
    {{.type = RAW_CACHE, .offset = 0, .count = LONGEST}, 0},

    /* Of no length. */
    {{.type = RAW_READ, .offset = AREA}, RAW_EINVAL},
    {{.type = RAW_WRITE, .offset = AREA}, RAW_ENOSPC},
    {{.type = RAW_TRIM, .offset = AREA}, RAW_EINVAL},
    {{.type = RAW_WRITE_ZEROES, .offset = AREA}, RAW_ENOSPC},
    {{.type = RAW_CACHE, .offset = AREA}, RAW_EINVAL},

    /* What was not negotiated, and what does not exist. */
    {{.type = RAW_BLOCK_STATUS, .offset = AREA, .count = PAGE}, RAW_EINVAL},
    {{.type = RAW_FLUSH, .offset = AREA, .count = PAGE}, RAW_EINVAL},
    {{.type = RAW_NO_SUCH_COMMAND, .offset = AREA, .count = PAGE}, RAW_EINVAL},
    {{.type = 0xffff, .offset = AREA, .count = LONGEST}, RAW_EINVAL},
    {{.type = RAW_READ, .flags = RAW_DF, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_WRITE, .flags = RAW_DF, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_WRITE, .flags = RAW_NO_HOLE, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_WRITE, .flags = RAW_FAST_ZERO, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_WRITE, .flags = 0xffff, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_TRIM, .flags = RAW_REQ_ONE, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_TRIM, .flags = RAW_NO_HOLE, .offset = AREA, .count = PAGE},
     RAW_EINVAL},
    {{.type = RAW_WRITE_ZEROES,
      .flags = RAW_NO_SUCH_FLAG,
      .offset = AREA,
      .count = PAGE},
     RAW_EINVAL},
};

/* Those after which a connection means nothing. */
static const struct raw_request closing[] = {
    {.magic = 1, .type = RAW_READ, .offset = AREA, .count = PAGE},
    {.magic = 0x67446698, .type = RAW_WRITE, .offset = AREA, .count = PAGE},
    {.magic = 0x13956025, .type = RAW_TRIM, .offset = AREA, .count = PAGE},
    {.type = RAW_WRITE, .offset = AREA, .count = LONGEST},
    {.type = RAW_DISC, .offset = AREA, .count = LONGEST, .flags = 0xffff},
};

static unsigned char content[PAGES * PAGE]; /* of the area */

/* The connection is still in step. */
static void
check_content (int fd)
{
  const struct raw_request request = {
      .type = RAW_READ, .offset = AREA, .count = sizeof content};
  unsigned char *actual = buffer_new (sizeof content);

  CHECK (raw_ask (fd, &request));
  CHECK (raw_answer (fd) == 0);
  CHECK (raw_receive (fd, actual, sizeof content));
  check_same (actual, content, sizeof content, AREA);
  free (actual);
}

static void
test_answered (int fd)
{
  unsigned char *payload = buffer_new (64 * MiB + 1);
  uint32_t error;

  data_fill (payload, 64 * MiB + 1, DATA_RANDOM, 2);
  for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
    const struct raw_request *const request = &answered[i].request;

    CHECK (raw_ask (fd, request));
    if (request->type == RAW_WRITE)
      CHECK (raw_send (fd, payload, request->count));
    error = raw_answer (fd);
    if (error != answered[i].error)
      fail ("request %zu of the table is answered with %u, not %u", i, error,
            answered[i].error);
    check_content (fd);
  }
  free (payload);
}

static void
test_closing (const struct server *server)
{
  for (size_t i = 0; i < sizeof closing / sizeof *closing; i++) {
    const int fd = raw_open (server);

    CHECK (raw_ask (fd, &closing[i]));
    raw_must_be_closed (fd);
    close (fd);
  }
}

static void
test_threads (unsigned threads)
{
  struct witness witness;
  struct nbd_handle *nbd;
  struct server server;
  int fd;

  nbd = witness_start_all (&witness, &server, threads, "8G", content,
                           sizeof content);
  fd = raw_open (&server);
  test_answered (fd);
  test_closing (&server);
  check_content (fd);
  close (fd);
  check_read (nbd, content, sizeof content, AREA);
  witness_stop (&witness);
  check_reads_byte (nbd, 0, MiB, END);
  check_reads_byte (nbd, 0, MiB, SIZE - MiB);
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
