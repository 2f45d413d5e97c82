/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine's benchmarks have in common: pages, and devices and codecs in
 * this process to give them to.  Errors end the program.
 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"
#include "util.h"
#include "zcomp.h"
#include "zram.h"

struct corpus {
  const char *pages;
  uint32_t nr_pages;
};

static inline const char *
corpus_page (const struct corpus *corpus, uint32_t i)
{
  return corpus->pages + (size_t) i * ZRAM_PAGE_SIZE;
}

/* That of FILE, a multiple of UNIT pages. */
extern struct corpus corpus_load (const char *file, uint32_t unit);

extern const struct zcomp_backend *algorithm_named (const char *name);

/* That algorithm by itself, with so many streams for each direction. */
extern struct zcomp *codec_new (const char *algorithm, unsigned nr_streams);

/* What a codec makes of a page. */
struct object {
  const char *bytes; /* NULL: the page is same-filled, and not compressed */
  size_t len;        /* 0: or it is not worth it */
};

/* What STREAM makes of each page of CORPUS, in memory of its own; by
 * objects_free it goes. */
extern struct object *
objects_new (struct zcomp_stream *stream, const struct corpus *corpus);
extern void objects_free (struct object *objects, uint32_t nr);

extern struct zram *device_new (const struct zram_config *config);

/* An empty one of so many pages. */
extern struct zram *device_for (const char *algorithm, uint32_t nr_pages);

/* Do everything once with a small device, before memory is measured: what code
 * and libraries take for that, they take for one page as for many. */
extern void device_warm_up (const char *algorithm);

/* All of CORPUS, from the first slot on, in one request. */
extern void device_fill (struct zram *zram, const struct corpus *corpus);

static inline void
device_write (struct zram *zram, uint64_t slot, const char *page)
{
  if (zram_write (zram, page, ZRAM_PAGE_SIZE, slot * ZRAM_PAGE_SIZE) != 0)
    fail ("zram_write");
}

static inline void
device_read (struct zram *zram, uint64_t slot, char *page)
{
  if (zram_read (zram, page, ZRAM_PAGE_SIZE, slot * ZRAM_PAGE_SIZE) != 0)
    fail ("zram_read");
}

extern struct zram_stats device_stats (const struct zram *zram);

#endif /* BENCH_DEVICE_H */
