/* SPDX-License-Identifier: BSD-3-Clause */
/* zcomp: one compression algorithm of one device, with its streams.
 *
 * A stream is a context that one thread uses at a time.  There is one for each
 * CPU and direction, each behind a mutex: a thread takes its CPU's, or the
 * next one that is idle, and may sleep or be moved to another CPU while it
 * holds it.  Compression and decompression have streams of their own, so a
 * slow compressor never holds up a read.  All memory for contexts is reserved
 * when they are made; most of one is touched only when its CPU compresses.
 *
 * Order: a stream is taken below a slot lock and before an object is pinned
 * (lockdep.h).  Every call may sleep.  Errors are negative errno.
 */
#ifndef ZRAM_ZCOMP_H
#define ZRAM_ZCOMP_H

#include <stdbool.h>
#include <stddef.h>

#include "page.h"

struct zcomp;
struct zcomp_backend;
struct zcomp_dict;
struct zcomp_stream;

/* How an algorithm is to be used: zram's algorithm_params.  All-zero: as it is
 * used when nothing is said. */
struct zcomp_params {
  bool has_level;
  int level;
  bool has_winbits;
  int winbits;             /* deflate's only: checked, without effect */
  struct zcomp_dict *dict; /* NULL: none (zcompdict.h) */
};

/* The levels that an algorithm takes. */
struct zcomp_levels {
  int min;
  int max;
  int usual; /* when none is given */
};

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

extern struct zcomp_levels
zcomp_backend_levels (const struct zcomp_backend *backend);
extern bool zcomp_backend_takes_dict (const struct zcomp_backend *backend);

/* Can BACKEND be used as PARAMS say?  -EINVAL: no, and WHY, SIZE bytes, is set
 * to what is wrong and what would be right: "level 99 is out of range: zstd
 * takes -131072 to 22".  deflate.winbits is 8 to 15 or -15 to -8 as in zlib,
 * whatever the algorithm.  -ENOMEM: there is no memory to see it, and WHY says
 * so. */
extern int
zcomp_params_check (const struct zcomp_backend *backend,
                    const struct zcomp_params *params, char *why, size_t size);

/* Make a zcomp for BACKEND, used as PARAMS say, which may be NULL: by default;
 * it takes its own reference to the dictionary.  It has no streams yet.
 * NR_STREAMS is how many there will be for each direction, at least 1 (as many
 * as the machine may have CPUs).  DOMAIN names the device to the lock checker.
 * -ENOMEM; -EINVAL: zcomp_params_check says no, or NR_STREAMS is 0. */
extern int
zcomp_create (struct zcomp **comp, const struct zcomp_backend *backend,
              const struct zcomp_params *params, unsigned nr_streams,
              const void *domain);

/* Make the streams, and digest the dictionary once for all of them, if that has
 * not been done: before the first is taken, by one thread at a time.  -ENOMEM:
 * there are none; it may be tried again. */
extern int zcomp_prepare (struct zcomp *comp);

/* Put memory behind all contexts and the digested dictionary, so that no
 * stream's first use takes a page fault.  -ENOMEM. */
extern int zcomp_populate (struct zcomp *comp);

/* No stream may be held.  COMP may be NULL. */
extern void zcomp_destroy (struct zcomp *comp);

/* The algorithm that it was made for. */
extern const struct zcomp_backend *zcomp_backend (const struct zcomp *comp);

/* Memory that COMP has, or will have when all of it has been used; in bytes. */
struct zcomp_usage {
  size_t contexts; /* of all streams; 0 before zcomp_prepare */
  size_t dict;     /* the dictionary, and what was made of it */
};

extern void zcomp_usage (const struct zcomp *comp, struct zcomp_usage *usage);

/* How many streams there are, or will be, for DIRECTION. */
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
