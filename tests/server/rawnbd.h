/* SPDX-License-Identifier: BSD-3-Clause */
/* The NBD protocol by hand, for clients that misbehave: libnbd refuses to.
 *
 * Fixed newstyle negotiation, one option (NBD_OPT_GO, the default export), and
 * simple replies.  A connection is its socket.  Nothing waits for ever: who
 * waits a minute in vain fails.
 */
#ifndef ZRAM_TEST_RAWNBD_H
#define ZRAM_TEST_RAWNBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

/* Numbers of the protocol. */
enum {
  RAW_READ = 0,
  RAW_WRITE = 1,
  RAW_DISC = 2,
  RAW_FLUSH = 3,
  RAW_TRIM = 4,
  RAW_CACHE = 5,
  RAW_WRITE_ZEROES = 6,
  RAW_BLOCK_STATUS = 7,
  RAW_NO_SUCH_COMMAND = 8,
};

enum {
  RAW_FUA = 1 << 0,
  RAW_NO_HOLE = 1 << 1,
  RAW_DF = 1 << 2,
  RAW_REQ_ONE = 1 << 3,
  RAW_FAST_ZERO = 1 << 4,
  RAW_NO_SUCH_FLAG = 1 << 15,
};

enum {
  RAW_EINVAL = 22,
  RAW_ENOMEM = 12,
  RAW_ENOSPC = 28,
};

#define RAW_REQUEST_MAGIC  0x25609513U
#define RAW_REQUEST_SIZE   28U
#define RAW_GREETING_SIZE  18U /* what a server says first */
#define RAW_HANDSHAKE_SIZE 26U /* all that a client says then */

struct raw_request {
  uint32_t magic; /* 0: the right one */
  uint16_t flags;
  uint16_t type;
  uint64_t offset;
  uint32_t count;
};

/* A connection on which nothing has been said. */
extern int raw_connect (const struct server *server);

/* One that is ready for requests. */
extern int raw_open (const struct server *server);
extern int raw_open_export (const struct server *server, const char *export);

/* What a client says until then. */
extern void raw_handshake (unsigned char bytes[RAW_HANDSHAKE_SIZE]);

/* The bytes of REQUEST. */
extern void raw_encode (unsigned char bytes[RAW_REQUEST_SIZE],
                        const struct raw_request *request);

/* Send LEN bytes; false: the server has hung up. */
extern bool raw_send (int fd, const void *buf, size_t len);

/* Send REQUEST, and nothing that belongs to it. */
extern bool raw_ask (int fd, const struct raw_request *request);

/* Receive LEN bytes; false: the server has hung up. */
extern bool raw_receive (int fd, void *buf, size_t len);

/* Receive a reply without what belongs to it; returns its error.  It is to a
 * request that was sent by raw_ask or raw_encode. */
extern uint32_t raw_answer (int fd);

/* Fail unless the server hangs up, having said nothing. */
extern void raw_must_be_closed (int fd);

#endif /* ZRAM_TEST_RAWNBD_H */
