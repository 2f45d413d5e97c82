/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection of a store to its NBD server, by libnbd: made, looked after,
 * lost and made anew; and single requests that are sent on it.
 *
 * A connection is one thread's at a time; only nbdconn_is_up () is anybody's.
 * None of its functions waits, but nbdconn_first () and nbdconn_wait ().
 */
#ifndef ZRAM_NBDCONN_H
#define ZRAM_NBDCONN_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "storekind.h"

/* How exactly times are kept while there is something to be timed. */
#define NBDCONN_TICK_MS 100U

/* The longest transfer, which a server has to take at once: what is read waits
 * behind what is written. */
#define NBDCONN_LONGEST (256U << 10)

/* A request that libnbd has: it and its buffer stay where they are until it is
 * answered, or its connection lost. */
struct nbdconn_request {
  int64_t cookie; /* libnbd's name for it */
  bool answered;
  int error; /* errno, then */
};

enum nbdconn_state {
  NBDCONN_AWAY,
  NBDCONN_CONNECTING,
  NBDCONN_CHECKING,
  NBDCONN_UP
};

/* Of these, store_nbd.c reads URI and TIMEOUT. */
struct nbdconn {
  struct store *store; /* whose connection it is */
  char *uri;
  uint64_t timeout; /* ms */
  void (*complain) (const char *line);

  struct nbd_handle *nbd;
  _Atomic enum nbdconn_state state; /* others may look */
  uint64_t next;    /* when to connect, or when connecting has taken too long */
  uint64_t backoff; /* ms */
  bool told;        /* that another store is there now */
  struct nbdconn_request check; /* that the mark is read by, to: */
  char *seen;                   /* STORE_HEADER bytes */
};

/* Can there be a connection to what CONFIG names?  0, or -errno and *WHY not.
 */
extern int nbdconn_check (const struct store_config *config, char **why);

/* Make CONN, which is all zeros, that of STORE; false: there is no memory, and
 * it is to be destroyed all the same. */
extern bool nbdconn_init (struct nbdconn *conn, struct store *store,
                          const struct store_config *config);
extern void nbdconn_destroy (struct nbdconn *conn);

/* Connect for the first time, and give the store the size that the export and
 * CONFIG say, and its block.  0, or -errno and *WHY not. */
extern int nbdconn_first (struct nbdconn *conn,
                          const struct store_config *config, char **why);

/* A thread has begun to look after it. */
extern void nbdconn_start (struct nbdconn *conn);

/* Do what is to be done next for it to be up, if it is time, or if what was
 * waited for is there. */
extern void nbdconn_go_up (struct nbdconn *conn);

extern bool nbdconn_is_up (const struct nbdconn *conn);

/* It is of no use, WHY: close it, and have another one later.  Of its requests
 * nothing more will be heard. */
extern void nbdconn_lose (struct nbdconn *conn, const char *why);

/* Has it been lost, by itself?  And why has what was tried failed? */
extern bool nbdconn_is_dead (const struct nbdconn *conn);
extern const char *nbdconn_error (void);

/* For how long (ms) one answer is waited for: half of the time that a request
 * has, which can be sent once more. */
extern uint64_t nbdconn_patience (const struct nbdconn *conn);

/* What is to be waited for; none: the descriptor is -1.  And REVENTS came. */
extern struct pollfd nbdconn_awaited (const struct nbdconn *conn);
extern void nbdconn_go_on (struct nbdconn *conn, short revents);

/* Both at once, for a tick: nobody else may use it meanwhile. */
extern void nbdconn_wait (struct nbdconn *conn);

/* Have REQUEST sent.  False: it cannot be. */
extern bool nbdconn_send (struct nbdconn *conn, struct nbdconn_request *request,
                          bool write, void *buf, uint32_t len, uint64_t offset);

/* REQUEST was answered, and libnbd may forget it; a lost connection's it
 * forgets with that. */
extern void
nbdconn_forget (struct nbdconn *conn, const struct nbdconn_request *request);

#endif /* ZRAM_NBDCONN_H */
