/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking a server by its control socket: with the program that is made for it,
 * nbdkit-zramctl, or by hand. */
#ifndef ZRAM_TEST_CONTROL_H
#define ZRAM_TEST_CONTROL_H

#include <stddef.h>

/* "get ATTRIBUTE" or "set ATTRIBUTE=VALUE" by SOCKET.  ANSWER is the first line
 * of what it says, without the newline, or empty.  Returns its exit status; if
 * that is not 0 it has also said why, to stderr. */
extern int control_try (const char *socket, const char *request, char *answer,
                        size_t size);

/* The same; it must succeed, and answer something. */
extern void control_ask (const char *socket, const char *request, char *answer,
                         size_t size);

/* Ask until the answer is WANTED, or for too long: then it fails. */
extern void
control_await (const char *socket, const char *request, const char *wanted);

/* What a line was answered with. */
struct control_answer {
  char error[16]; /* the name of an errno, or nothing */
  char text[512]; /* the first line, or what is wrong */
};

/* A connection to the socket at PATH, for who speaks by hand. */
extern int control_connect (const char *path);

/* Say a line, which ends in a newline, and take the answer. */
extern void control_say (const char *socket, const char *line,
                         struct control_answer *answer);

#endif /* ZRAM_TEST_CONTROL_H */
