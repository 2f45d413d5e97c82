/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk: what an export is, with a device behind it or without.
 *
 * zram's life: it is told what its device is to be like, made ("initialised")
 * by its disksize, used, and reset.  nbdkit's parameters do the first two
 * before the server serves; the control socket does all of them later.
 */
#ifndef ZRAM_DISK_H
#define ZRAM_DISK_H

#include <pthread.h>

#include "zram.h"

struct disk {
  const char *name; /* zram's: "zram0" */

  /* Connections; -1: the disk is being reset, none may come.  Reads and writes
   * of pages take no lock: a device goes only when nobody is connected. */
  _Atomic int clients;

  /* zram's device lock: who changes what follows has it for writing, who looks
   * at it for reading.  Who wants to write is not kept waiting by readers that
   * come later. */
  pthread_rwlock_t lock;
  struct zram_config config; /* of the device, or of the next one */
  struct zram *_Atomic zram; /* NULL: it is not initialised */
};

/* What a disk is before it is told anything. */
#define DISK_CONFIG_DEFAULT                             \
  {                                                     \
    .compact_threshold = ZRAM_DEFAULT_COMPACT_THRESHOLD \
  }

/* A disk without a device, called NAME, which outlives it. */
extern void disk_init (struct disk *disk, const char *name);

/* No call may be under way. */
extern void disk_destroy (struct disk *disk);

/* Make the device that the configuration describes, and let it do what it does
 * by itself.  The caller holds the lock for writing.  -EBUSY: there is one;
 * otherwise zram_create's and zram_start's errors, and there is none. */
extern int do_disk_start (struct disk *disk);

/* Empty it: the device goes with all that is stored, and disksize, mem_limit
 * and comp_algorithm become what they were at first.  What zram does not have
 * stays as it was told.  -EBUSY: somebody is connected (zram's reset).  The
 * caller holds the lock for writing. */
extern int do_disk_reset (struct disk *disk);

/* Bytes; 0: it is not initialised.  Takes no lock: the caller is a client, for
 * whom the device stays. */
extern uint64_t disk_size (const struct disk *disk);

/* A client comes, and goes; neither waits for anything.  -EBUSY: the disk is
 * being reset. */
extern int disk_open (struct disk *disk);
extern void disk_close (struct disk *disk);

#endif /* ZRAM_DISK_H */
