/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "rawnbd.h"
#include "server.h"

#define PATIENCE 60 /* seconds */

#define OPTION_MAGIC       UINT64_C (0x49484156454f5054) /* IHAVEOPT */
#define OPTION_GO          7U
#define OPTION_REPLY_MAGIC UINT64_C (0x0003e889045565a9)
#define OPTION_REPLY_ACK   1U
#define OPTION_REPLY_ERROR (1U << 31)
#define FIXED_NEWSTYLE     1U
#define NO_ZEROES          2U
#define SIMPLE_REPLY_MAGIC 0x67446698U

/* What stands for every request that is sent, and comes back with its reply. */
#define COOKIE UINT64_C (0x7a72616d2d746573)

/* As they are on the wire, big endian. */

struct wire_handshake {
  uint32_t flags;
  uint64_t magic;
  uint32_t option;
  uint32_t len;
  uint32_t name_len; /* and no name */
  uint16_t infos;
} __attribute__ ((packed));

struct wire_option_reply {
  uint64_t magic;
  uint32_t option;
  uint32_t type;
  uint32_t len;
} __attribute__ ((packed));

struct wire_request {
  uint32_t magic;
  uint16_t flags;
  uint16_t type;
  uint64_t cookie;
  uint64_t offset;
  uint32_t count;
} __attribute__ ((packed));

struct wire_reply {
  uint32_t magic;
  uint32_t error;
  uint64_t cookie;
} __attribute__ ((packed));

_Static_assert(sizeof (struct wire_handshake) == RAW_HANDSHAKE_SIZE, "");
_Static_assert(sizeof (struct wire_request) == RAW_REQUEST_SIZE, "");

int
raw_connect (const struct server *server)
{
  const struct timeval patience = {.tv_sec = PATIENCE};
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  CHECK (fd != -1);
  CHECK (strlen (server->socket) < sizeof addr.sun_path);
  memcpy (addr.sun_path, server->socket, strlen (server->socket) + 1);
  CHECK (setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ==
         0);
  CHECK (setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ==
         0);
  CHECK (connect (fd, (const struct sockaddr *) &addr, sizeof addr) == 0);
  return fd;
}

bool
raw_send (int fd, const void *buf, size_t len)
{
  const char *at = buf;

  while (len > 0) {
    const ssize_t n = send (fd, at, len, MSG_NOSIGNAL);

    if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
      return false;
    if (n == -1)
      fail ("send: %s", strerror (errno));
    at += n;
    len -= (size_t) n;
  }
  return true;
}

bool
raw_receive (int fd, void *buf, size_t len)
{
  char *at = buf;

  while (len > 0) {
    const ssize_t n = recv (fd, at, len, 0);

    if (n == 0 || (n == -1 && errno == ECONNRESET))
      return false;
    if (n == -1)
      fail ("recv: %s", strerror (errno));
    at += n;
    len -= (size_t) n;
  }
  return true;
}

void
raw_handshake (unsigned char bytes[RAW_HANDSHAKE_SIZE])
{
  const struct wire_handshake handshake = {
      .flags = htobe32 (FIXED_NEWSTYLE | NO_ZEROES),
      .magic = htobe64 (OPTION_MAGIC),
      .option = htobe32 (OPTION_GO),
      .len = htobe32 (sizeof handshake.name_len + sizeof handshake.infos),
  };

  memcpy (bytes, &handshake, sizeof handshake);
}

/* Receive the reply to an option; returns its type. */
static uint32_t
option_answer (int fd)
{
  struct wire_option_reply reply;
  char info[4096];
  uint32_t len;

  CHECK (raw_receive (fd, &reply, sizeof reply));
  CHECK (be64toh (reply.magic) == OPTION_REPLY_MAGIC);
  len = be32toh (reply.len);
  CHECK (len <= sizeof info);
  CHECK (raw_receive (fd, info, len));
  return be32toh (reply.type);
}

/* The same as raw_handshake, with a name; returns how many bytes. */
static size_t
handshake_with_name (unsigned char *bytes, size_t size, const char *name)
{
  const size_t before = offsetof (struct wire_handshake, infos);
  const size_t len = strlen (name);
  struct wire_handshake handshake;

  CHECK (RAW_HANDSHAKE_SIZE + len <= size);
  raw_handshake ((unsigned char *) &handshake);
  handshake.len = htobe32 (
      (uint32_t) (sizeof handshake.name_len + len + sizeof handshake.infos));
  handshake.name_len = htobe32 ((uint32_t) len);
  bytes = mempcpy (bytes, &handshake, before);
  bytes = mempcpy (bytes, name, len);
  memcpy (bytes, &handshake.infos, sizeof handshake.infos);
  return RAW_HANDSHAKE_SIZE + len;
}

int
raw_open_export (const struct server *server, const char *export)
{
  unsigned char greeting[RAW_GREETING_SIZE], handshake[128];
  const int fd = raw_connect (server);
  uint32_t type;

  CHECK (raw_receive (fd, greeting, sizeof greeting));
  CHECK (raw_send (fd, handshake,
                   handshake_with_name (handshake, sizeof handshake, export)));
  do {
    type = option_answer (fd);
    CHECK (!(type & OPTION_REPLY_ERROR));
  } while (type != OPTION_REPLY_ACK);
  return fd;
}

int
raw_open (const struct server *server)
{
  return raw_open_export (server, "");
}

void
raw_encode (unsigned char bytes[RAW_REQUEST_SIZE],
            const struct raw_request *request)
{
  const struct wire_request wire = {
      .magic = htobe32 (request->magic ? request->magic : RAW_REQUEST_MAGIC),
      .flags = htobe16 (request->flags),
      .type = htobe16 (request->type),
      .cookie = htobe64 (COOKIE),
      .offset = htobe64 (request->offset),
      .count = htobe32 (request->count),
  };

  memcpy (bytes, &wire, sizeof wire);
}

bool
raw_ask (int fd, const struct raw_request *request)
{
  unsigned char bytes[RAW_REQUEST_SIZE];

  raw_encode (bytes, request);
  return raw_send (fd, bytes, sizeof bytes);
}

uint32_t
raw_answer (int fd)
{
  struct wire_reply reply;

  CHECK (raw_receive (fd, &reply, sizeof reply));
  CHECK (be32toh (reply.magic) == SIMPLE_REPLY_MAGIC);
  CHECK (be64toh (reply.cookie) == COOKIE);
  return be32toh (reply.error);
}

void
raw_must_be_closed (int fd)
{
  char byte;

  if (raw_receive (fd, &byte, 1))
    fail ("the server goes on with a connection that means nothing");
}
