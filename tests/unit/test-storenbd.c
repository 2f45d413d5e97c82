/* SPDX-License-Identifier: BSD-3-Clause */
/* A store behind NBD: what is written is read; requests outlive a server that
 * goes and comes back, but not one that stays away; and nothing is sent to
 * another one.  The servers are nbdkit with plugins of its own.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "clock.h"
#include "completion.h"
#include "store.h"
#include "unit.h"

#define SIZE   (16UL << 20)
#define BLOCK  4096UL
#define NR_OPS 400U /* three times STORE_DEPTH */

/* For how long (s) requests are let wait for a server: where they are to be
 * answered, longer than a server and this program take, be the machine as busy
 * as it may; where they are to wait in vain, not for that long. */
#define PATIENT   60U
#define IMPATIENT 2U

/* Wait until CONDITION is true. */
#define wait_until(condition)                             \
  do {                                                    \
    const uint64_t end_ = clock_ms () + PATIENT * 1000UL; \
                                                          \
    while (!(condition)) {                                \
      if (clock_ms () >= end_)                            \
        ck_abort_msg ("in vain: %s", #condition);         \
      usleep (1000);                                      \
    }                                                     \
  } while (0)

static struct store *store;
static unsigned patience; /* of its requests, s */
static pid_t server;
static char dir[64];
static char file[96], pidfile[96], uri[256], failing[96], logfile[96];
static char keys[96], other_keys[96];
static _Atomic unsigned lines; /* that were told */
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

/* Does the last of them say WHAT? */
static bool
was_told (const char *what)
{
  bool found;

  pthread_mutex_lock (&lock);
  found = strstr (last_line, what) != NULL;
  pthread_mutex_unlock (&lock);
  return found;
}

/* Servers. */

/* Start nbdkit with these arguments, the last of which is NULL. */
static void
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

static void
wait_for_end (void)
{
  char socket[96];

  waitpid (server, NULL, 0);
  server = 0;
  snprintf (socket, sizeof socket, "%s/socket", dir);
  unlink (socket);
}

static void
end_server (void)
{
  if (server <= 0)
    return;
  kill (server, SIGKILL);
  wait_for_end ();
}

/* It stays, but does nothing. */
static void
stop_server (void)
{
  int status;

  kill (server, SIGSTOP);
  ck_assert_int_eq (waitpid (server, &status, WUNTRACED), server);
  ck_assert (WIFSTOPPED (status));
}

/* One whose data stay when it ends. */
static void
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

static void
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

static void
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

/* Stores. */

static int
try_open (const char *name, uint64_t size, bool overwrite, char **why)
{
  const struct store_config config = {.backing_dev = name,
                                      .size = size,
                                      .overwrite = overwrite,
                                      .timeout_s = patience,
                                      .complain = hear};

  return store_open (&store, &config, why);
}

static void
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

static void
start (void)
{
  wait_until (connects_in_time ());
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_str_eq (store_engine_name (store), "nbd");
  ck_assert (!store_is_away (store));
}

static void
finish (void)
{
  store_stop (store);
  store_close (store);
}

/* A request that counts how often it is done. */
struct request {
  struct store_op op; /* first */
  struct completion completion;
  _Atomic unsigned times;
  _Alignas(4096) char buf[BLOCK];
};

static void
note (struct store_op *op)
{
  struct request *const request = (void *) op;

  request->times++;
  completion_complete (&request->completion);
}

static void
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

static int
wait_for (struct request *request)
{
  completion_wait (&request->completion);
  must_equal (request->times, 1);
  return request->op.result;
}

static int
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

static void
wait_until_away (bool away)
{
  wait_until (store_is_away (store) == away);
}

/* The server is going: have a request, READ, that waits for its successor.
 * Until the server knows that it is going it answers. */
static void
submit_until_away (struct request *read, uint64_t block)
{
  for (;;) {
    submit (read, false, block);
    wait_until (read->times > 0 || store_is_away (store));
    if (read->times == 0)
      break;
    ck_assert_int_eq (wait_for (read), 0);
  }
}

/* Tests. */

START_TEST (what_is_written_is_read)
{
  struct request *const all = aligned_alloc (4096, NR_OPS * sizeof *all);
  struct store_stats stats;

  must (all != NULL);
  memset (all, 0, NR_OPS * sizeof *all);
  start_server ("memory", "16M", NULL);
  start ();
  ck_assert_uint_eq (store_size (store), SIZE);
  for (unsigned write = 2; write-- > 0;) {
    for (unsigned i = 0; i < NR_OPS; i++) {
      memset (all[i].buf, write ? (int) i : 0, BLOCK);
      submit (&all[i], write, 1 + i);
    }
    for (unsigned i = 0; i < NR_OPS; i++) {
      ck_assert_int_eq (wait_for (&all[i]), 0);
      ck_assert_int_eq ((unsigned char) all[i].buf[BLOCK - 1], (int) (i % 256));
    }
  }
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.reads, NR_OPS);
  ck_assert_uint_eq (stats.written_bytes, NR_OPS * BLOCK);
  ck_assert_uint_eq (stats.reconnects + stats.read_errors, 0);
  finish ();
  free (all);
}

START_TEST (what_cannot_be_used_is_refused)
{
  must_refuse (uri, 0, -ENOENT, "No such file");
  must_refuse ("nbd+unix:///?socket=%2Fnot-there", 0, -ENOENT, "No such file");
  must_refuse ("http://host/", 0, -EINVAL, "give nbd://HOST");
  must_refuse ("nbdx://host/", 0, -EINVAL, "give nbd://HOST");
  must_refuse ("nbd+unix:///?socket=here", 0, -EINVAL,
               "socket=: give the whole name, from / on");
  must_refuse ("nbds://host/?tls-certificates=/there&tls-psk-file=here", 0,
               -EINVAL, "tls-psk-file=: give the whole name, from / on");
  start_server ("-r", "memory", "16M", NULL);
  must_refuse (uri, 0, -EINVAL, "can only be read");
  end_server ();
  start_server ("memory", "512K", NULL);
  must_refuse (uri, 0, -EINVAL, "has 524288 bytes, and needs 1048576 at least");
  end_server ();
  start_server ("memory", "16M", NULL);
  must_refuse (uri, 2 * SIZE, -EINVAL, "and needs 33554432 at least");
  end_server ();
  start_server ("--filter=blocksize-policy", "memory", "16M",
                "blocksize-minimum=64K", "blocksize-preferred=64K",
                "blocksize-maximum=32M", NULL);
  must_refuse (uri, 0, -EINVAL, "has blocks of more than 4096 bytes");
  end_server ();
  start_server ("--filter=blocksize-policy", "memory", "16M",
                "blocksize-minimum=512", "blocksize-preferred=4K",
                "blocksize-maximum=128K", NULL);
  must_refuse (uri, 0, -EINVAL, "takes requests of less than 256 KiB only");
}

/* It connects, and that is all; or it has not even come to that. */
static bool
cannot_be_read_in_time (void)
{
  char *why;
  bool found;

  ck_assert_int_eq (try_open (uri, 0, false, &why), -ETIMEDOUT);
  found = strstr (why, "cannot be read: Connection timed out") != NULL;
  free (why);
  return found;
}

START_TEST (what_does_not_answer_is_refused)
{
  patience = IMPATIENT;
  start_server ("--filter=delay", "memory", "16M", "delay-read=1000", NULL);
  wait_until (cannot_be_read_in_time ());
}

/* The same one again is refused, wherever it stands among them. */
START_TEST (several_can_be_open)
{
  char name[sizeof uri + 8], *why;
  struct store *first, *second;

  snprintf (name, sizeof name, "nbd+unix:///other%s", strchr (uri, '?'));
  start_server ("memory", "16M", NULL);
  start ();
  first = store;
  ck_assert_int_eq (try_open (name, 0, true, &why), 0);
  second = store;
  ck_assert_int_eq (try_open (uri, 0, true, &why), -EBUSY);
  free (why);
  ck_assert_int_eq (try_open (name, 0, true, &why), -EBUSY);
  free (why);
  store_close (second);
  store = first;
  finish ();
}

/* What pays with it is all that it has to take. */
START_TEST (a_server_need_not_take_more_than_pays)
{
  const uint32_t piece = 256U << 10;
  struct request request = {.times = 0};

  start_server ("--filter=blocksize-policy", "memory", "16M",
                "blocksize-minimum=512", "blocksize-preferred=4K",
                "blocksize-maximum=256K", "blocksize-error-policy=error", NULL);
  start ();
  ck_assert_uint_eq (store_piece (store), piece);
  for (unsigned write = 2; write-- > 0;) {
    request.op = (struct store_op){.buf = aligned_alloc (4096, piece),
                                   .offset = piece,
                                   .len = piece,
                                   .write = write,
                                   .done = note};
    request.completion = (struct completion){0};
    request.times = 0;
    must (request.op.buf != NULL);
    memset (request.op.buf, write ? 'a' : 'b', piece);
    store_submit (store, &request.op);
    ck_assert_int_eq (wait_for (&request), 0);
    ck_assert_int_eq (((const char *) request.op.buf)[piece - 1], 'a');
    free (request.op.buf);
  }
  finish ();
}

START_TEST (what_is_there_is_not_lost)
{
  char *why;

  start_server ("data", "size=16M", "\"theirs\"", NULL);
  must_refuse (uri, 0, -EEXIST, "holds data");
  ck_assert_int_eq (try_open (uri, 0, true, &why), 0);
  store_close (store);
  ck_assert_int_eq (try_open (uri, 0, false, &why), 0); /* it is ours now */
  store_close (store);
}

/* Requests wait for it.  (nbdkit, told to end, stays until its clients have
 * gone, and answers each request with ESHUTDOWN.) */
START_TEST (a_server_may_go_and_come_back)
{
  const int signal = _i ? SIGTERM : SIGKILL;
  static struct request read, write;
  struct store_stats stats;

  start_file_server ();
  start ();
  ck_assert_int_eq (transfer (true, 7, 'x'), 0);
  kill (server, signal);
  submit_until_away (&read, 7);
  memset (write.buf, 'y', BLOCK);
  submit (&write, true, 8);
  wait_for_end ();
  ck_assert_uint_eq (lines, 1);
  ck_assert (was_told ("the server is away"));
  usleep (200 * 1000);
  ck_assert_uint_eq (read.times + write.times, 0);
  start_file_server ();
  ck_assert_int_eq (wait_for (&read), 0);
  ck_assert_int_eq (read.buf[9], 'x');
  ck_assert_int_eq (wait_for (&write), 0);
  ck_assert_int_eq (transfer (false, 8, 'y'), 0);
  ck_assert (!store_is_away (store));
  ck_assert_uint_eq (lines, 2);
  ck_assert (was_told ("there again"));
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.reconnects, 1);
  ck_assert_uint_eq (stats.read_errors + stats.write_errors, 0);
  finish ();
}

/* The server goes and comes back at once: milliseconds until that is known. */
static uint64_t
restart_server (void)
{
  uint64_t begun;

  end_server ();
  wait_until_away (true);
  begun = clock_ms ();
  start_file_server ();
  wait_until_away (false);
  return clock_ms () - begun;
}

/* The longer it stays away the less often it is looked for, but the next time
 * that begins anew.  (Else it would take 1.6 s at least.) */
START_TEST (who_was_away_for_long_is_soon_found_again)
{
  uint64_t soonest = UINT64_MAX;

  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  sleep (2);
  start_file_server ();
  wait_until_away (false);
  for (unsigned i = 0; i < 5 && soonest >= 1000; i++) {
    const uint64_t ms = restart_server ();

    soonest = ms < soonest ? ms : soonest;
  }
  ck_assert_uint_lt (soonest, 1000);
  finish ();
}

START_TEST (what_it_had_begun_is_sent_once_more)
{
  static struct request many[64];

  start_server ("--filter=delay", "file", file, "delay-write=100ms", NULL);
  start ();
  for (int i = 0; i < 64; i++) {
    memset (many[i].buf, i, BLOCK);
    submit (&many[i], true, 1 + i);
  }
  ck_assert_int_eq (wait_for (&many[0]), 0);
  end_server ();
  start_file_server ();
  for (int i = 1; i < 64; i++)
    ck_assert_int_eq (wait_for (&many[i]), 0);
  for (int i = 0; i < 64; i++)
    ck_assert_int_eq (transfer (false, 1 + (uint64_t) i, i), 0);
  finish ();
}

START_TEST (who_may_not_wait_is_told)
{
  static struct request patient, impatient = {.op.impatient = true};

  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  submit (&patient, false, 1);
  submit (&impatient, false, 1);
  ck_assert_int_eq (wait_for (&impatient), -ETIMEDOUT);
  ck_assert_uint_eq (patient.times, 0);
  start_file_server ();
  ck_assert_int_eq (wait_for (&patient), 0);
  finish ();
}

START_TEST (who_waits_for_too_long_is_told)
{
  struct store_stats stats;
  uint64_t begun;

  patience = IMPATIENT;
  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  begun = clock_ms ();
  ck_assert_int_eq (transfer (false, 1, 0), -ETIMEDOUT);
  ck_assert_uint_ge (clock_ms () - begun, IMPATIENT * 1000UL);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.read_errors, 1);
  start_file_server ();
  wait_until (transfer (false, 1, 0) == 0);
  finish ();
}

/* Lines of the server's log that say that it was asked to do WHAT. */
static unsigned
count_logged (const char *what)
{
  FILE *const fp = fopen (logfile, "re");
  char line[512];
  unsigned n = 0;

  must (fp != NULL);
  while (fgets (line, sizeof line, fp))
    n += strstr (line, what) != NULL;
  fclose (fp);
  return n;
}

/* Whoever stands in for it is looked at now and then, and gets nothing: not one
 * byte of his is changed.  That is said once. */
START_TEST (another_store_is_left_alone)
{
  char option[128];

  patience = IMPATIENT;
  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  lines = 0;
  snprintf (option, sizeof option, "logfile=%s", logfile);
  start_server ("--filter=log", "memory", "16M", option, NULL);
  wait_until (count_logged (" Read ") >= 2);
  ck_assert_int_eq (transfer (true, 1, 'y'), -ETIMEDOUT);
  ck_assert_uint_eq (lines, 1);
  ck_assert_uint_eq (count_logged (" Write "), 0);
  end_server ();
  start_file_server ();
  wait_until (transfer (true, 1, 'z') == 0);
  finish ();
}

START_TEST (what_is_not_it_is_told)
{
  static const char *const others[][4] = {
      {"what is there now is not this server's", "memory", "16M"},
      {"it is smaller than it was", "memory", "1M"},
      {"can only be read: give an export that can be written: it is left alone",
       "-r", "file", file},
  };
  const char *const *const other = others[_i];

  patience = IMPATIENT;
  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  start_server (other[1], other[2], other[3], NULL);
  wait_until (was_told (other[0]));
  ck_assert_int_eq (transfer (true, 1, 'y'), -ETIMEDOUT);
  finish ();
}

/* It keeps its connection and says nothing: half of the time is its
 * successor's. Tried with more time until that is enough. */
START_TEST (a_server_that_does_not_answer_is_left)
{
  int r = -ETIMEDOUT;

  for (patience = IMPATIENT; r != 0; patience *= 2) {
    static struct request request;

    ck_assert_uint_le (patience, PATIENT);
    start_file_server ();
    start ();
    stop_server ();
    submit (&request, false, 1);
    wait_until_away (true);
    end_server ();
    start_file_server ();
    r = wait_for (&request);
    finish ();
    end_server ();
  }
}

START_TEST (what_it_says_is_passed_on)
{
  const bool is_full = _i == 1;
  struct store_stats stats;
  char option[128];
  int fd;

  snprintf (option, sizeof option, "error-file=%s", failing);
  start_server ("--filter=error", "memory", "16M",
                is_full ? "error=ENOSPC" : "error=EPERM",
                "error-pwrite-rate=100%", option, NULL);
  start ();
  ck_assert_int_eq (transfer (true, 1, 'a'), 0);
  fd = open (failing, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must (fd >= 0);
  close (fd);
  ck_assert_int_eq (transfer (true, 1, 'b'), is_full ? -ENOSPC : -EIO);
  ck_assert_int_eq (transfer (false, 1, 'a'), 0);
  unlink (failing);
  ck_assert_int_eq (transfer (true, 1, 'c'), 0);
  store_stats (store, &stats);
  ck_assert_uint_eq (stats.write_errors, 1);
  ck_assert (!store_is_away (store));
  finish ();
}

START_TEST (it_stops_with_requests_in_flight)
{
  static struct request sent[200];

  /* (Longer than Check waits for this test.) */
  patience = 3600;
  start_file_server ();
  start ();
  stop_server ();
  for (unsigned i = 0; i < 200; i++)
    submit (&sent[i], false, 1 + i);
  store_stop (store);
  for (unsigned i = 0; i < 200; i++)
    ck_assert_int_eq (wait_for (&sent[i]), -ECANCELED);
  submit (&sent[0], false, 1);
  ck_assert_int_eq (wait_for (&sent[0]), -ECANCELED);
  kill (server, SIGCONT);
  end_server ();
  start_file_server ();
  ck_assert_int_eq (store_start (store), 0);
  ck_assert_int_eq (transfer (false, 1, 0), 0);
  finish ();
}

START_TEST (it_stops_while_it_is_away)
{
  static struct request request;

  start_file_server ();
  start ();
  end_server ();
  wait_until_away (true);
  submit (&request, false, 1);
  store_stop (store);
  ck_assert_int_eq (wait_for (&request), -ECANCELED);
  store_close (store);
}

START_TEST (a_fork_keeps_it)
{
  char *why;
  int status;
  pid_t child;

  start_file_server ();
  ck_assert_int_eq (try_open (uri, 0, false, &why), 0);
  child = fork ();
  must (child >= 0);
  if (child == 0) {
    const bool good = store_start (store) == 0 &&
                      transfer (true, 3, 'c') == 0 &&
                      transfer (false, 3, 'c') == 0;

    finish ();
    _exit (good ? 0 : 1);
  }
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
  store_close (store);
}

static void
put_key (const char *name, const char *key)
{
  FILE *const fp = fopen (name, "we");

  must (fp != NULL);
  must (fprintf (fp, "zram:%s\n", key) > 0);
  must_equal (fclose (fp), 0);
}

static void
start_secret_server (void)
{
  char psk[128];

  put_key (keys, "00112233445566778899aabbccddeeff");
  snprintf (psk, sizeof psk, "--tls-psk=%s", keys);
  start_server ("--tls=require", psk, "file", file, NULL);
}

static void
set_secret_uri (const char *with)
{
  snprintf (uri, sizeof uri,
            "nbds+unix://zram@/?socket=%s/socket&tls-psk-file=%s", dir, with);
}

/* With a key that both have; and again when the server has gone and come back.
 */
START_TEST (the_way_may_be_secret)
{
  start_secret_server ();
  set_secret_uri (keys);
  start ();
  ck_assert_int_eq (transfer (true, 7, 'x'), 0);
  end_server ();
  wait_until_away (true);
  start_secret_server ();
  ck_assert_int_eq (transfer (false, 7, 'x'), 0);
  finish ();
}

START_TEST (a_way_that_is_not_secret_is_refused)
{
  start_secret_server ();
  must_refuse (uri, 0, -EIO, "TLS");
  put_key (other_keys, "ffeeddccbbaa99887766554433221100");
  set_secret_uri (other_keys);
  must_refuse (uri, 0, -EIO, "handshake");
  end_server ();
  start_file_server ();
  set_secret_uri (keys);
  must_refuse (uri, 0, -EIO, "TLS");
}

int
main (void)
{
  Suite *suite = suite_create ("storenbd");
  TCase *tc = suite_case (suite, "storenbd");

  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, what_is_written_is_read);
  tcase_add_test (tc, what_cannot_be_used_is_refused);
  tcase_add_test (tc, what_does_not_answer_is_refused);
  tcase_add_test (tc, several_can_be_open);
  tcase_add_test (tc, a_server_need_not_take_more_than_pays);
  tcase_add_test (tc, what_is_there_is_not_lost);
  tcase_add_loop_test (tc, a_server_may_go_and_come_back, 0, 2);
  tcase_add_test (tc, who_was_away_for_long_is_soon_found_again);
  tcase_add_test (tc, what_it_had_begun_is_sent_once_more);
  tcase_add_test (tc, who_may_not_wait_is_told);
  tcase_add_test (tc, who_waits_for_too_long_is_told);
  tcase_add_test (tc, another_store_is_left_alone);
  tcase_add_loop_test (tc, what_is_not_it_is_told, 0, 3);
  tcase_add_test (tc, a_server_that_does_not_answer_is_left);
  tcase_add_loop_test (tc, what_it_says_is_passed_on, 0, 2);
  tcase_add_test (tc, it_stops_with_requests_in_flight);
  tcase_add_test (tc, it_stops_while_it_is_away);
  tcase_add_test (tc, a_fork_keeps_it);
  tcase_add_test (tc, the_way_may_be_secret);
  tcase_add_test (tc, a_way_that_is_not_secret_is_refused);
  return suite_run (suite);
}
