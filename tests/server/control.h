/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking a server by its control socket, with the program that is made for it:
 * nbdkit-zramctl. */
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

#endif /* ZRAM_TEST_CONTROL_H */
