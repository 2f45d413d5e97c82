/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages that were written back come from the backing store: all of a request
 * together, while the request's other pages are read.
 *
 * Reading does not bring a page back into memory: it stays where it is until it
 * is written or freed, as in zram.  Errors are negative errno:
 *   -EIO  the store failed, or what came from it is not what was put there
 *
 * While a store behind NBD is away, requests wait for it, and with each a
 * thread of the server; so that some are left to serve what is in memory, no
 * more than so many wait, and others fail.
 */
#ifndef ZRAM_READBACK_H
#define ZRAM_READBACK_H

#include <stdbool.h>
#include <stdint.h>

struct readback;
struct readback_pool;
struct store;
struct store_op;
struct zram;

/* Those of a request: all-zero at first. */
struct readbacks {
  struct readback *first, *last; /* in the order in which they are finished */
  struct store_op *unsent, *last_unsent;
  bool entered;   /* it is one of those that are counted ... */
  bool impatient; /* ... and one too many to wait for a store that is away */
};

/* Buffers for reading from STORE, which requests share: a request waits for one
 * of them, and gets along with that.  While the store is away, WAITERS requests
 * may wait.  -ENOMEM. */
extern int readback_pool_create (struct readback_pool **pool,
                                 struct store *store, unsigned waiters);

/* Put memory behind it, and keep it there.  -ENOMEM. */
extern int readback_pool_populate (struct readback_pool *pool);

/* No request may be under way.  POOL may be NULL. */
extern void readback_pool_destroy (struct readback_pool *pool);

/* Bytes of its buffers. */
extern uint64_t readback_pool_bytes (void);

/* Read LEN bytes at OFFSET of page INDEX, of which page_read said -EAGAIN, to
 * DST: now, if it is in memory again, or when READBACKS are finished. */
extern int
readbacks_add (struct zram *zram, struct readbacks *readbacks, uint64_t index,
               unsigned offset, unsigned len, void *dst);

/* Wait for all of them; they are empty then.  R, if that is an error, or the
 * first that one of them met. */
extern int
readbacks_finish (struct zram *zram, struct readbacks *readbacks, int r);

/* Read the page of a slot with FLAGS and WORD, which was written back and whose
 * place the caller has pinned, to PAGE, and wait for it. */
extern int readback_page (struct zram *zram, uint64_t index, uint32_t flags,
                          uint64_t word, void *page);

#endif /* ZRAM_READBACK_H */
