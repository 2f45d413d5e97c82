/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that dies in the middle of a request harms nobody: not the clients
 * beside it, not the pages it was not writing, not the server, which gives back
 * the dead client's threads, descriptors and memory.
 */
#include <config.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data.h"
#include "footprint.h"
#include "server.h"

#define VICTIMS 8U
#define MOST    8U /* requests of each */
#define LEN     (2 * MiB)
#define MINE    FOOTPRINT_REQUEST

/* A client that will be killed. */
struct victim {
  const struct server *server;
  int writes;
  unsigned requests;
  int ready; /* where it says that it has sent them */
};

/* Ask for far more than a socket holds, and take no answer; the server is left
 * in the middle of receiving a write or of sending what was read. */
static void
leave_requests (struct nbd_handle *nbd, const struct victim *victim)
{
  unsigned char *buf = buffer_new (LEN);

  data_fill (buf, LEN, DATA_TEXT, 1);
  for (unsigned i = 0; i < victim->requests; i++) {
    const uint64_t offset = MINE + i * LEN;

    if (victim->writes)
      NBD_OK (nbd_aio_pwrite (nbd, buf, LEN, offset, NBD_NULL_COMPLETION, 0));
    else
      NBD_OK (nbd_aio_pread (nbd, buf, LEN, offset, NBD_NULL_COMPLETION, 0));
  }
}

/* In a child: tell the parent, then wait to be killed.  _exit, not exit: the
 * server is the parent's. */
static void
victim_run (const struct victim *victim)
{
  struct nbd_handle *nbd = nbd_create ();
  const char byte = 1;

  if (nbd == NULL || nbd_connect_unix (nbd, victim->server->socket) == -1)
    _exit (1);
  leave_requests (nbd, victim);
  if (write (victim->ready, &byte, 1) != 1)
    _exit (1);
  for (;;)
    pause ();
}

static void
kill_victim (struct victim victim)
{
  int ready[2], status;
  char byte;
  pid_t pid;

  CHECK (pipe (ready) == 0);
  victim.ready = ready[1];
  pid = fork ();
  CHECK (pid != -1);
  if (pid == 0)
    victim_run (&victim);
  close (ready[1]);
  CHECK (read (ready[0], &byte, 1) == 1);
  close (ready[0]);
  CHECK (kill (pid, SIGKILL) == 0);
  CHECK (waitpid (pid, &status, 0) == pid);
  CHECK (WIFSIGNALED (status));
}

/* What victims write is there before: how far they get changes nothing in how
 * much is stored. */
static void
fill_for_victims (struct nbd_handle *nbd)
{
  unsigned char *buf = buffer_new (LEN);

  data_fill (buf, LEN, DATA_TEXT, 1);
  for (unsigned i = 0; i < MOST; i++)
    NBD_OK (nbd_pwrite (nbd, buf, LEN, MINE + i * LEN, 0));
  free (buf);
}

/* REQUESTS is how many each victim leaves behind.  It is one where several
 * threads serve a connection: nbdkit 1.32 itself aborts, whatever the plugin,
 * when two of them reply to a client that is gone. */
static void
test_threads (unsigned threads, unsigned requests)
{
  unsigned char *mine = buffer_new (MINE);
  struct nbd_handle *nbd;
  struct footprint footprint;
  struct server server;
  char option[16];

  snprintf (option, sizeof option, "-t%u", threads);
  server_start (&server, option, "32M", NULL);
  nbd = server_connect (&server);
  data_fill (mine, MINE, DATA_TEXT, 4711);
  NBD_OK (nbd_pwrite (nbd, mine, MINE, 0, 0));
  fill_for_victims (nbd);
  footprint = footprint_take (&server, threads);

  for (unsigned i = 0; i < VICTIMS; i++) {
    kill_victim ((struct victim){
        .server = &server, .writes = i % 2 == 0, .requests = requests});
    check_read (nbd, mine, MINE, 0);
    data_fill (mine, MINE, DATA_RANDOM, i);
    NBD_OK (nbd_pwrite (nbd, mine, MINE, 0, 0));
  }
  footprint_await (&footprint);
  check_read (nbd, mine, MINE, 0);

  nbd_close (nbd);
  server_stop (&server);
  free (mine);
}

int
main (void)
{
  test_threads (1, MOST);
  test_threads (16, 1);
  return EXIT_SUCCESS;
}
