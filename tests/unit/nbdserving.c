/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "nbdserving.h"

struct store *store;
unsigned patience;
pid_t server;
char dir[64];
char file[96], uri[256], failing[96], logfile[96], keys[96], other_keys[96];
_Atomic unsigned lines;

static char pidfile[96];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_line[256];

static void
hear (const char *line)
{
  pthread_mutex_lock (&lock);
  snprintf (last_line, sizeof last_line, "%s", line);
  pthread_mutex_unlock (&lock);
  lines++;
}

bool
was_told (const char *what)
{
  bool found;

  pthread_mutex_lock (&lock);
  found = strstr (last_line, what) != NULL;
  pthread_mutex_unlock (&lock);
  return found;
}

void
start_server (const char *arg, ...)
{
  char socket[96];
  const char *argv[20] = {NBDKIT_PROG, "-f", "-t1",  "-U",
                          socket,      "-P", pidfile};
  va_list args;

  snprintf (socket, sizeof socket, "%s/socket", dir);
  va_start (args, arg);
  for (unsigned i = 7; arg; arg = va_arg (args, const char *))
    argv[i++] = arg;
  va_end (args);
  unlink (pidfile);
  server = fork ();
  must (server >= 0);
  if (server == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    execv (NBDKIT_PROG, (char **) argv);
    _exit (127);
  }
  while (access (pidfile, F_OK) < 0) {
    ck_assert_int_eq (waitpid (server, NULL, WNOHANG), 0);
    usleep (1000);
  }
}

void
wait_for_end (void)
{
  char socket[96];

  waitpid (server, NULL, 0);
  server = 0;
  snprintf (socket, sizeof socket, "%s/socket", dir);
  unlink (socket);
}

void
end_server (void)
{
  if (server <= 0)
    return;
  kill (server, SIGKILL);
  wait_for_end ();
}

void
stop_server (void)
{
  int status;

  kill (server, SIGSTOP);
  ck_assert_int_eq (waitpid (server, &status, WUNTRACED), server);
  ck_assert (WIFSTOPPED (status));
}

void
start_file_server (void)
{
  start_server ("file", file, NULL);
}

static void
make_file (void)
{
  const int fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  must (fd >= 0);
  must_equal (ftruncate (fd, SIZE), 0);
  close (fd);
}

void
setup (void)
{
  snprintf (dir, sizeof dir, "/tmp/test-storenbd-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
  snprintf (file, sizeof file, "%s/file", dir);
  snprintf (pidfile, sizeof pidfile, "%s/pid", dir);
  snprintf (failing, sizeof failing, "%s/failing", dir);
  snprintf (logfile, sizeof logfile, "%s/log", dir);
  snprintf (keys, sizeof keys, "%s/keys", dir);
  snprintf (other_keys, sizeof other_keys, "%s/other-keys", dir);
  snprintf (uri, sizeof uri, "nbd+unix:///?socket=%s/socket", dir);
  make_file ();
  lines = 0;
  patience = PATIENT;
}

void
teardown (void)
{
  end_server ();
  unlink (file);
  unlink (pidfile);
  unlink (failing);
  unlink (logfile);
  unlink (keys);
  unlink (other_keys);
  rmdir (dir);
}

int
try_open (const char *name, uint64_t size, bool overwrite, char **why)
{
  const struct store_config config = {.backing_dev = name,
                                      .size = size,
                                      .overwrite = overwrite,
                                      .timeout_s = patience,
                                      .complain = hear};

  return store_open (&store, &config, why);
}

void
must_refuse (const char *name, uint64_t size, int code, const char *pattern)
{
  char *why;

  ck_assert_int_eq (try_open (name, size, false, &why), code);
  ck_assert_ptr_nonnull (why);
  ck_assert_msg (strstr (why, pattern) != NULL, "it says '%s'", why);
  ck_assert_msg (strncmp (why, name, strlen (name)) == 0, "it says '%s'", why);
  free (why);
}

/* It may take longer to connect than requests are let wait. */
static bool
connects_in_time (void)
{
  char *why;
  const int r = try_open (uri, 0, false, &why);

  ck_assert_msg (r == 0 || r == -ETIMEDOUT, "%s", why);
  free (why);
  return r == 0;
}

void
start (void)
{
  wait_until (connects_in_time ());
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_str_eq (store_engine_name (store), "nbd");
  ck_assert (!store_is_away (store));
}

void
finish (void)
{
  store_stop (store);
  store_close (store);
}

void
note (struct store_op *op)
{
  struct request *const request = (void *) op;

  request->times++;
  completion_complete (&request->completion);
}

void
submit (struct request *request, bool write, uint64_t block)
{
  request->op = (struct store_op){.buf = request->buf,
                                  .offset = block * BLOCK,
                                  .len = BLOCK,
                                  .write = write,
                                  .impatient = request->op.impatient,
                                  .done = note};
  request->completion = (struct completion){0};
  request->times = 0;
  store_submit (store, &request->op);
}

int
wait_for (struct request *request)
{
  completion_wait (&request->completion);
  must_equal (request->times, 1);
  return request->op.result;
}

int
transfer (bool write, uint64_t block, int byte)
{
  static struct request request;
  int r;

  memset (request.buf, byte, BLOCK);
  submit (&request, write, block);
  r = wait_for (&request);
  if (!write && r == 0) {
    must_equal (request.buf[0], byte);
    must_equal (memcmp (request.buf, request.buf + 1, BLOCK - 1), 0);
  }
  return r;
}

void
wait_until_away (bool away)
{
  wait_until (store_is_away (store) == away);
}
