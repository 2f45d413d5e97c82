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

#include "exportname.h"
#include "zram.h"

struct disk {
  char name[EXPORTNAME_DISK_LEN + 1]; /* zram's: "zram0" */
  const char *run_id;                 /* of the server's exports; "": none */

  /* Connections; -1: the disk is shut, none may come.  Reads and writes
   * of pages take no lock: a device goes only when nobody is connected. */
  _Atomic int clients;

  /* zram's device lock: who changes what follows has it for writing, who looks
   * at it for reading.  Who wants to write is not kept waiting by readers that
   * come later. */
  pthread_rwlock_t lock;
  struct zram_config config; /* of the device, or of the next one */
  struct zram *_Atomic zram; /* NULL: it is not initialised */
  bool gone;                 /* no name leads to it any more */

  /* Runs over the device, which have no lock: it stays until they have ended,
   * and they are told to end when it is to go. */
  _Atomic uint32_t runs;
  _Atomic bool ending;

  /* diskset's. */
  struct disk *next;
  uint64_t number;
  unsigned refs;
  bool on_demand; /* it was made for a client who asked for it */
};

/* What a disk is before it is told anything. */
#define DISK_CONFIG_DEFAULT                              \
  {                                                      \
    .compact_threshold = ZRAM_DEFAULT_COMPACT_THRESHOLD, \
    .spread_threshold = ZRAM_DEFAULT_SPREAD_THRESHOLD    \
  }

/* A disk without a device, called NAME, of at most EXPORTNAME_DISK_LEN bytes.
 */
extern void disk_init (struct disk *disk, const char *name);

/* No call may be under way. */
extern void disk_destroy (struct disk *disk);

/* Make the device that the configuration describes.  The caller holds the lock
 * for writing.  -EBUSY: there is one; otherwise store_open's and zram_create's
 * errors, and there is none.  *WHY is store_open's, for free (); NULL: it says
 * nothing. */
extern int do_disk_create (struct disk *disk, char **why);

/* ... and let it do what it does by itself; zram_start's errors as well.  It is
 * seen when it does. */
extern int do_disk_start (struct disk *disk, char **why);

/* Nobody is connected, and nobody can find it any more: let the device go, and
 * make no other.  Ends its runs, and waits for those who have the lock. */
extern void disk_retire (struct disk *disk);

/* A run over the device begins, and ends.  When it begins the caller has the
 * lock, for reading at least. */
extern void do_disk_begin_run (struct disk *disk);
extern void disk_end_run (struct disk *disk);

/* Empty it: the device goes with all that is stored, and disksize, mem_limit
 * and the algorithms become what they were at first.  What zram does not have
 * stays as it was told.  Ends its runs.  -EBUSY: somebody is connected (zram's
 * reset).  The caller holds the lock for writing. */
extern int do_disk_reset (struct disk *disk);

/* Bytes; 0: it is not initialised.  Takes no lock: the caller is a client, for
 * whom the device stays. */
extern uint64_t disk_size (const struct disk *disk);

/* If nobody is connected, keep everybody from it; false: somebody is.  And let
 * them in again. */
extern bool disk_shut (struct disk *disk);
extern void disk_unshut (struct disk *disk);

/* A client comes, and goes; neither waits for anything.  -EBUSY: the disk is
 * shut. */
extern int disk_open (struct disk *disk);
extern void disk_close (struct disk *disk);

#endif /* ZRAM_DISK_H */
