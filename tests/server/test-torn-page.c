/* SPDX-License-Identifier: BSD-3-Clause */
/* A page is never torn: while several connections overwrite the same few pages,
 * each with patterns of its own and of every kind, every page that is read is
 * one pattern from its first byte to its last; and it is not empty for a moment
 * while the new takes the old one's place.
 *
 * A pattern is made from a number that is the page's first word, so a reader
 * needs to know nothing of the writers.
 */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "data.h"
#include "server.h"

#define PAGES    8U
#define WRITERS  3U
#define READERS  3U
#define LONGEST  3U
#define REQUESTS 8000U

struct worker {
  const struct server *server;
  int zeros;      /* pages are trimmed and zeroed, too */
  uint64_t state; /* of its random numbers */
  pthread_t thread;
};

/* The pattern of number SEED; zeros are a pattern, too. */
static void
pattern_make (unsigned char *page, uint64_t seed)
{
  static const enum data_kind kinds[] = {DATA_SAME, DATA_TEXT, DATA_TEXT,
                                         DATA_RANDOM};

  if (seed == 0) {
    memset (page, 0, PAGE);
    return;
  }
  data_fill (page, PAGE, kinds[seed % 4], seed);
  if (kinds[seed % 4] != DATA_SAME) {
    memcpy (page, &seed, sizeof seed);
    return;
  }
  for (size_t i = 0; i < PAGE; i += sizeof seed)
    memcpy (page + i, &seed, sizeof seed);
}

static void
pattern_check (const unsigned char *page, int zeros, uint64_t offset)
{
  unsigned char expected[PAGE];
  uint64_t seed;

  memcpy (&seed, page, sizeof seed);
  if (seed == 0 && !zeros)
    fail ("the page at %llu is empty", (unsigned long long) offset);
  pattern_make (expected, seed);
  check_same (page, expected, PAGE, offset);
}

static void
write_some (struct nbd_handle *nbd, int zeros, uint64_t *state)
{
  const uint64_t count = 1 + random_below (state, LONGEST);
  const uint64_t offset = random_below (state, PAGES - count + 1) * PAGE;
  unsigned char buf[LONGEST * PAGE];

  switch (zeros ? random_below (state, 16) : 2) {
  case 0:
    NBD_OK (nbd_trim (nbd, count * PAGE, offset, 0));
    break;
  case 1:
    NBD_OK (nbd_zero (nbd, count * PAGE, offset, 0));
    break;
  default:
    for (uint64_t i = 0; i < count; i++)
      pattern_make (buf + i * PAGE, random_next (state));
    NBD_OK (nbd_pwrite (nbd, buf, count * PAGE, offset, 0));
  }
}

static void *
writer (void *arg)
{
  struct worker *worker = arg;
  struct nbd_handle *nbd = server_connect (worker->server);

  for (unsigned i = 0; i < REQUESTS; i++)
    write_some (nbd, worker->zeros, &worker->state);
  nbd_close (nbd);
  return NULL;
}

/* Requests that need not start or end at a page; only whole pages count. */
static void *
reader (void *arg)
{
  struct worker *worker = arg;
  struct nbd_handle *nbd = server_connect (worker->server);
  unsigned char buf[PAGES * PAGE];

  for (unsigned i = 0; i < REQUESTS; i++) {
    const uint64_t start = random_below (&worker->state, (PAGES - 1) * PAGE);
    const uint64_t end =
        start + 1 + random_below (&worker->state, PAGES * PAGE - start);
    uint64_t at = (start + PAGE - 1) / PAGE * PAGE;

    NBD_OK (nbd_pread (nbd, buf, end - start, start, 0));
    for (; at + PAGE <= end; at += PAGE)
      pattern_check (buf + (at - start), worker->zeros, at);
  }
  nbd_close (nbd);
  return NULL;
}

/* No page is empty when the readers begin. */
static void
fill_pages (const struct server *server)
{
  struct nbd_handle *nbd = server_connect (server);
  unsigned char page[PAGE];

  for (uint64_t i = 0; i < PAGES; i++) {
    pattern_make (page, i + 1);
    NBD_OK (nbd_pwrite (nbd, page, PAGE, i * PAGE, 0));
  }
  nbd_close (nbd);
}

static void
test_algorithm (const char *parameter, int zeros)
{
  struct worker workers[WRITERS + READERS];
  struct server server;

  server_start (&server, "1M", parameter, NULL);
  fill_pages (&server);
  for (size_t i = 0; i < WRITERS + READERS; i++) {
    workers[i].server = &server;
    workers[i].zeros = zeros;
    workers[i].state = i;
    CHECK (pthread_create (&workers[i].thread, NULL,
                           i < WRITERS ? writer : reader, &workers[i]) == 0);
  }
  for (size_t i = 0; i < WRITERS + READERS; i++)
    CHECK (pthread_join (workers[i].thread, NULL) == 0);
  server_stop (&server);
}

int
main (void)
{
  test_algorithm ("comp_algorithm=lz4", 1);
  test_algorithm ("comp_algorithm=lz4", 0);
  test_algorithm ("comp_algorithm=zstd", 1);
  test_algorithm ("comp_algorithm=zstd", 0);
  return EXIT_SUCCESS;
}
