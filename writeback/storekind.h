/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kind of store is to store.c, which has what all kinds have in common:
 * the choice of the kind, the look at what is there, the mark, the counters.
 */
#ifndef ZRAM_STORE_KIND_H
#define ZRAM_STORE_KIND_H

#include <stdatomic.h>

#include "compiler.h"
#include "store.h"

/* A store has so many bytes at least. */
#define STORE_MIN_SIZE (1U << 20)

/* Of the mark, what is not zeros. */
#define STORE_MARK_SIZE 96U

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

/* The first member of each kind's own.  The first fields are set by
 * open_store (). */
struct store {
  const struct store_kind *kind;
  uint64_t size;  /* bytes, whole blocks */
  uint64_t there; /* bytes that are there at open: those of a file that is to
                   * grow are fewer than SIZE, others may be more */
  unsigned block;
  bool direct;

  char mark[STORE_MARK_SIZE]; /* the text of it */
  _Atomic bool running;       /* store.c's own, as the following */
  _Atomic uint64_t counters[STORE_COUNTERS];
};

/* The functions are those of store.h of the same names, with these differences.
 *
 * PIECE is what store_piece () returns.
 *
 * These may be NULL: there is nothing to do, or the answer is no.
 *   is_blank   is there nothing in what it is?  1: no byte; 0: something;
 *              -EOPNOTSUPP, or NULL: its start and its end have to be read
 *   prepare    give it its size: it is known that what is there may be lost
 *   undo       make it what it was before open_store (): prepare () or what
 *              follows has failed, or it was refused, or is not to be used
 *   is_away
 *
 * open_store () changes nothing (a file that is not there may be made; undo ()
 * then removes it) and does not look at what is there.
 *
 * read_now () and write_now () do one whole request at once, by the calling
 * thread, before the store has been started: they are called between
 * open_store () and the end of store_open () only, within STORE.there or, after
 * prepare (), SIZE; buffers are aligned to 4096 bytes.  When one has failed,
 * only undo () and close () follow, and the buffer stays until then.
 *
 * submit () is called when the store runs, but it may be stopped at the same
 * time, or may have been by then: it is not closed.  What comes too late is
 * completed with -ECANCELED. */
struct store_kind {
  uint32_t piece;
  bool shared; /* nothing keeps others from using it, too */
  int (*open_store) (struct store **store, const struct store_config *config,
                     char **why);
  int (*is_blank) (struct store *store);
  int (*prepare) (struct store *store, const struct store_config *config,
                  char **why);
  void (*undo) (struct store *store);
  void (*close) (struct store *store);
  int (*read_now) (struct store *store, void *buf, uint32_t len,
                   uint64_t offset);
  int (*write_now) (struct store *store, const void *buf, uint32_t len,
                    uint64_t offset);
  int (*start) (struct store *store);
  void (*stop) (struct store *store);
  void (*submit) (struct store *store, struct store_op *ops);
  const char *(*engine_name) (const struct store *store);
  bool (*is_away) (const struct store *store);
};

extern const struct store_kind store_kind_file, store_kind_nbd;

/* Make *WHY the line that FORMAT and what follows give, and return R. */
extern int
store_refuse (char **why, int r, const char *format, ...) ZRAM_PRINTF (3, 4);

/* OP of STORE is done: count it and tell its submitter. */
extern void
store_op_complete (struct store *store, struct store_op *op, int result);

/* All of the list OPS are done, with -ECANCELED. */
extern void store_cancel (struct store *store, struct store_op *ops);

/* STORE has found its server again. */
extern void store_count_reconnect (struct store *store);

#endif /* ZRAM_STORE_KIND_H */
