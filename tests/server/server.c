/* SPDX-License-Identifier: BSD-3-Clause */
/* A real nbdkit for one test program: server.h says what is promised. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#define MAX_SERVERS 4
#define MAX_WORDS   32
#define PATIENCE    60 /* seconds */

/* The first descriptor that socket activation hands over. */
#define LISTEN_FD 3

static struct server *servers[MAX_SERVERS];

void
fail_at (const char *file, int line, const char *format, ...)
{
  static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
  va_list args;

  /* Never released: the first thread to fail ends the process. */
  pthread_mutex_lock (&once);
  fprintf (stderr, "%s:%d: ", file, line);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  exit (EXIT_FAILURE);
}

static void
pause_briefly (void)
{
  const struct timespec ts = {.tv_nsec = 10L * 1000 * 1000};

  nanosleep (&ts, NULL);
}

void
wait_until (int (*condition) (void *arg), void *arg, const char *what)
{
  for (int i = 0; i < PATIENCE * 100; i++) {
    if (condition (arg))
      return;
    pause_briefly ();
  }
  fail ("waited %d seconds in vain: %s", PATIENCE, what);
}

/* Copy what the server said to this program's stderr. */
static void
log_show (const struct server *server)
{
  FILE *fp = fopen (server->log, "r");
  char line[1024];

  if (fp == NULL)
    return;
  while (fgets (line, sizeof line, fp))
    fprintf (stderr, "server: %s", line);
  fclose (fp);
}

static void
server_forget (struct server *server)
{
  log_show (server);
  unlink (server->socket);
  unlink (server->log);
  rmdir (server->dir);
  for (size_t i = 0; i < MAX_SERVERS; i++)
    if (servers[i] == server)
      servers[i] = NULL;
}

void
server_kill (struct server *server)
{
  if (server->pid > 0) {
    kill (server->pid, SIGKILL);
    waitpid (server->pid, NULL, 0);
  }
  server_forget (server);
}

/* At exit: whatever is left over is so because the test failed. */
static void
servers_kill (void)
{
  for (size_t i = 0; i < MAX_SERVERS; i++)
    if (servers[i])
      server_kill (servers[i]);
}

static void
server_remember (struct server *server)
{
  static int registered;

  if (!registered) {
    CHECK (atexit (servers_kill) == 0);
    registered = 1;
  }
  for (size_t i = 0; i < MAX_SERVERS; i++)
    if (servers[i] == NULL) {
      servers[i] = server;
      return;
    }
  fail ("more than %d servers", MAX_SERVERS);
}

static int
listen_on (const char *path)
{
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  CHECK (fd != -1);
  CHECK (strlen (path) < sizeof addr.sun_path);
  memcpy (addr.sun_path, path, strlen (path) + 1);
  CHECK (bind (fd, (const struct sockaddr *) &addr, sizeof addr) == 0);
  CHECK (listen (fd, SOMAXCONN) == 0);
  return fd;
}

/* In the child: become nbdkit. */
static void
server_exec (int sock, int log, char *const argv[])
{
  char pid[24];

  dup2 (log, STDERR_FILENO);
  if (sock == LISTEN_FD)
    fcntl (sock, F_SETFD, 0);
  else
    dup2 (sock, LISTEN_FD);
  snprintf (pid, sizeof pid, "%ld", (long) getpid ());
  setenv ("LISTEN_PID", pid, 1);
  setenv ("LISTEN_FDS", "1", 1);
  execvp (argv[0], argv);
  perror (argv[0]);
  _exit (127);
}

static void
server_fork (struct server *server, char *const argv[])
{
  const int sock = listen_on (server->socket);
  const int log =
      open (server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

  CHECK (log != -1);
  server->pid = fork ();
  CHECK (server->pid != -1);
  if (server->pid == 0)
    server_exec (sock, log, argv);
  close (sock);
  close (log);
}

void
server_start (struct server *server, ...)
{
  static char nbdkit[] = NBDKIT_PROG, parent[] = "--exit-with-parent";
  char plugin[4096];
  char *argv[MAX_WORDS] = {nbdkit, parent, plugin};
  const char *other = getenv ("ZRAM_PLUGIN");
  size_t n = 3;
  va_list args;

  if (strcmp (nbdkit, "no") == 0) {
    puts ("SKIPPED: there is no nbdkit");
    exit (77);
  }
  snprintf (plugin, sizeof plugin, "%s", other ? other : ZRAM_PLUGIN_PATH);
  va_start (args, server);
  do {
    CHECK (n < MAX_WORDS);
    argv[n] = va_arg (args, char *);
  } while (argv[n++] != NULL);
  va_end (args);

  const char *const tmp = getenv ("ZRAM_TMP");

  CHECK (snprintf (server->dir, sizeof server->dir, "%s/nbdkit-zram-XXXXXX",
                   tmp ? tmp : "/tmp") < (int) sizeof server->dir);
  CHECK (mkdtemp (server->dir) != NULL);
  snprintf (server->socket, sizeof server->socket, "%s/socket", server->dir);
  snprintf (server->log, sizeof server->log, "%s/log", server->dir);
  server->pid = 0;
  server_remember (server);
  server_fork (server, argv);
}

void
server_signal (const struct server *server, int sig)
{
  CHECK (kill (server->pid, sig) == 0);
}

struct waited {
  pid_t pid;
  int status;
};

static int
has_ended (void *arg)
{
  struct waited *waited = arg;
  const pid_t r = waitpid (waited->pid, &waited->status, WNOHANG);

  CHECK (r != -1);
  return r == waited->pid;
}

static void
await_end (struct server *server)
{
  struct waited waited = {.pid = server->pid};

  wait_until (has_ended, &waited, "the server to end");
  server->pid = 0;
  if (WIFSIGNALED (waited.status))
    fail ("the server was killed by signal %d", WTERMSIG (waited.status));
  if (WEXITSTATUS (waited.status) != 0)
    fail ("the server's exit status is %d", WEXITSTATUS (waited.status));
}

void
server_wait (struct server *server)
{
  await_end (server);
  server_forget (server);
}

void
server_end (struct server *server)
{
  server_signal (server, SIGTERM);
  await_end (server);
}

void
server_stop (struct server *server)
{
  server_end (server);
  server_forget (server);
}

static struct nbd_handle *
handle_new (void)
{
  struct nbd_handle *nbd = nbd_create ();

  if (nbd == NULL)
    fail ("nbd_create: %s", nbd_get_error ());
  NBD_OK (nbd_set_strict_mode (nbd, 0));
#if LIBNBD_HAVE_NBD_SET_PREAD_INITIALIZE
  /* What the server leaves out of a reply must show. */
  NBD_OK (nbd_set_pread_initialize (nbd, false));
#endif
  return nbd;
}

struct nbd_handle *
server_connect_to (const struct server *server, const char *export)
{
  struct nbd_handle *nbd = handle_new ();

  NBD_OK (nbd_add_meta_context (nbd, LIBNBD_CONTEXT_BASE_ALLOCATION));
  NBD_OK (nbd_set_export_name (nbd, export));
  NBD_OK (nbd_connect_unix (nbd, server->socket));
  return nbd;
}

struct nbd_handle *
server_connect (const struct server *server)
{
  return server_connect_to (server, "");
}

struct nbd_handle *
server_negotiate (const struct server *server)
{
  struct nbd_handle *nbd = handle_new ();

  NBD_OK (nbd_set_opt_mode (nbd, true));
  NBD_OK (nbd_set_full_info (nbd, true));
  NBD_OK (nbd_connect_unix (nbd, server->socket));
  return nbd;
}

uint64_t
server_memory (const struct server *server, const char *field)
{
  const size_t len = strlen (field);
  char path[64], line[256];
  uint64_t bytes;
  FILE *fp;

  snprintf (path, sizeof path, "/proc/%ld/smaps_rollup", (long) server->pid);
  fp = fopen (path, "r");
  CHECK (fp != NULL);
  while (fgets (line, sizeof line, fp))
    if (strncmp (line, field, len) == 0 && line[len] == ':') {
      bytes = strtoull (line + len + 1, NULL, 10) * KiB;
      fclose (fp);
      return bytes;
    }
  fail ("%s has no %s", path, field);
}

unsigned
server_entries (const struct server *server, const char *name)
{
  const struct dirent *entry;
  char path[64];
  unsigned n = 0;
  DIR *dir;

  snprintf (path, sizeof path, "/proc/%ld/%s", (long) server->pid, name);
  dir = opendir (path);
  CHECK (dir != NULL);
  while ((entry = readdir (dir)) != NULL)
    n += entry->d_name[0] != '.';
  closedir (dir);
  return n;
}

int
memory_file (char name[32], size_t len)
{
  const int memory = memfd_create ("nbdkit-zram-test", MFD_CLOEXEC);
  /* Out of the way of the socket that a server is handed. */
  const int fd = fcntl (memory, F_DUPFD, 100);

  CHECK (memory != -1 && fd != -1);
  close (memory);
  CHECK (ftruncate (fd, (off_t) len) == 0);
  snprintf (name, 32, "/proc/self/fd/%d", fd);
  return fd;
}

unsigned
server_log_count (const struct server *server, const char *text)
{
  FILE *fp = fopen (server->log, "r");
  char line[1024];
  unsigned n = 0;

  CHECK (fp != NULL);
  while (fgets (line, sizeof line, fp))
    n += strstr (line, text) != NULL && strchr (line, '\n') != NULL;
  fclose (fp);
  return n;
}
