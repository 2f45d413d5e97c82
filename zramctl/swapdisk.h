/* SPDX-License-Identifier: BSD-3-Clause */
/* A server of swap and its NBD device.
 *
 * Nothing is stored of it but what it needs itself, in the runtime directory:
 * its control socket, nbd0, by which other commands find it, .nbd0.socket for
 * the device, and .nbd0.pid (and .swap.lock, of all).  What else there is to
 * know the kernel knows.
 *
 * A service manager may have started the server, and listen on .nbd0.socket
 * itself (socket activation): then "swap attach" does the rest.
 */
#ifndef ZRAM_SWAPDISK_H
#define ZRAM_SWAPDISK_H

#include <stdbool.h>
#include <sys/types.h>

#include "steps.h"

/* Of swap space: zram-generator's, above that of a disk; and Linux's limit. */
#define SWAP_DISK_PRIORITY      100
#define SWAP_DISK_MOST_PRIORITY 32767

/* Of a device to its server. */
#define SWAP_DISK_MOST_CONNECTIONS 64

struct swap_disk {
  unsigned number;
  char *device; /* "/dev/nbd0" */
  char *control, *socket, *pidfile;
};

/* That of device NUMBER; it need not exist. */
extern void swap_disk_init (struct swap_disk *disk, unsigned number);
extern void swap_disk_free (struct swap_disk *disk);

/* The numbers of those there are: of devices for which a server has left a
 * pidfile, be it that it lives or not.  To be freed; *N of them.  None: NULL.
 */
extern unsigned *swap_disk_list (unsigned *n);

/* Only one process at a time makes them or ends them: until the program ends,
 * others wait.  The runtime directory is there.  -1: that has been complained
 * of. */
extern int swap_disk_lock (void);

/* Its server's process; 0: it has none, or that has ended. */
extern pid_t swap_disk_server (const struct swap_disk *disk);

/* Does somebody listen on its socket, be it its server or a service manager? */
extern bool swap_disk_is_offered (const struct swap_disk *disk);

/* Remove what its server has left: nbdkit does not.  (Its control socket is the
 * plugin's to remove, and a service manager's socket its own.) */
extern int
swap_disk_clear (const struct swap_disk *disk, const struct steps *steps);

/* End what there is of it, in this order: the device's connection, if it is
 * CONNECTED to the server; the server; its files.  The system must not swap to
 * it.  -1: that failed, which has been complained of. */
extern int swap_disk_end (const struct swap_disk *disk,
                          const struct steps *steps, bool connected);

#endif /* ZRAM_SWAPDISK_H */
