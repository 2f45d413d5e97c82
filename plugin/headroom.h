/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors for what is not a client.
 *
 * nbdkit accepts whoever connects, and the limit filter counts only those who
 * have been through the handshake.  Clients who say nothing would come to hold
 * every descriptor that the process may have: the control socket could accept
 * nobody, a backing store not connect again, and nbdkit before 1.34 or so tries
 * in a loop, with a line in its log each time.  So who comes when there are
 * few left is sent away at once, before the handshake.
 */
#ifndef ZRAM_HEADROOM_H
#define ZRAM_HEADROOM_H

#include <stdbool.h>

/* How many are kept, or a quarter of those that there may be, if that is less:
 * as many as the control socket has clients. */
#define HEADROOM 64

/* Whether more than those are left. */
extern bool headroom_left (void);

#endif /* ZRAM_HEADROOM_H */
