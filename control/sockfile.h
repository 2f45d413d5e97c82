/* SPDX-License-Identifier: BSD-3-Clause */
/* A Unix socket's file: whose the name is.
 *
 * A socket that a dead server has left is replaced; one at which a server
 * listens, and whatever else has the name, is not.  A socket is what a name
 * stands for until somebody listens there: between two servers that both find
 * one that is left, a lock of the directory decides.
 */
#ifndef ZRAM_SOCKFILE_H
#define ZRAM_SOCKFILE_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct sockfile {
  int fd; /* of the socket that listens, which does not block; -1: none */
  struct sockaddr_un address;
  dev_t dev; /* of the file */
  ino_t ino;
};

#define SOCKFILE_CLOSED                           \
  {                                               \
    .fd = -1, .address = {.sun_family = AF_UNIX } \
  }

/* Make a socket called PATH that listens, with BACKLOG clients waiting, for its
 * owner only.  -1, and MESSAGE of SIZE bytes says why: a server answers there,
 * or it is something else, or it cannot be made. */
extern int sockfile_make (struct sockfile *file, const char *path, int backlog,
                          char *message, size_t size);

/* Close it, and remove the file if it is still this socket's.  Harmless if it
 * is closed. */
extern void sockfile_remove (struct sockfile *file);

#endif /* ZRAM_SOCKFILE_H */
