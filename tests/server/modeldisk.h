/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk beside a plain array of bytes, its model: random requests of every
 * kind, of any offset and length, many at once on several connections.
 *
 * A request is not sent while another one is under way that would make its
 * outcome a matter of chance: bytes that one request changes, no other request
 * looks at or changes.  Neighbouring bytes of the same page are fair game.
 *
 * No request may fail, but for as long as it is said that the server has no
 * room, or no store, or that anything may fail.  Of one that has failed then,
 * each page is as it was before or as it should be now: which, is read, and
 * holds from then on.
 *
 * Several disks can be in use at once, each by a thread.
 */
#ifndef ZRAM_TEST_MODELDISK_H
#define ZRAM_TEST_MODELDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libnbd.h>

#include "excuse.h"

struct server;

#define MODELDISK_CONNECTIONS 4U
#define MODELDISK_DEPTH       12U /* requests at once */

enum modelop_kind {
  OP_READ,
  OP_WRITE,
  OP_ZERO,
  OP_TRIM,
  OP_EXTENTS,
  OP_FLUSH,
  OP_CACHE,
  OP_KINDS
};

struct modelop;

struct modeldisk {
  uint64_t size;    /* modelled: from the disk's beginning on */
  uint64_t longest; /* request, but for trims */
  uint64_t state;   /* of the random numbers */
  bool spread;      /* most requests are anywhere; others crowd at some place */
  uint64_t crowd;   /* that place */

  /* Pages of real programs, or NULL. */
  const unsigned char *programs;
  size_t programs_size;

  /* While writes may fail with ENOSPC; whatever needs a store, with EIO; and
   * everything, in any way. */
  bool fallible;
  struct excuse no_room;
  struct excuse no_store;
  struct excuse faulty;

  /* Requests that succeeded, and that failed when they were allowed to; and
   * bytes that were compared. */
  _Atomic uint64_t done[OP_KINDS];
  _Atomic uint64_t failed_for_room;
  _Atomic uint64_t failed_for_store;
  _Atomic uint64_t failed_by_fault;
  _Atomic uint64_t verified;

  unsigned char *model;
  struct nbd_handle *handles[MODELDISK_CONNECTIONS];
  struct modelop *ops; /* MODELDISK_DEPTH */
};

/* Make what DISK needs; "size" to "fallible" are set. */
extern void modeldisk_open (struct modeldisk *disk);
extern void modeldisk_close (struct modeldisk *disk);

/* Of EXPORT, all zeros. */
extern void modeldisk_connect (struct modeldisk *disk,
                               const struct server *server, const char *export);
extern void modeldisk_disconnect (struct modeldisk *disk);

/* So many requests. */
extern void modeldisk_run (struct modeldisk *disk, uint64_t n);

/* Read all of it, and compare; while all may fail, what can be read. */
extern void modeldisk_verify (struct modeldisk *disk);

#endif /* ZRAM_TEST_MODELDISK_H */
