/* SPDX-License-Identifier: BSD-3-Clause */
/* The contestant is an nbdkit server that we start, on a Unix socket. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <libnbd.h>

#include "bench.h"
#include "util.h"

#define MAX_CONNS 64
#define MAX_DEPTH 256
#define MAX_ARGS  64

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

static char dir[256], sock[sizeof dir + 8], pid_file[sizeof dir + 8];
static pid_t server;
static clockid_t server_clock;
static uint64_t idle_memory;
static struct conn conns[MAX_CONNS];

static void
nbd_stop (void)
{
  if (server > 0) {
    kill (server, SIGKILL);
    waitpid (server, NULL, 0);
  }
  server = 0;
  if (dir[0] != '\0') {
    unlink (sock);
    unlink (pid_file);
    rmdir (dir);
  }
}

/* The socket is there before it listens; the PID file comes after that. */
static void
wait_for_server (void)
{
  const struct timespec tick = {.tv_nsec = 10000000};
  const double end = now () + 30;

  while (access (pid_file, F_OK) != 0) {
    if (waitpid (server, NULL, WNOHANG) != 0) {
      server = 0;
      fail ("nbdkit did not start");
    }
    if (now () > end)
      fail ("nbdkit does not listen after half a minute");
    nanosleep (&tick, NULL);
  }
}

static void
start_server (char *const args[], const char *threads)
{
  const char *argv[MAX_ARGS] = {
      "nbdkit", "-f", "--exit-with-parent", "-U", sock, "-P", pid_file,
  };
  const char *tmp = getenv ("TMPDIR");
  size_t n = 7;

  if (threads != NULL) {
    argv[n++] = "-t";
    argv[n++] = threads;
  }
  while (*args != NULL && n < MAX_ARGS - 1)
    argv[n++] = *args++;
  snprintf (dir, sizeof dir, "%s/nbdbenchXXXXXX", tmp ? tmp : "/tmp");
  if (mkdtemp (dir) == NULL)
    fail ("%s: %s", dir, strerror (errno));
  snprintf (sock, sizeof sock, "%s/sock", dir);
  snprintf (pid_file, sizeof pid_file, "%s/pid", dir);

  server = fork ();
  if (server < 0)
    fail ("fork: %s", strerror (errno));
  if (server == 0) {
    execvp (argv[0], (char **) argv);
    perror (argv[0]);
    _exit (EXIT_FAILURE);
  }
  wait_for_server ();
}

static struct nbd_handle *
connect_to_server (void)
{
  struct nbd_handle *nbd = nbd_create ();

  if (nbd == NULL || nbd_connect_unix (nbd, sock) == -1)
    fail ("%s", nbd_get_error ());
#if LIBNBD_HAVE_NBD_SET_PREAD_INITIALIZE
  nbd_set_pread_initialize (nbd, false);
#endif
  return nbd;
}

/* All that the server has but its program and libraries, which it shares. */
static uint64_t
private_memory (void)
{
  char path[64], line[256];
  unsigned long kib, sum = 0;
  FILE *fp;

  snprintf (path, sizeof path, "/proc/%d/smaps_rollup", (int) server);
  fp = fopen (path, "re");
  if (fp == NULL)
    fail ("%s: %s", path, strerror (errno));
  while (fgets (line, sizeof line, fp) != NULL)
    if (sscanf (line, "Pss_Anon: %lu", &kib) == 1 ||
        sscanf (line, "Pss_Shmem: %lu", &kib) == 1)
      sum += kib;
  fclose (fp);
  return (uint64_t) sum << 10;
}

/* What any nbdkit has before its first request.  Its growth from there would
 * not do: allocator=malloc takes all that it needs before it serves. */
static uint64_t
measure_idle_server (void)
{
  static char null[] = "null", size[] = "4096";
  char *const args[] = {null, size, NULL};
  struct nbd_handle *nbd;
  uint64_t memory;

  start_server (args, NULL);
  nbd = connect_to_server ();
  memory = private_memory ();
  nbd_close (nbd);
  nbd_stop ();
  return memory;
}

static uint64_t
nbd_cpu (void)
{
  struct timespec ts;

  if (clock_gettime (server_clock, &ts) != 0)
    fail ("the server has gone");
  return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static uint64_t
nbd_memory (void)
{
  const uint64_t memory = private_memory ();

  return memory > idle_memory ? memory - idle_memory : 0;
}

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

static void
send_request (struct conn *conn, struct request *request)
{
  const nbd_completion_callback done = {.callback = on_completion,
                                        .user_data = request};
  const size_t count = (size_t) conn->load->phase->block * ZRAM_PAGE_SIZE;
  const uint64_t offset = (uint64_t) request->op.page * ZRAM_PAGE_SIZE;
  int64_t r;

  conn->nr_busy++;
  if (conn->load->phase->access == ACCESS_WRITE)
    r = nbd_aio_pwrite (conn->nbd, load_source (conn->load, &request->op),
                        count, offset, done, 0);
  else
    r = nbd_aio_pread (conn->nbd, request->buf, count, offset, done, 0);
  if (r == -1)
    fail ("%s", nbd_get_error ());
}

static void
nbd_run (unsigned i, struct load *load)
{
  struct conn *conn = &conns[i];

  conn->load = load;
  conn->idle = NULL;
  for (unsigned j = 0; j < load->phase->depth; j++) {
    struct request *request = &conn->request[j];

    free (request->buf);
    request->buf = new_buffer ((size_t) load->phase->block * ZRAM_PAGE_SIZE);
    request->next = conn->idle;
    conn->idle = request;
  }
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

const struct target *
target_nbd (char *const args[], unsigned nr_conns, const char *threads)
{
  static struct target target = {
      .run = nbd_run,
      .cpu = nbd_cpu,
      .memory = nbd_memory,
  };

  if (nr_conns > MAX_CONNS)
    fail ("at most %d connections", MAX_CONNS);
  target.nr_threads = nr_conns;
  stop_target = nbd_stop;
  idle_memory = measure_idle_server ();
  start_server (args, threads);
  for (unsigned i = 0; i < nr_conns; i++) {
    conns[i].nbd = connect_to_server ();
    conns[i].request = new_array (MAX_DEPTH, sizeof *conns[i].request);
    for (unsigned j = 0; j < MAX_DEPTH; j++)
      conns[i].request[j].conn = &conns[i];
  }
  errno = clock_getcpuclockid (server, &server_clock);
  if (errno != 0)
    fail ("clock_getcpuclockid: %s", strerror (errno));
  return &target;
}
