/* SPDX-License-Identifier: BSD-3-Clause */
/* One page: written, read, freed.  What a request is split into.
 *
 * INDEX is a slot below the device's number of slots; OFFSET and LEN are bytes
 * within the page.  Any number of threads may call these for the same page.
 * Errors are those of zram.h; one that fails leaves the page as it was.
 */
#ifndef ZRAM_PAGE_IO_H
#define ZRAM_PAGE_IO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "background.h"
#include "reserve.h"
#include "spread.h"
#include "stats.h"
#include "zram.h"
#include "zsmalloc.h"

struct recompress;
struct slot_table;
struct writeback;
struct zs_pool;

/* The device from inside, for the files of device/ only. */
struct zram {
  uint64_t disksize; /* bytes, whole pages */
  struct slot_table *table;
  struct zs_pool *pool;
  struct zcomp *comps[ZRAM_PRIORITIES]; /* NULL: there is none */
  struct stats stats;
  struct spread spread;
  bool no_faults;                      /* as in zram_config */
  void (*complain) (const char *line); /* likewise */
  struct reserve reserve;
  struct background background;
  struct writeback *writeback;   /* NULL: there is no backing store */
  pthread_mutex_t run_lock;      /* see postprocess.h */
  struct recompress *recompress; /* NULL: only priority 0 has an algorithm */
};

/* -EAGAIN: the page was written back (readback.h); or, where MAY_WAIT is false,
 * the pool's reserve is empty, and the page as it was. */
extern int page_read (struct zram *zram, uint64_t index, void *buf);
extern int
page_write (struct zram *zram, uint64_t index, const void *buf, bool may_wait);

/* The same for part of a page: LEN is less than a page. */
extern int page_read_part (struct zram *zram, uint64_t index, unsigned offset,
                           unsigned len, void *buf);
extern int page_write_part (struct zram *zram, uint64_t index, unsigned offset,
                            unsigned len, const void *buf, bool may_wait);
extern int page_zero_part (struct zram *zram, uint64_t index, unsigned offset,
                           unsigned len, bool may_wait);

/* The page of the object of LEN bytes that the algorithm of PRIORITY has made.
 */
extern int page_restore (struct zram *zram, unsigned priority,
                         const void *object, uint32_t len, void *page);

/* Make the slot empty; false if it was.  Its object is freed with others, by
 * zs_free_all at the latest, which the caller calls. */
extern bool
page_free (struct zram *zram, uint64_t index, struct zs_freeing *freeing);

/* The pool's zs_relocate_fn; ARG is the zram, an object's owner its slot. */
extern bool
page_relocate (void *arg, uint64_t index, uint64_t from, uint64_t to);

#endif /* ZRAM_PAGE_IO_H */
