/* SPDX-License-Identifier: BSD-3-Clause */
/* The disks of a soak, and what each can be asked: one in memory only, one with
 * a file as its store, one with a store behind NBD. */
#ifndef ZRAM_TEST_SOAKDISK_H
#define ZRAM_TEST_SOAKDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control.h"
#include "modeldisk.h"

struct server;

enum {
  DISK_MEMORY,
  DISK_FILE,
  DISK_NBD,
  SOAK_DISKS
};

struct soakdisk {
  const char *name;
  struct modeldisk model;
  struct excuse no_write; /* while writeback may fail: the store, or a limit */
};

/* What they all have. */
struct soak {
  struct server *server;
  const char *control;
  unsigned threads; /* of nbdkit, for each connection */
  uint64_t state;   /* of the random numbers of who starts the others */
  unsigned char *programs;
  size_t programs_size;
  struct soakdisk disks[SOAK_DISKS];
  _Atomic bool no_more_requests;
  _Atomic bool no_more_upsets;
};

/* Behind what is modelled each has this much for who writes and goes. */
#define SOAK_SCRATCH  (UINT64_C (1) << 20)
#define SOAK_SIZE     (UINT64_C (64) << 20)
#define SOAK_DISKSIZE (SOAK_SIZE + SOAK_SCRATCH)

/* Sleep for less than MS milliseconds. */
extern void soak_rest (uint64_t *state, uint64_t ms);

/* Make MODEL, as all have it, of SIZE bytes. */
extern void soak_model (struct soak *soak, struct modeldisk *model,
                        uint64_t size, bool fallible);

/* Move what it counts to the tally. */
extern void soak_tally_model (struct modeldisk *model);

/* Make the stores, and all disks. */
extern void soakdisks_make (struct soak *soak);

/* Forget the models. */
extern void soakdisks_close (struct soak *soak);

/* Say a line to the server, made as by printf, without its newline; the name of
 * the errno it was refused with, or "". */
extern const char *
soak_say (const struct soak *soak, struct control_answer *answer,
          const char *format, ...) __attribute__ ((format (printf, 3, 4)));

/* The same; it must not be refused. */
extern void soak_tell (const struct soak *soak, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Column COLUMN, from 0 on, of ATTRIBUTE. */
extern uint64_t soak_column (const struct soak *soak, const char *disk,
                             const char *attribute, unsigned column);

/* Wait until nobody is connected to it. */
extern void soak_await_unused (const struct soak *soak, const char *disk);

/* The store behind NBD goes; and comes back, to end with the calling thread at
 * the latest. */
extern void soak_store_goes (struct soak *soak);
extern void soak_store_returns (struct soak *soak);

#endif /* ZRAM_TEST_SOAKDISK_H */
