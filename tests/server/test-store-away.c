/* SPDX-License-Identifier: BSD-3-Clause */
/* A store behind NBD goes away: what is in memory is read, written and trimmed
 * as ever; as many requests as were allowed to wait for it, and are answered
 * with the right pages when it comes back; the others fail at once, and succeed
 * then.  When it stays away, whoever waits fails in time.
 */
#include <config.h>

#include <time.h>

#include "control.h"
#include "data.h"
#include "nbdstore.h"
#include "server.h"

#define NR_PAGES 1024U
#define GONE     512U /* from this page on they are in the store */
#define WAITERS  3
#define MANY     12 /* reads at once: fewer than nbdkit has threads */
#define TIMEOUT  6  /* seconds */

static const char *control;

static double
seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
write_page (struct nbd_handle *nbd, uint64_t index)
{
  unsigned char page[PAGE];

  data_fill (page, PAGE, DATA_TEXT, index);
  NBD_OK (nbd_pwrite (nbd, page, PAGE, index * PAGE, 0));
}

static void
check_page (struct nbd_handle *nbd, uint64_t index)
{
  unsigned char page[PAGE];

  data_fill (page, PAGE, DATA_TEXT, index);
  check_read (nbd, page, PAGE, index * PAGE);
}

static void
fill (struct nbd_handle *nbd)
{
  char request[64], answer[256];
  unsigned tried, written;

  for (unsigned i = 0; i < NR_PAGES; i++)
    write_page (nbd, i);
  snprintf (request, sizeof request, "set writeback=page_indexes=%u-%u", GONE,
            NR_PAGES - 1);
  control_ask (control, request, answer, sizeof answer);
  CHECK (sscanf (answer, "tried %u written %u", &tried, &written) == 2);
  CHECK (written == NR_PAGES - GONE);
}

/* Reads of pages in the store, all under way. */
struct reads {
  int64_t cookies[MANY];
  unsigned char pages[MANY][PAGE];
};

static void
begin_reads (struct nbd_handle *nbd, struct reads *reads)
{
  for (unsigned i = 0; i < MANY; i++) {
    reads->cookies[i] = nbd_aio_pread (
        nbd, reads->pages[i], PAGE, (GONE + i) * PAGE, NBD_NULL_COMPLETION, 0);
    CHECK (reads->cookies[i] >= 0);
  }
}

/* Take those that are answered until N are: how many of them succeeded, each
 * with the right page. */
static unsigned
take_reads (struct nbd_handle *nbd, struct reads *reads, unsigned n)
{
  unsigned good = 0;

  while (n > 0)
    for (unsigned i = 0; i < MANY && n > 0; i++) {
      unsigned char page[PAGE];
      int r;

      if (reads->cookies[i] == 0)
        continue;
      r = nbd_aio_command_completed (nbd, (uint64_t) reads->cookies[i]);
      if (r == 0) {
        NBD_OK (nbd_poll (nbd, 10));
        continue;
      }
      reads->cookies[i] = 0;
      n--;
      if (r < 0)
        continue;
      data_fill (page, PAGE, DATA_TEXT, GONE + i);
      check_same (reads->pages[i], page, PAGE, (GONE + i) * PAGE);
      good++;
    }
  return good;
}

/* On the same connection, while its other threads wait. */
static void
check_memory_is_served (struct nbd_handle *nbd)
{
  const double begun = seconds ();

  for (unsigned i = 0; i < 100; i++)
    check_page (nbd, i);
  write_page (nbd, 100);
  check_page (nbd, 100);
  NBD_OK (nbd_trim (nbd, 4 * PAGE, 101 * PAGE, 0));
  check_reads_byte (nbd, 0, 4 * PAGE, 101 * PAGE);
  write_page (nbd, NR_PAGES - 1); /* whose old content is in the store */
  check_page (nbd, NR_PAGES - 1);
  NBD_OK (nbd_trim (nbd, PAGE, (NR_PAGES - 2) * PAGE, 0));
  CHECK (seconds () - begun < TIMEOUT / 2.0);
}

int
main (void)
{
  static struct reads reads;
  struct nbd_handle *nbd;
  struct server server;
  char socket[96], waiters[32], timeout[32];
  double begun;

  nbdstore_make (16 * MiB);
  control = nbdstore_path ("control");
  nbdstore_start ();
  snprintf (socket, sizeof socket, "control=%s", control);
  snprintf (waiters, sizeof waiters, "backing_waiters=%d", WAITERS);
  snprintf (timeout, sizeof timeout, "backing_timeout=%d", TIMEOUT);
  server_start (&server, "4M", nbdstore_parameter (), socket, waiters, timeout,
                NULL);
  nbd = server_connect (&server);
  fill (nbd);
  check_page (nbd, GONE);

  nbdstore_kill ();
  control_await (control, "get backing_engine", "nbd away");
  begin_reads (nbd, &reads);
  CHECK (take_reads (nbd, &reads, MANY - WAITERS) == 0);
  check_memory_is_served (nbd);
  nbdstore_start ();
  CHECK (take_reads (nbd, &reads, WAITERS) == WAITERS);
  control_await (control, "get backing_engine", "nbd");
  begin_reads (nbd, &reads);
  CHECK (take_reads (nbd, &reads, MANY) == MANY);
  CHECK (server_log_count (&server, "the server is away") == 1);
  CHECK (server_log_count (&server, "the server is there again") == 1);

  nbdstore_kill ();
  control_await (control, "get backing_engine", "nbd away");
  begun = seconds ();
  begin_reads (nbd, &reads);
  CHECK (take_reads (nbd, &reads, MANY) == 0);
  CHECK (seconds () - begun >= TIMEOUT - 0.5);
  CHECK (seconds () - begun < 3 * TIMEOUT);
  nbdstore_start ();
  control_await (control, "get backing_engine", "nbd");
  for (unsigned i = GONE; i < NR_PAGES - 2; i++)
    check_page (nbd, i);
  nbd_close (nbd);
  server_stop (&server);
  return EXIT_SUCCESS;
}
