/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kind of store is to store.c, which has what all kinds have in common:
 * the choice of the kind, the mark, the counters.
 */
#ifndef ZRAM_STORE_KIND_H
#define ZRAM_STORE_KIND_H

#include <stdatomic.h>

#include "store.h"

enum store_counter {
  STORE_READS,
  STORE_READ_BYTES,
  STORE_WRITES,
  STORE_WRITTEN_BYTES,
  STORE_READ_ERRORS,
  STORE_WRITE_ERRORS,
  STORE_RECONNECTS,
  STORE_COUNTERS
};

/* The first member of each kind's own. */
struct store {
  const struct store_kind *kind;
  uint64_t size;  /* bytes, whole blocks; set by open */
  unsigned block; /* likewise */
  bool direct;    /* likewise */
  bool running;
  _Atomic uint64_t counters[STORE_COUNTERS];
};

/* The functions are those of store.h of the same names, but for these: open ()
 * does not look at what is there, and read () and write () do one request at
 * once, by the calling thread, before the store has been started. */
struct store_kind {
  int (*open) (struct store **store, const struct store_config *config,
               char **why);
  void (*close) (struct store *store);
  int (*read) (struct store *store, void *buf, uint32_t len, uint64_t offset);
  int (*write) (struct store *store, const void *buf, uint32_t len,
                uint64_t offset);
  int (*start) (struct store *store);
  void (*stop) (struct store *store);
  void (*submit) (struct store *store, struct store_op *ops);
  const char *(*engine_name) (const struct store *store);
  bool (*is_away) (const struct store *store); /* NULL: it never is */
};

extern const struct store_kind store_kind_file, store_kind_nbd;

/* OP of STORE is done: count it and tell its submitter. */
extern void
store_op_complete (struct store *store, struct store_op *op, int result);

#endif /* ZRAM_STORE_KIND_H */
