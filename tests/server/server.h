/* SPDX-License-Identifier: BSD-3-Clause */
/* A real nbdkit with the plugin from the build tree, for one test program.
 *
 * Every server has a directory of its own under /tmp with its socket and what
 * it wrote to stderr.  The socket is made here and handed over (nbdkit's socket
 * activation), so that a client can connect at once and nothing is polled for.
 * Whatever goes wrong ends the test program with one line that says so; its
 * servers are killed and their directories removed then, too.
 *
 * ZRAM_PLUGIN in the environment names another plugin than the build tree's,
 * ZRAM_TMP another place than /tmp, with a name that is about as short.
 */
#ifndef ZRAM_TEST_SERVER_H
#define ZRAM_TEST_SERVER_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include <libnbd.h>

#define PAGE UINT64_C (4096)
#define KiB  (UINT64_C (1) << 10)
#define MiB  (UINT64_C (1) << 20)
#define GiB  (UINT64_C (1) << 30)
#define TiB  (UINT64_C (1) << 40)

struct server {
  pid_t pid;
  char dir[32];
  char socket[48];
  char log[48]; /* the server's stderr */
};

/* Start nbdkit with these words after the plugin's name, up to NULL. */
extern void
server_start (struct server *server, ...) __attribute__ ((sentinel));

/* SIGTERM; the server must exit with status 0, so it cannot have crashed
 * before.  Close every connection first. */
extern void server_stop (struct server *server);

/* Wait for a server that has been told to end, and look at its status. */
extern void server_wait (struct server *server);

/* The same, but its log can be looked at until server_kill. */
extern void server_end (struct server *server);

/* SIGKILL, as the OOM killer has it: the server cleans nothing up. */
extern void server_kill (struct server *server);

extern void server_signal (const struct server *server, int sig);

/* A new connection, with libnbd's own checks of arguments off so that the
 * server sees what the test asks. */
extern struct nbd_handle *server_connect (const struct server *server);

/* The same, to EXPORT. */
extern struct nbd_handle *
server_connect_to (const struct server *server, const char *export);

/* The same, stopped before an export is chosen (option mode). */
extern struct nbd_handle *server_negotiate (const struct server *server);

/* A field of /proc/PID/smaps_rollup, e.g. "Rss", in bytes. */
extern uint64_t server_memory (const struct server *server, const char *field);

/* How many entries /proc/PID/<NAME> has ("fd", "task"). */
extern unsigned server_entries (const struct server *server, const char *name);

/* Make a file in memory, as long as LEN zeros; returns its descriptor.  The
 * servers started from now on inherit it, and NAME is its name for both. */
extern int memory_file (char name[32], size_t len);

/* How many lines of the server's stderr contain TEXT; complete ones, since it
 * may be writing. */
extern unsigned
server_log_count (const struct server *server, const char *text);

/* Wait (bounded) until CONDITION (ARG) is true; else fail, saying WHAT. */
extern void
wait_until (int (*condition) (void *arg), void *arg, const char *what);

/* Say what is wrong and end the test program.  Any thread may. */
extern void fail_at (const char *file, int line, const char *format, ...)
    __attribute__ ((noreturn, format (printf, 3, 4)));

#define fail(...) fail_at (__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(expr)                 \
  do {                              \
    if (!(expr))                    \
      fail ("not true: %s", #expr); \
  } while (0)

/* A libnbd call that must succeed. */
#define NBD_OK(call)                            \
  do {                                          \
    if ((call) == -1)                           \
      fail ("%s: %s", #call, nbd_get_error ()); \
  } while (0)

/* A libnbd call that the server must refuse with ERR. */
#define NBD_REFUSED(call, err)                                     \
  do {                                                             \
    if ((call) != -1)                                              \
      fail ("%s: succeeded, expected %s", #call, #err);            \
    if (nbd_get_errno () != (err))                                 \
      fail ("%s: %s; expected %s", #call, nbd_get_error (), #err); \
  } while (0)

/* A question with a yes-or-no answer that must be yes. */
#define NBD_YES(call)            \
  do {                           \
    if ((call) != 1)             \
      fail ("%s: not 1", #call); \
  } while (0)

#endif /* ZRAM_TEST_SERVER_H */
