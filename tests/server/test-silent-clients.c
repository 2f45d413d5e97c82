/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that connect and say nothing, more of them than the server has
 * descriptors for.  The limit filter does not count them, but the plugin sends
 * away who comes when few are left: so those who are connected are served, the
 * control socket answers, a backing store could connect again, and the log has
 * a line for it, not one for each attempt.  When they go, others get in.
 */
#include <config.h>

#include <sys/param.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control.h"
#include "data.h"
#include "rawnbd.h"
#include "server.h"
#include "witness.h"

/* How many descriptors the server has, how many the plugin keeps, and how many
 * clients come. */
#define DESCRIPTORS 200U
#define KEPT        50U
#define CROWD       400U

/* Only the server has few. */
static void
start_with_few (struct server *server, const char *threads, const char *control)
{
  struct rlimit limit, few;

  CHECK (getrlimit (RLIMIT_NOFILE, &limit) == 0);
  few = limit;
  few.rlim_cur = DESCRIPTORS;
  CHECK (setrlimit (RLIMIT_NOFILE, &few) == 0);
  server_start (server, threads, "--filter=limit", "1M", "limit=4", control,
                NULL);
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

/* As many as there is room for, and then those for whom there is none. */
static unsigned
crowd_come (const struct server *server, int fds[CROWD])
{
  unsigned n = 0;

  for (unsigned i = 0; i < CROWD; i++) {
    fds[n] = connect_silently (server);
    if (fds[n] >= 0)
      n++;
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

static void
test_silent (unsigned threads, const char *control)
{
  const unsigned each = threads > 1 ? 3 : 1;
  char option[16], word[64], answer[64];
  struct nbd_handle *nbd;
  struct witness witness;
  struct server server;
  int fds[CROWD];
  unsigned n;

  snprintf (option, sizeof option, "-t%u", threads);
  snprintf (word, sizeof word, "control=%s", control);
  start_with_few (&server, option, word);
  witness_start (&witness, &server, threads);

  n = crowd_come (&server, fds);
  printf ("-t %u: %u of %u silent clients, %u descriptors of %u\n", threads, n,
          CROWD, server_entries (&server, "fd"), DESCRIPTORS);
  CHECK (n > (DESCRIPTORS - KEPT) / each / 2 && n < CROWD);
  CHECK (server_entries (&server, "fd") < DESCRIPTORS - KEPT + 2 * each);
  witness_await (&witness);
  control_ask (control, "get disksize", answer, sizeof answer);
  CHECK (server_log_count (&server, "new ones are refused") == 1);
  CHECK (server_log_count (&server, "accept") == 0);

  /* When one has gone another gets in, and is served when all have. */
  CHECK (!gets_in (&server));
  close (fds[--n]);
  wait_until (gets_in, &server, "room for one client");
  while (n > 0)
    close (fds[--n]);
  wait_until (gets_in, &server, "room for all");
  nbd = server_connect (&server);
  check_reads_byte (nbd, 0, PAGE, WITNESS_SIZE);
  nbd_close (nbd);
  witness_stop (&witness);
  server_stop (&server);
}

int
main (void)
{
  char dir[] = "/tmp/nbdkit-zram-XXXXXX", control[64];

  CHECK (mkdtemp (dir) != NULL);
  snprintf (control, sizeof control, "%s/control", dir);
  test_silent (1, control);
  test_silent (16, control);
  CHECK (rmdir (dir) == 0);
  return EXIT_SUCCESS;
}
