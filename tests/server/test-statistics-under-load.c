/* SPDX-License-Identifier: BSD-3-Clause */
/* Any number of SIGUSR1 at any time, under load and while the server shuts
 * down, neither ends the server (the signal's default action would, and with it
 * go the data) nor stops or harms a request; every report is complete.
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "data.h"
#include "server.h"
#include "statistics.h"

#define SERVERS 30U
#define SIGNALS 2000U
#define CLIENTS 3U
#define LEN     (8U * PAGE)

struct client {
  const struct server *server;
  uint64_t number;
  pthread_t thread;
  _Atomic int *stop;
};

static void *
client_run (void *arg)
{
  struct client *client = arg;
  struct nbd_handle *nbd = server_connect (client->server);
  unsigned char buf[LEN];

  for (uint64_t i = 0; !atomic_load (client->stop); i++) {
    data_fill (buf, LEN, (enum data_kind) (i % DATA_KINDS), i);
    NBD_OK (nbd_pwrite (nbd, buf, LEN, client->number * LEN, 0));
    check_read (nbd, buf, LEN, client->number * LEN);
  }
  nbd_close (nbd);
  return NULL;
}

static void
test_load (const struct server *server)
{
  struct client clients[CLIENTS];
  struct statistics s;
  _Atomic int stop = 0;

  for (size_t i = 0; i < CLIENTS; i++) {
    clients[i] = (struct client){.server = server, .number = i, .stop = &stop};
    CHECK (pthread_create (&clients[i].thread, NULL, client_run, &clients[i]) ==
           0);
  }
  for (unsigned i = 0; i < SIGNALS; i++) {
    server_signal (server, SIGUSR1);
    sched_yield ();
  }
  statistics_ask (server, &s);
  atomic_store (&stop, 1);
  for (size_t i = 0; i < CLIENTS; i++)
    CHECK (pthread_join (clients[i].thread, NULL) == 0);
  printf ("%u signals, %u reports\n", SIGNALS, statistics_reports (server));
}

static int
has_ended (const struct server *server)
{
  siginfo_t info = {0};

  CHECK (waitid (P_PID, (id_t) server->pid, &info,
                 WEXITED | WNOHANG | WNOWAIT) == 0);
  return info.si_pid != 0;
}

/* A server that was told to end stays while a client is connected, and then
 * takes its plugin apart.  The signal must not be what ends it: server_wait
 * looks. */
static void
test_shutdown (struct server *server)
{
  struct nbd_handle *nbd = server_connect (server);

  server_signal (server, SIGTERM);
  for (unsigned i = 0; i < 100; i++) {
    server_signal (server, SIGUSR1);
    sched_yield ();
  }
  nbd_close (nbd);
  while (!has_ended (server))
    server_signal (server, SIGUSR1);
  server_wait (server);
}

int
main (void)
{
  struct nbd_handle *nbd;
  struct server server;

  for (unsigned i = 0; i < SERVERS; i++) {
    server_start (&server, "1M", NULL);
    /* The handler is there once the server answers. */
    nbd = server_connect (&server);
    nbd_close (nbd);
    if (i == 0)
      test_load (&server);
    test_shutdown (&server);
  }
  return EXIT_SUCCESS;
}
