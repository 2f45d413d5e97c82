/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "clock.h"
#include "ctlreply.h"
#include "ctlrequest.h"
#include "ctlsocket.h"
#include "fdwait.h"
#include "sockfile.h"

/* Newcomers are looked at again after so long when nobody can be accepted. */
#define FULL_MS 1000

#define PATIENCE_MS (CTLSOCKET_PATIENCE * UINT64_C (1000))

enum client_state {
  CLIENT_NONE, /* a free place */
  CLIENT_IDLE, /* it has been answered */
  CLIENT_BUSY, /* it is being answered */
  CLIENT_GONE  /* its thread is at its end */
};

struct client {
  _Atomic enum client_state state;
  uint64_t since; /* it is idle, in milliseconds */
  int fd;
  _Atomic bool stop; /* it has hung up: what it asked for is to end */
  pthread_t thread;
};

static struct {
  struct sockfile socket; /* that listens; closed: there is none */

  struct diskset *set;
  int wake; /* eventfd, for the listening thread */
  bool running;
  _Atomic bool stop;
  pthread_t thread;

  pthread_mutex_t lock; /* who changes a state has it, but for the places of
                         * those that are not there */
  struct client clients[CTLSOCKET_CLIENTS];
} ctl = {
    .socket = SOCKFILE_CLOSED, .wake = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* Threads. */

/* Without signals, which are for nbdkit.  With a stack a little longer than
 * those of its threads: the C library keeps stacks for who wants one as long,
 * and those that have been filled for a connection (prefault.h) are to be
 * there for it. */
static int
start_thread (pthread_t *thread, void *(*run) (void *), void *arg)
{
  sigset_t all, before;
  pthread_attr_t attr;
  size_t stack;
  int r;

  pthread_attr_init (&attr);
  pthread_attr_getstacksize (&attr, &stack);
  pthread_attr_setstacksize (&attr, stack + (size_t) getpagesize ());
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  r = pthread_create (thread, &attr, run, arg);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);
  return -r;
}

static void
be_ordinary (const char *name)
{
  const struct sched_param none = {0};

  pthread_setschedparam (pthread_self (), SCHED_OTHER, &none);
  pthread_setname_np (pthread_self (), name);
}

static void
wake_listener (void)
{
  eventfd_write (ctl.wake, 1); /* which only an endless count could refuse */
}

/* Clients. */

static void
set_state (struct client *client, enum client_state state)
{
  pthread_mutex_lock (&ctl.lock);
  client->state = state;
  client->since = clock_ms ();
  pthread_mutex_unlock (&ctl.lock);
  wake_listener ();
}

/* Answer the LEN bytes at LINE, or refuse them with CODE and MESSAGE. */
static bool
answer (struct client *client, char *line, size_t len, int code,
        const char *message)
{
  struct ctlreply reply;

  if (ctlreply_open (&reply, client->fd, PATIENCE_MS, &client->stop) < 0)
    return false;
  if (code)
    ctlrequest_refuse (code, message, reply.fp);
  else
    ctlrequest_answer (ctl.set, line, len, &reply.run, reply.fp);
  return ctlreply_close (&reply);
}

/* A client's line, as far as it has come. */
struct line {
  char bytes[CTLSOCKET_LINE];
  size_t len;
  uint64_t deadline; /* for the rest of it; 0: it has not begun */
};

/* It has been answered; what has come after it begins the next one. */
static void
drop_line (struct line *line, size_t len)
{
  line->len -= len;
  memmove (line->bytes, line->bytes + len, line->len);
  line->deadline = line->len > 0 ? clock_ms () + PATIENCE_MS : 0;
}

/* Answer the whole lines that have come.  False: the client is to go, or has
 * gone, and what it wanted after that is not begun. */
static bool
answer_lines (struct client *client, struct line *line)
{
  char *newline;

  while ((newline = memchr (line->bytes, '\n', line->len)) != NULL) {
    const size_t len = (size_t) (newline - line->bytes);

    *newline = '\0';
    set_state (client, CLIENT_BUSY);
    if (!answer (client, line->bytes, len, 0, NULL))
      return false;
    set_state (client, CLIENT_IDLE);
    drop_line (line, len + 1);
  }
  if (line->len < sizeof line->bytes)
    return true;
  answer (client, NULL, 0, E2BIG, "a request is a line of at most 4095 bytes");
  return false;
}

/* What has come is no line, and no more comes, or not in time. */
static bool
refuse_rest (struct client *client, const struct line *line, int code)
{
  if (line->len > 0)
    answer (client, NULL, 0, code, "the line has no end: give a newline");
  return false;
}

/* More of the line.  False: the client has gone, or has let us wait for the
 * rest. */
static bool
read_more (struct client *client, struct line *line)
{
  ssize_t n;

  if (!fd_wait (client->fd, POLLIN, line->deadline))
    return refuse_rest (client, line, ETIMEDOUT);
  n = recv (client->fd, line->bytes + line->len, sizeof line->bytes - line->len,
            MSG_DONTWAIT);
  if (n <= 0)
    return refuse_rest (client, line, EINVAL);
  line->len += (size_t) n;
  if (line->deadline == 0)
    line->deadline = clock_ms () + PATIENCE_MS;
  return true;
}

static void *
serve_client (void *arg)
{
  struct client *const client = arg;
  struct line line = {.len = 0};

  be_ordinary ("zram-client");
  while (read_more (client, &line) && answer_lines (client, &line))
    ;
  set_state (client, CLIENT_GONE);
  return NULL;
}

/* The listening thread. */

/* It knows the client's place to be free; who cannot be served is hung up on.
 */
static void
take_client (struct client *client, int fd)
{
  *client =
      (struct client){.state = CLIENT_IDLE, .since = clock_ms (), .fd = fd};
  if (start_thread (&client->thread, serve_client, client) < 0) {
    client->state = CLIENT_NONE;
    close (fd);
  }
}

/* A free place; NULL: there is none, but perhaps soon.  Who has just been
 * answered may be about to ask again: he is not sent away. */
static struct client *
find_place (void)
{
  const uint64_t now = clock_ms ();
  struct client *silent = NULL;

  pthread_mutex_lock (&ctl.lock);
  for (struct client *c = ctl.clients; c < ctl.clients + CTLSOCKET_CLIENTS;
       c++) {
    if (c->state == CLIENT_NONE) {
      pthread_mutex_unlock (&ctl.lock);
      return c;
    }
    if (c->state == CLIENT_IDLE && now - c->since >= PATIENCE_MS &&
        (!silent || c->since < silent->since))
      silent = c;
  }
  if (silent)
    shutdown (silent->fd, SHUT_RDWR);
  pthread_mutex_unlock (&ctl.lock);
  return NULL;
}

/* What the listening thread waits for: to be woken, newcomers, and that those
 * who are being answered hang up. */
struct watched {
  struct pollfd fds[2 + CTLSOCKET_CLIENTS];
  struct client *clients[2 + CTLSOCKET_CLIENTS];
  nfds_t n;
};

/* Free the place of one who has gone, and whose thread is at its end. */
static void
bury (struct client *client)
{
  pthread_join (client->thread, NULL);
  close (client->fd);
  client->state = CLIENT_NONE;
}

static void
watch_clients (struct watched *watched)
{
  pthread_mutex_lock (&ctl.lock);
  for (struct client *c = ctl.clients; c < ctl.clients + CTLSOCKET_CLIENTS;
       c++) {
    if (c->state == CLIENT_GONE)
      bury (c);
    /* No event is asked for: POLLHUP comes unasked, and only when both
     * directions are closed; a client may end its requests and still wait. */
    if (c->state == CLIENT_BUSY && !c->stop) {
      watched->fds[watched->n] = (struct pollfd){.fd = c->fd};
      watched->clients[watched->n++] = c;
    }
  }
  pthread_mutex_unlock (&ctl.lock);
}

/* False: there is no place, or nothing to accept it with; not now. */
static bool
accept_client (void)
{
  struct client *const place = find_place ();
  int fd;

  if (!place)
    return false;
  /* cppcheck-suppress nullPointer; it takes no address, as accept does */
  fd = accept4 (ctl.socket.fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0)
    take_client (place, fd);
  return fd >= 0 || errno == EAGAIN;
}

/* Returns whether newcomers can be ACCEPTED now.  If not, they are let wait
 * until somebody has left his place, which wakes us, or for a second. */
static bool
wait_and_act (bool accept)
{
  struct watched watched = {.n = 2};
  uint64_t count;

  watched.fds[0] = (struct pollfd){.fd = ctl.wake, .events = POLLIN};
  watched.fds[1] =
      (struct pollfd){.fd = accept ? ctl.socket.fd : -1, .events = POLLIN};
  watch_clients (&watched);
  if (poll (watched.fds, watched.n, accept ? -1 : FULL_MS) < 0)
    return accept;
  if (watched.fds[0].revents && eventfd_read (ctl.wake, &count) < 0)
    return accept;
  for (nfds_t i = 2; i < watched.n; i++)
    if (watched.fds[i].revents)
      watched.clients[i]->stop = true;
  return watched.fds[1].revents ? accept_client () : true;
}

static void
hang_up (void)
{
  pthread_mutex_lock (&ctl.lock);
  for (struct client *c = ctl.clients; c < ctl.clients + CTLSOCKET_CLIENTS; c++)
    if (c->state != CLIENT_NONE) {
      c->stop = true;
      shutdown (c->fd, SHUT_RDWR);
    }
  pthread_mutex_unlock (&ctl.lock);
}

static void
wait_for_all (void)
{
  for (struct client *c = ctl.clients; c < ctl.clients + CTLSOCKET_CLIENTS; c++)
    if (c->state != CLIENT_NONE)
      bury (c);
}

static void *
listen_to_clients (void *arg)
{
  bool accept = true;

  be_ordinary ("zram-control");
  while (!ctl.stop)
    accept = wait_and_act (accept);
  hang_up ();
  wait_for_all ();
  return arg;
}

int
ctlsocket_bind (const char *path, char *message, size_t size)
{
  return sockfile_make (&ctl.socket, path, CTLSOCKET_CLIENTS, message, size);
}

int
ctlsocket_start (struct diskset *set)
{
  int r;

  if (ctl.socket.fd < 0)
    return 0;
  ctl.set = set;
  ctl.stop = false;
  ctl.wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (ctl.wake < 0)
    return -errno;
  r = start_thread (&ctl.thread, listen_to_clients, NULL);
  ctl.running = r == 0;
  return r;
}

void
ctlsocket_stop (void)
{
  if (ctl.running) {
    ctl.stop = true;
    wake_listener ();
    pthread_join (ctl.thread, NULL);
    ctl.running = false;
  }
  sockfile_remove (&ctl.socket);
  if (ctl.wake >= 0)
    close (ctl.wake);
  ctl.wake = -1;
}
