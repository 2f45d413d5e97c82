/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of a write and of a read, each by itself (stages.c has the idea).
 *
 * They work on a group of pages at a time, and on what a device is made of: a
 * pool, a slot table, a codec, counters, and a store.
 */
#ifndef BENCH_STAGEWORK_H
#define BENCH_STAGEWORK_H

#include "device.h"
#include "slot.h"
#include "stats.h"

/* So few that what one stage leaves in the cache is there for the next. */
#define GROUP 16U

/* What becomes of the pages. */
enum kind {
  SMALL = 1, /* compressed */
  SAME = 2,
  HUGE = 4,
  BACK = 8, /* compressed, and written back before they are read or written */
  ANY = SMALL | SAME | HUGE | BACK
};

enum op {
  WRITE,
  READ,
  OPS
};

/* Where the objects of written-back pages lie. */
struct packed_place {
  uint64_t offset;
  uint32_t len;
};

struct work {
  struct zcomp *comp;
  struct zs_pool *pool;
  struct slot_table *table;
  struct stats stats;
  struct store *store;         /* NULL: but for BACK there is none */
  struct packed_place *places; /* of each slot in the store */

  /* Of the group: its pages, and the slots that it writes or reads. */
  char *pages[GROUP];
  uint64_t slots[GROUP];

  /* What one stage leaves to the next. */
  char *small[GROUP]; /* compressed, or what came from the store */
  struct content {
    uint64_t word;
    uint32_t flags;
  } contents[GROUP], olds[GROUP];
  const void *objects[GROUP];
  char *reply;
};

struct stage {
  const char *name;
  enum op op;
  unsigned kinds;  /* of whose work it is part */
  unsigned unlike; /* for these it is done, but their work has another */
  void (*run) (struct work *work);
};

/* In their order; the last has no name.  The first of each op is nothing: what
 * is measured of it is what measuring takes. */
extern const struct stage stages[];

/* How large the store must be, in bytes. */
extern uint64_t work_store_size (uint32_t nr_pages);

/* For NR_PAGES, with ALGORITHM; it takes over STORE, NULL: without. */
extern struct work *
work_new (const char *algorithm, uint32_t nr_pages, struct store *store);
extern void work_free (struct work *work, uint32_t nr_pages);

/* Put what the first NR_PAGES slots hold into the store, too. */
extern void work_write_back (struct work *work, uint32_t nr_pages);

#endif /* BENCH_STAGEWORK_H */
