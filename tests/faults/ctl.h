/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking a server by its control socket, which may itself be what fails. */
#ifndef ZRAM_TEST_CTL_H
#define ZRAM_TEST_CTL_H

#include <stddef.h>

enum ctl {
  CTL_OK,
  CTL_REFUSED, /* by one line that says why */
  CTL_GONE     /* the server has hung up, or does not listen */
};

/* Send REQUEST to the server that listens at SOCKET.  TEXT is its answer, each
 * line with its newline, without the last one, which says "ok"; or why it was
 * refused.  A server that says nothing for long has hung: the test ends. */
extern enum ctl
ctl_ask (const char *socket, const char *request, char *text, size_t size);

#endif /* ZRAM_TEST_CTL_H */
