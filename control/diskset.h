/* SPDX-License-Identifier: BSD-3-Clause */
/* The disks of a server: made at its start, added and removed by the control
 * socket (zram-control's hot_add and hot_remove), or made for clients who ask
 * for them.
 *
 *     set --- zram0 --- zram1 --- alice        oldest first
 *               ^                   ^
 *               |                   '- a reference for each request about it
 *               '- connections are counted in the disk itself
 *
 * A disk leaves the list when nobody is connected, and nobody can then find it;
 * its memory goes at once, and then its place; it itself with the last
 * reference.  Who finds all places taken waits for those that are being left.
 *
 * With mem_total the pools share a budget (zsbudget.h) of which each place, of
 * max_devices, has its mem_min, whether there is a disk in it or not: who comes
 * last finds it, however greedy the others are.
 *
 * The disks share the workers, who start after the fork, before any client
 * comes, and stop when nobody is left.
 *
 * Locks.  The set's lock is never held while a device is made or freed: only
 * for the list, the references and the places, one of which comes with a disk
 * without a device; and while a client comes or goes, so that a disk which goes
 * when it is closed does not go under the next one's feet.  No other is taken
 * under it.
 */
#ifndef ZRAM_DISKSET_H
#define ZRAM_DISKSET_H

#include <pthread.h>

#include "attr.h"
#include "disk.h"
#include "zsbudget.h"

struct diskset {
  struct attr_config config; /* of the server; its disksize is that of the disks
                              * at the start */
  struct zs_budget budget;
  struct workpool *workers; /* of all disks; NULL: none */

  pthread_mutex_t lock;
  struct disk *disks;
  uint64_t numbers;    /* given out so far */
  unsigned places;     /* taken */
  uint64_t owed;       /* bytes of the others' mem_min that somebody else has: a
                        * disk with less than that was there, and has left */
  unsigned leaving;    /* of those, by disks that are leaving the list, or do
                        * not come to it... */
  pthread_cond_t left; /* ... one of which has left */
};

/* No disks yet; CONFIG is complete. */
extern void
diskset_init (struct diskset *set, const struct attr_config *config);

/* Everybody has gone. */
extern void diskset_destroy (struct diskset *set);

/* The server's beginning and end.  Make the disks that there are at the start,
 * with their devices; let those do what they do by themselves (after the fork);
 * end that.  0, or -1 and ERROR. */
extern int diskset_create (struct diskset *set, struct attr_error *error);
extern int diskset_start (struct diskset *set, struct attr_error *error);
extern void diskset_stop (struct diskset *set);

/* The start has failed: stop, and leave no store that was not there before. */
extern void diskset_undo (struct diskset *set);

/* The disk after DISK, whose reference this takes over, or the first one after
 * NULL; with a reference.  NULL: there is no other. */
extern struct disk *diskset_next (struct diskset *set, struct disk *disk);

/* The disk of that name, with a reference; NULL: there is none. */
extern struct disk *diskset_get (struct diskset *set, const char *name);
extern void diskset_put (struct diskset *set, struct disk *disk);

/* A client comes to EXPORT; he is counted, and DISK is there until he goes.  -1
 * and ERROR: ENOENT, there is none of that name; ESTALE, the name is not of
 * this run; EBUSY, it is being reset; otherwise it cannot be made. */
extern int diskset_open (struct diskset *set, const char *export,
                         struct disk **disk, struct attr_error *error);
extern void diskset_close (struct diskset *set, struct disk *disk);

/* DISK has perhaps been emptied: if it was made on demand, and nobody is
 * connected, it goes as when the last client has.  The caller keeps his
 * reference. */
extern void diskset_emptied (struct diskset *set, struct disk *disk);

/* Add a disk that has what WORDS say ("KEY=VALUE KEY=VALUE", parameters of each
 * disk, and name=NAME; NULL: nothing) and otherwise what the server has; with
 * no disksize it is not initialised.  DISK comes with a reference.  -1 and
 * ERROR: EEXIST, the name is taken; ENOSPC, there are max_devices; ENOMEM, or
 * what is wrong with WORDS, which this changes. */
extern int diskset_add (struct diskset *set, char *words, struct disk **disk,
                        struct attr_error *error);

/* Remove it, and free all that is stored.  -1 and ERROR: ENODEV, there is none;
 * EBUSY, somebody is connected. */
extern int diskset_remove (struct diskset *set, const char *name,
                           struct attr_error *error);

#endif /* ZRAM_DISKSET_H */
