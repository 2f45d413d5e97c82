/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that write different parts of the same pages do not undo each
 * other's writes, though each of them rewrites the whole page.
 */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "data.h"
#include "server.h"

#define WRITERS  8U
#define PART     (PAGE / WRITERS)
#define PAGES    3U
#define REQUESTS 4000U

struct writer {
  const struct server *server;
  unsigned number;
  pthread_t thread;
  unsigned char content[PAGES][PART]; /* of its part of every page */
};

static void
write_part (struct nbd_handle *nbd, struct writer *writer, uint64_t *state)
{
  const uint64_t page = random_below (state, PAGES);
  const uint64_t offset = page * PAGE + writer->number * PART;
  unsigned char *content = writer->content[page];

  if (random_below (state, 4) == 0) {
    memset (content, 0, PART);
    NBD_OK (nbd_zero (nbd, PART, offset, 0));
  }
  else {
    data_fill (content, PART, (enum data_kind) random_below (state, DATA_KINDS),
               random_next (state));
    NBD_OK (nbd_pwrite (nbd, content, PART, offset, 0));
  }
}

static void
check_part (struct nbd_handle *nbd, const struct writer *writer, uint64_t page)
{
  check_read (nbd, writer->content[page], PART,
              page * PAGE + writer->number * PART);
}

static void *
writer_run (void *arg)
{
  struct writer *writer = arg;
  struct nbd_handle *nbd = server_connect (writer->server);
  uint64_t state = writer->number;

  for (unsigned i = 0; i < REQUESTS; i++) {
    write_part (nbd, writer, &state);
    check_part (nbd, writer, random_below (&state, PAGES));
    /* A trim of less than a page changes nothing. */
    NBD_OK (nbd_trim (nbd, PAGE - 1, 0, 0));
  }
  nbd_close (nbd);
  return NULL;
}

static void
check_all (const struct server *server, const struct writer *writers)
{
  struct nbd_handle *nbd = server_connect (server);

  for (size_t i = 0; i < WRITERS; i++)
    for (uint64_t page = 0; page < PAGES; page++)
      check_part (nbd, &writers[i], page);
  nbd_close (nbd);
}

int
main (void)
{
  static struct writer writers[WRITERS];
  struct server server;

  server_start (&server, "1M", NULL);
  for (unsigned i = 0; i < WRITERS; i++) {
    writers[i].server = &server;
    writers[i].number = i;
    CHECK (pthread_create (&writers[i].thread, NULL, writer_run, &writers[i]) ==
           0);
  }
  for (unsigned i = 0; i < WRITERS; i++)
    CHECK (pthread_join (writers[i].thread, NULL) == 0);
  check_all (&server, writers);
  server_stop (&server);
  return EXIT_SUCCESS;
}
