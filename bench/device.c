/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "samefill.h"
#include "zsmalloc.h"

struct corpus
corpus_load (const char *file, uint32_t unit)
{
  struct corpus corpus;

  corpus.pages = load_corpus (file, unit, &corpus.nr_pages);
  return corpus;
}

const struct zcomp_backend *
algorithm_named (const char *name)
{
  const struct zcomp_backend *const backend = zcomp_backend_find (name);

  if (!backend)
    fail ("\"%s\" is not an algorithm of this build", name);
  return backend;
}

struct zcomp *
codec_new (const char *algorithm, unsigned nr_streams)
{
  struct zcomp *comp;

  if (zcomp_create (&comp, algorithm_named (algorithm), NULL, nr_streams,
                    NULL) != 0 ||
      zcomp_prepare (comp) != 0)
    fail ("zcomp_create");
  return comp;
}

static struct object
object_new (struct zcomp_stream *stream, const char *page)
{
  char small[ZRAM_PAGE_SIZE];
  struct object object = {NULL, 0};
  uint64_t word;
  char *bytes;

  if (page_is_same_filled (page, &word))
    return object;
  if (zcomp_compress (stream, page, small, zs_huge_size () - 1, &object.len) !=
      0)
    object.len = 0;
  bytes = new_array (1, object.len + 1);
  memcpy (bytes, small, object.len);
  object.bytes = bytes;
  return object;
}

struct object *
objects_new (struct zcomp_stream *stream, const struct corpus *corpus)
{
  struct object *const objects = new_array (corpus->nr_pages, sizeof *objects);

  for (uint32_t i = 0; i < corpus->nr_pages; i++)
    objects[i] = object_new (stream, corpus_page (corpus, i));
  return objects;
}

void
objects_free (struct object *objects, uint32_t nr)
{
  for (uint32_t i = 0; i < nr; i++)
    free ((void *) objects[i].bytes);
  free (objects);
}

struct zram *
device_new (const struct zram_config *config)
{
  struct zram *zram;

  if (zram_create (&zram, config) != 0)
    fail ("zram_create");
  return zram;
}

struct zram *
device_for (const char *algorithm, uint32_t nr_pages)
{
  const struct zram_config config = {
      .disksize = (uint64_t) nr_pages * ZRAM_PAGE_SIZE,
      .algorithms[0].backend = algorithm_named (algorithm),
  };

  return device_new (&config);
}

void
device_fill (struct zram *zram, const struct corpus *corpus)
{
  if (zram_write (zram, corpus->pages,
                  (uint64_t) corpus->nr_pages * ZRAM_PAGE_SIZE, 0) != 0)
    fail ("zram_write");
}

void
device_warm_up (const char *algorithm)
{
  struct zram *const zram = device_for (algorithm, 16);
  char page[ZRAM_PAGE_SIZE];

  for (uint32_t i = 0; i < 16; i++) {
    memset (page, 0, sizeof page);
    memset (page, (int) i + 1, sizeof page / 2);
    device_write (zram, i, page);
    device_read (zram, i, page);
    zram_discard (zram, sizeof page, i * sizeof page);
  }
  zram_compact (zram, NULL);
  zram_destroy (zram);
}

struct zram_stats
device_stats (const struct zram *zram)
{
  struct zram_stats stats;

  zram_stats (zram, &stats);
  return stats;
}
