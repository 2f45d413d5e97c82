/* SPDX-License-Identifier: BSD-3-Clause */
/* Those who disturb: each is a thread, that does one thing after the other at
 * random times until it is told to end; its argument
 * is a struct upset. */
#ifndef ZRAM_TEST_SOAKUPSET_H
#define ZRAM_TEST_SOAKUPSET_H

#include <pthread.h>
#include <stdint.h>

#include "soakdisk.h"

struct upset {
  struct soak *soak;
  struct soakdisk *disk; /* of who has one */
  uint64_t state;        /* of the random numbers */
  pthread_t thread;
};

/* Mark, write back, recompress and compact the disk's pages, and look. */
extern void *upset_pages (void *arg);

/* Limits of memory, and of what is written to stores, that come and go. */
extern void *upset_limits (void *arg);

/* Stores that go away, or fail. */
extern void *upset_stores (void *arg);

/* Disks that are added, used, reset and removed. */
extern void *upset_disks (void *arg);

/* NBD clients that go in the middle, or stay and take no answers. */
extern void *upset_clients (void *arg);

/* Control clients that do so. */
extern void *upset_control (void *arg);

#endif /* ZRAM_TEST_SOAKUPSET_H */
