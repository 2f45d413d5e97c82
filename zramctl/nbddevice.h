/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's NBD devices, /dev/nbd0 and so on, as sysfs knows them.
 *
 * SYSFS is where block devices are there: NBD_DEVICE_SYSFS.
 */
#ifndef ZRAM_NBDDEVICE_H
#define ZRAM_NBDDEVICE_H

#include <stdbool.h>
#include <stdint.h>

#define NBD_DEVICE_SYSFS "/sys/block"

/* The number of the device that NAME, "/dev/nbd3" or "nbd3", names; -1: it is
 * none. */
extern int nbd_device_number (const char *name);

/* Is there such a device?  Without the module nbd there is none. */
extern bool nbd_device_exists (const char *sysfs, unsigned number);

/* Does the kernel use DEVICE, "/dev/nbd3": mounted, swap, or part of a device
 * of MD's or the device mapper's?  All of them open it for themselves alone. */
extern bool nbd_device_is_held (const char *device);

/* Does it have a server? */
extern bool nbd_device_is_connected (const char *sysfs, unsigned number);

/* Bytes; 0: it has no server, or is not ready yet. */
extern uint64_t nbd_device_size (const char *sysfs, unsigned number);

#endif /* ZRAM_NBDDEVICE_H */
