/* SPDX-License-Identifier: BSD-3-Clause */
/* Writeback's own, of a device that has a backing store: zram_writeback in
 * zram.h is what it does.
 */
#ifndef ZRAM_WRITEBACK_H
#define ZRAM_WRITEBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct readback_pool;
struct seglog;
struct segments;
struct store;
struct zram;
struct zram_config;
struct zram_stats;

/* What may still be written. */
struct writeback_budget {
  _Atomic bool enabled;   /* zram's writeback_limit_enable */
  _Atomic uint64_t bytes; /* zram's writeback_limit */
};

struct writeback {
  struct store *store;
  struct segments *segments;
  struct seglog *fresh; /* what comes from the pool */
  struct seglog *moved; /* what comes from segments that are cleaned */
  char *victim;         /* a segment that is being cleaned */
  struct readback_pool *readbacks;
  struct writeback_budget budget;
  _Atomic unsigned batch_size; /* of "fresh", from the next run on */
  bool no_faults;
  bool decompress; /* compressed_writeback is off */
};

/* What CONFIG, which has a store, asks for; the store is ZRAM's then.  -ENOMEM;
 * -EINVAL: the store is too small, or has blocks that are too long. */
extern int
writeback_create (struct writeback **writeback,
                  const struct zram_config *config, const void *domain);

/* Bytes of its buffers, for CONFIG, whose store need not be open yet: at most,
 * where no backing.size says how large that is. */
extern uint64_t writeback_bytes (const struct zram_config *config);

/* Put memory behind it, so that neither runs nor reads take any.  -ENOMEM. */
extern int writeback_populate (struct writeback *writeback);

/* Closes the store.  No run or request may be under way.  WRITEBACK may be
 * NULL.
 */
extern void writeback_destroy (struct writeback *writeback);

/* The object that WORD, of a slot that was written back, named is dead. */
extern void writeback_free (struct writeback *writeback, uint64_t word);

/* Keep the place that WORD names as it is; whoever pins it holds the slot. */
extern void writeback_pin (struct writeback *writeback, uint64_t word);
extern void writeback_unpin (struct writeback *writeback, uint64_t word);

/* What STATS say of the store. */
extern void
writeback_stats (struct writeback *writeback, struct zram_stats *stats);

#endif /* ZRAM_WRITEBACK_H */
