/* SPDX-License-Identifier: BSD-3-Clause */
/* A soak of a plugin that ThreadSanitizer was compiled into: the server is to
 * report the race that plugin/race.c makes as it ends, and no other. */
#ifndef ZRAM_TEST_SOAKRACES_H
#define ZRAM_TEST_SOAKRACES_H

struct server;

/* Servers preload RUNTIME from now on, until preload_nothing. */
extern void races_preload (const char *runtime);

/* None was reported so far; its log may be emptied then. */
extern void races_check (const struct server *server);

/* It has ended: there was that one, and no other. */
extern void races_check_ended (const struct server *server);

#endif /* ZRAM_TEST_SOAKRACES_H */
