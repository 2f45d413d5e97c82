/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that connect and say nothing, more of them than the server has
 * descriptors for.  The limit filter does not count them, but the plugin sends
 * away who comes when few are left: so those who are connected are served, the
 * control socket answers, a backing store that was away connects again, and the
 * log has a line for it, not one for each attempt.  When they go, others get
 * in.
 */
#include <config.h>

#include <sys/param.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control.h"
#include "data.h"
#include "nbdstore.h"
#include "rawnbd.h"
#include "server.h"
#include "witness.h"

/* How many descriptors the server has, how many the plugin keeps, and how many
 * clients come. */
#define DESCRIPTORS 200U
#define KEPT        50U
#define CROWD       400U

/* Pages in the store, from this one on. */
#define STORED    256U
#define NR_STORED 64U

/* Only the server has few. */
static void
start_with_few (struct server *server, const char *threads, const char *control)
{
  struct rlimit limit, few;

  CHECK (getrlimit (RLIMIT_NOFILE, &limit) == 0);
  few = limit;
  few.rlim_cur = DESCRIPTORS;
  CHECK (setrlimit (RLIMIT_NOFILE, &few) == 0);
  server_start (server, threads, "--filter=limit", "4M", "limit=4", control,
                nbdstore_parameter (), NULL);
  limit.rlim_cur = MIN (limit.rlim_max, (rlim_t) 2 * CROWD);
  CHECK (setrlimit (RLIMIT_NOFILE, &limit) == 0);
}

/* A client that is greeted, and says nothing; or -1. */
static int
connect_silently (const struct server *server)
{
  unsigned char greeting[RAW_GREETING_SIZE];
  const int fd = raw_connect (server);

  if (raw_receive (fd, greeting, sizeof greeting))
    return fd;
  close (fd);
  return -1;
}

struct settling {
  const struct server *server;
  unsigned entries;
};

static int
has_settled (void *arg)
{
  const struct settling *const settling = arg;

  return server_entries (settling->server, "fd") <= settling->entries;
}

/* Wait until the server has no more than so many ENTRIES: a number that is
 * given back while the plugin looks which one is free is taken for room. */
static void
await_settled (const struct server *server, unsigned entries)
{
  struct settling settling = {server, entries};

  wait_until (has_settled, &settling, "what has ended is closed");
}

/* As many as there is room for, and then those for whom there is none. */
static unsigned
crowd_come (const struct server *server, int fds[CROWD])
{
  unsigned n = 0;

  for (unsigned i = 0; i < CROWD; i++) {
    const unsigned entries = server_entries (server, "fd");

    fds[n] = connect_silently (server);
    if (fds[n] >= 0)
      n++;
    else
      await_settled (server, entries);
  }
  return n;
}

static int
gets_in (void *arg)
{
  const int fd = connect_silently (arg);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

/* Returns the connection of who reads them later. */
static struct nbd_handle *
store_pages (const struct server *server, const char *control)
{
  struct nbd_handle *const nbd = server_connect (server);
  unsigned char page[PAGE];
  char request[64], answer[64];
  unsigned written;

  for (unsigned i = STORED; i < STORED + NR_STORED; i++) {
    data_fill (page, PAGE, DATA_TEXT, i);
    NBD_OK (nbd_pwrite (nbd, page, PAGE, i * PAGE, 0));
  }
  snprintf (request, sizeof request, "set writeback=page_indexes=%u-%u", STORED,
            STORED + NR_STORED - 1);
  control_ask (control, request, answer, sizeof answer);
  CHECK (sscanf (answer, "tried %*u written %u", &written) == 1);
  CHECK (written == NR_STORED);
  return nbd;
}

/* What the store's connections leave, others take; but not what is kept. */
static void
test_store (const struct server *server, const char *control,
            struct nbd_handle *nbd)
{
  unsigned char page[PAGE];
  int fds[CROWD];
  unsigned n;

  nbdstore_kill ();
  control_await (control, "get backing_engine", "nbd away");
  n = crowd_come (server, fds);
  CHECK (n < CROWD);
  nbdstore_start ();
  control_await (control, "get backing_engine", "nbd");
  for (unsigned i = STORED; i < STORED + NR_STORED; i++) {
    data_fill (page, PAGE, DATA_TEXT, i);
    check_read (nbd, page, PAGE, i * PAGE);
  }
  CHECK (server_log_count (server, "the server is there again") == 1);
  while (n > 0)
    close (fds[--n]);
}

static void
test_silent (unsigned threads, const char *control)
{
  const unsigned each = threads > 1 ? 3 : 1;
  char option[16], word[64], answer[64];
  struct nbd_handle *nbd, *reader;
  struct witness witness;
  struct server server;
  int fds[CROWD];
  unsigned n, full;

  snprintf (option, sizeof option, "-t%u", threads);
  snprintf (word, sizeof word, "control=%s", control);
  nbdstore_start ();
  start_with_few (&server, option, word);
  witness_start (&witness, &server, threads);
  reader = store_pages (&server, control);

  n = crowd_come (&server, fds);
  full = server_entries (&server, "fd");
  printf ("-t %u: %u of %u silent clients, %u descriptors of %u\n", threads, n,
          CROWD, full, DESCRIPTORS);
  CHECK (n > (DESCRIPTORS - KEPT) / each / 2 && n < CROWD);
  CHECK (full < DESCRIPTORS - KEPT + 2 * each);
  witness_await (&witness);
  control_ask (control, "get disksize", answer, sizeof answer);
  CHECK (server_log_count (&server, "new ones are refused") == 1);
  CHECK (server_log_count (&server, "accept") == 0);

  /* When one has gone another gets in, and is served when all have. */
  await_settled (&server, full);
  CHECK (!gets_in (&server));
  close (fds[--n]);
  wait_until (gets_in, &server, "room for one client");
  test_store (&server, control, reader);
  nbd_close (reader);
  while (n > 0)
    close (fds[--n]);
  wait_until (gets_in, &server, "room for all");
  nbd = server_connect (&server);
  check_reads_byte (nbd, 0, PAGE, WITNESS_SIZE);
  nbd_close (nbd);
  witness_stop (&witness);
  server_stop (&server);
  nbdstore_kill ();
}

int
main (void)
{
  const char *control;

  nbdstore_make (16 * MiB);
  control = nbdstore_path ("control");
  test_silent (1, control);
  test_silent (16, control);
  return EXIT_SUCCESS;
}
