/* SPDX-License-Identifier: BSD-3-Clause */
/* The client is libnbd, on a thread for each connection.  The contestant is an
 * nbdkit that we start, or somebody's server.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnbd.h>

#include "bench.h"
#include "server.h"
#include "util.h"

/* One request under way. */
struct request {
  struct conn *conn;
  struct op op;
  char *buf;            /* for reads */
  struct request *next; /* in conn->idle */
};

struct conn {
  struct nbd_handle *nbd;
  struct load *load;
  struct request *request; /* MAX_DEPTH of them */
  struct request *idle;
  unsigned nr_busy;
};

static struct conn *conns;
static unsigned nr_open;
static uint64_t idle_memory;

/* To URI; NULL: to the server that we started. */
static struct nbd_handle *
connect_to (const char *uri)
{
  struct nbd_handle *nbd = nbd_create ();

  if (nbd == NULL ||
      (uri != NULL ? nbd_connect_uri (nbd, uri)
                   : nbd_connect_unix (nbd, server_socket ())) == -1)
    fail ("%s", nbd_get_error ());
#if LIBNBD_HAVE_NBD_SET_PREAD_INITIALIZE
  nbd_set_pread_initialize (nbd, false);
#endif
  return nbd;
}

/* What any nbdkit has before its first request.  Its growth from there would
 * not do: allocator=malloc takes all that it needs before it serves. */
static uint64_t
measure_idle_server (unsigned threads)
{
  static char null[] = "null", size[] = "4096";
  char *const args[] = {null, size, NULL};
  struct nbd_handle *nbd;
  uint64_t memory;

  server_start (args, threads);
  nbd = connect_to (NULL);
  memory = server_memory ();
  nbd_close (nbd);
  server_stop ();
  return memory;
}

static void
use_server (struct usage *usage)
{
  server_use (usage);
  usage->memory -= usage->memory > idle_memory ? idle_memory : usage->memory;
}

/* NOLINTBEGIN(readability-non-const-parameter): libnbd's type has "error" */
/* libnbd calls this from nbd_poll, where no other call of it may be made. */
static int
on_completion (void *opaque, int *error)
{
  struct request *request = opaque;
  struct conn *conn = request->conn;

  if (*error != 0)
    fail ("the server answered: %s", strerror (*error));
  load_done (conn->load, &request->op, request->buf);
  request->next = conn->idle;
  conn->idle = request;
  conn->nr_busy--;
  return 1;
}
/* NOLINTEND(readability-non-const-parameter) */

static void
send_request (struct conn *conn, struct request *request)
{
  const nbd_completion_callback done = {.callback = on_completion,
                                        .user_data = request};
  const struct load *load = conn->load;
  const size_t count = (size_t) load->phase->block * ZRAM_PAGE_SIZE;
  const uint64_t offset = (uint64_t) request->op.page * ZRAM_PAGE_SIZE;
  int64_t r;

  conn->nr_busy++;
  if (load->phase->access == ACCESS_WRITE)
    r = nbd_aio_pwrite (conn->nbd, data_source (load->data, request->op.source),
                        count, offset, done, 0);
  else if (load->phase->access == ACCESS_TRIM)
    r = nbd_aio_trim (conn->nbd, count, offset, done, 0);
  else
    r = nbd_aio_pread (conn->nbd, request->buf, count, offset, done, 0);
  if (r == -1)
    fail ("%s", nbd_get_error ());
}

/* All requests are idle, and have what they need: readers, a buffer. */
static void
prepare_requests (struct conn *conn, const struct phase *phase)
{
  conn->idle = NULL;
  for (unsigned i = 0; i < phase->depth; i++) {
    struct request *request = &conn->request[i];

    free (request->buf);
    request->buf = phase->access == ACCESS_WRITE || phase->access == ACCESS_TRIM
                       ? NULL
                       : new_buffer ((size_t) phase->block * ZRAM_PAGE_SIZE);
    request->next = conn->idle;
    conn->idle = request;
  }
}

static void
nbd_run (unsigned i, struct load *load)
{
  struct conn *conn = &conns[i];

  conn->load = load;
  prepare_requests (conn, load->phase);
  for (;;) {
    struct request *request;

    while ((request = conn->idle) != NULL && load_next (load, &request->op)) {
      conn->idle = request->next;
      send_request (conn, request);
    }
    if (conn->nr_busy == 0)
      break;
    if (nbd_poll (conn->nbd, -1) == -1)
      fail ("%s", nbd_get_error ());
  }
}

/* To URI, or to our server if that is NULL. */
static void
open_connections (const char *uri, unsigned nr)
{
  conns = new_array (nr, sizeof *conns);
  nr_open = nr;
  for (unsigned i = 0; i < nr; i++) {
    conns[i].nbd = connect_to (uri);
    conns[i].request = new_array (MAX_DEPTH, sizeof *conns[i].request);
    for (unsigned j = 0; j < MAX_DEPTH; j++)
      conns[i].request[j].conn = &conns[i];
  }
}

const struct target *
target_nbd (char *const args[], unsigned nr_conns, unsigned threads)
{
  static struct target target = {
      .client = "libnbd", .run = nbd_run, .use = use_server};

  target.nr_threads = nr_conns;
  stop_target = server_stop;
  idle_memory = measure_idle_server (threads);
  server_start (args, threads);
  target.pid = server_pid ();
  open_connections (NULL, nr_conns);
  target.uri = server_uri ();
  return &target;
}

static void
disconnect (void)
{
  for (unsigned i = 0; i < nr_open; i++) {
    nbd_shutdown (conns[i].nbd, 0);
    nbd_close (conns[i].nbd);
  }
}

const struct target *
target_uri (const char *uri, unsigned nr_conns)
{
  static struct target target = {
      .client = "libnbd", .run = nbd_run, .leave = disconnect};

  target.nr_threads = nr_conns;
  target.uri = uri;
  open_connections (uri, nr_conns);
  return &target;
}
