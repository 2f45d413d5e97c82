/* SPDX-License-Identifier: BSD-3-Clause */
/* zcomp: one compression algorithm of one device, with its streams.
 *
 * A stream is a context that one thread uses at a time.  There is one for each
 * CPU and direction, each behind a mutex: a thread takes its CPU's, or the
 * next one that is idle, and may sleep or be moved to another CPU while it
 * holds it.  Compression and decompression have streams of their own, so a
 * slow compressor never holds up a read.  All memory is reserved when the
 * zcomp is made; most of a context is touched only when its CPU compresses.
 *
 * Order: a stream is taken below a slot lock and before an object is pinned
 * (lockdep.h).  Every call may sleep.  Errors are negative errno.
 */
#ifndef ZRAM_ZCOMP_H
#define ZRAM_ZCOMP_H

#include <stddef.h>

#include "page.h"

struct zcomp;
struct zcomp_backend;
struct zcomp_stream;

enum zcomp_direction {
  ZCOMP_COMPRESS,
  ZCOMP_DECOMPRESS,
  ZCOMP_DIRECTIONS
};

/* The algorithms that were built in: NULL after the last. */
extern const struct zcomp_backend *const zcomp_backends[];

/* An algorithm by zram's name for it; NULL if there is none. */
extern const struct zcomp_backend *zcomp_backend_find (const char *name);
extern const char *zcomp_backend_name (const struct zcomp_backend *backend);

/* Make streams for BACKEND at its default level.  NR_STREAMS is how many for
 * each direction, at least 1 (as many as the machine may have CPUs).  DOMAIN
 * names the device to the lock checker.  -ENOMEM, -EINVAL. */
extern int
zcomp_create (struct zcomp **comp, const struct zcomp_backend *backend,
              unsigned nr_streams, const void *domain);

/* Put memory behind all contexts, so that no stream's first use takes a page
 * fault.  -ENOMEM. */
extern int zcomp_populate (struct zcomp *comp);

/* No stream may be held.  COMP may be NULL. */
extern void zcomp_destroy (struct zcomp *comp);

/* How many streams there are for DIRECTION. */
extern unsigned
zcomp_streams (const struct zcomp *comp, enum zcomp_direction direction);

/* Take a stream for DIRECTION; never fails, may wait for one.  The caller puts
 * it back on the same thread. */
extern struct zcomp_stream *
zcomp_stream_get (struct zcomp *comp, enum zcomp_direction direction);
extern void zcomp_stream_put (struct zcomp_stream *stream);

/* Compress the page at SRC into at most CAPACITY bytes at DST and set *LEN.
 * -ENOSPC: it does not fit (the page is better stored raw), DST is undefined;
 * a library may want some bytes more than the result takes.  -EIO: the library
 * failed. */
extern int zcomp_compress (struct zcomp_stream *stream, const void *src,
                           void *dst, size_t capacity, size_t *len);

/* Restore a page from LEN bytes at SRC.  -EIO: they are not what zcomp_compress
 * made (too short, too long, damaged); DST is undefined then, but nothing
 * outside its page is ever read or written. */
extern int zcomp_decompress (struct zcomp_stream *stream, const void *src,
                             size_t len, void *dst);

#endif /* ZRAM_ZCOMP_H */
