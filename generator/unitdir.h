/* SPDX-License-Identifier: BSD-3-Clause */
/* What a generator gives to systemd: drop-ins for the templates in
 * contrib/systemd, and links that have them started.  systemd.generator(7).
 */
#ifndef ZRAM_UNITDIR_H
#define ZRAM_UNITDIR_H

#include "serverconf.h"

/* Write in directory DIR, which is there, what has SERVER started at boot.  -1:
 * that failed, which has been complained of. */
extern int unitdir_write (const char *dir, const struct server_conf *server);

#endif /* ZRAM_UNITDIR_H */
