/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of many pages, done by several threads: the one that has the
 * request, and workers of the pool.
 *
 * To wake another CPU and wait for it takes longer than a page does, so a
 * request has to be of so many pages (zram_config's spread_threshold) before it
 * is worth it.
 */
#ifndef ZRAM_SPREAD_H
#define ZRAM_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

struct readbacks;
struct workpool;
struct zram;

struct spread {
  struct workpool *pool; /* NULL: nothing is spread */
  unsigned threshold;    /* pages; 0: the workers do all */
};

/* Do a piece of a request: COUNT bytes at OFFSET of the device, and at BUF,
 * which is NULL if the request's is. Pieces end where pages do, but for the
 * request's own ends.  READBACKS: those of the request; NULL: it may not wait,
 * neither for the reserve nor for the backing store.  -EAGAIN: it would have
 * to: what it has done so far can be done again. */
typedef int (*spread_fn) (struct zram *zram, void *buf, uint64_t count,
                          uint64_t offset, struct readbacks *readbacks);

/* Do a request by FN, alone or with others.  The first error that was met: the
 * request's other pieces may have been done or not. */
extern int spread_request (struct zram *zram, spread_fn fn, void *buf,
                           uint64_t count, uint64_t offset);

#endif /* ZRAM_SPREAD_H */
