/* SPDX-License-Identifier: BSD-3-Clause */
/* engine: what a page costs without a server, on one thread.
 *
 *   enginebench engine [-r ROUND] CORPUS ALGORITHM...
 *
 * For each algorithm a line of JSON on stdout, times in microseconds of this
 * thread's CPU time, means over all pages of the corpus in random order:
 *
 *   compress, decompress   the codec alone, as the engine calls it, on bytes
 *                          that are in the cache; nothing for a page that the
 *                          engine does not compress because it is same-filled
 *   write, read            zram_write and zram_read of whole pages, the write
 *                          from a page that is in the cache, over older ones
 *
 * Bringing bytes into the cache is measured as well, and subtracted.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "random.h"
#include "zsmalloc.h"

static struct corpus corpus;
static uint32_t nr_pages;
static uint32_t *order; /* the pages in random order */
static struct object *stored;
static char page_buf[ZRAM_PAGE_SIZE];

struct result {
  double compress, decompress, write, read;
  uint64_t bytes; /* compressed */
  uint32_t nr_same, nr_huge;
};

static const char *
page_at (uint32_t i)
{
  return corpus_page (&corpus, i);
}

/* Microseconds per page since START. */
static double
per_page (uint64_t start)
{
  return (double) (thread_cpu () - start) / 1e3 / nr_pages;
}

/* What bringing in the pages costs, those that are same-filled or not. */
static double
time_copy (bool all)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t i = 0; i < nr_pages; i++)
    if (all || stored[order[i]].bytes != NULL) {
      memcpy (page_buf, page_at (order[i]), ZRAM_PAGE_SIZE);
      __asm__ volatile("" : : "r"(page_buf) : "memory");
    }
  return per_page (start);
}

/* What the codec made of the pages, added up. */
static void
count_stored (struct result *result)
{
  for (uint32_t i = 0; i < nr_pages; i++) {
    result->nr_same += stored[i].bytes == NULL;
    result->nr_huge += stored[i].bytes != NULL && stored[i].len == 0;
    result->bytes += stored[i].len;
  }
}

static double
time_compress (struct zcomp_stream *stream)
{
  const uint64_t start = thread_cpu ();
  char buf[ZRAM_PAGE_SIZE];
  size_t len;

  for (uint32_t i = 0; i < nr_pages; i++)
    if (stored[order[i]].bytes != NULL) {
      memcpy (page_buf, page_at (order[i]), ZRAM_PAGE_SIZE);
      zcomp_compress (stream, page_buf, buf, zs_huge_size () - 1, &len);
    }
  return per_page (start);
}

/* So many at a time are copied to where the codec finds them in the cache, with
 * the clock stopped.  (A copy in a loop of its own takes longer than the same
 * copy before the codec, and cannot be subtracted.) */
#define GROUP 16

static double
time_decompress (struct zcomp_stream *stream)
{
  static char group[GROUP][ZRAM_PAGE_SIZE];
  char buf[ZRAM_PAGE_SIZE];
  uint64_t spent = 0;

  for (uint32_t i = 0; i < nr_pages;) {
    size_t lens[GROUP];
    unsigned n = 0;
    uint64_t start;

    for (; i < nr_pages && n < GROUP; i++) {
      const struct object *const s = &stored[order[i]];

      lens[n] = s->len;
      if (s->len > 0)
        memcpy (group[n++], s->bytes, s->len);
    }
    start = thread_cpu ();
    for (unsigned k = 0; k < n; k++)
      if (zcomp_decompress (stream, group[k], lens[k], buf) != 0)
        fail ("a page was not restored");
    spent += thread_cpu () - start;
  }
  return (double) spent / 1e3 / nr_pages;
}

static void
time_codec (const char *algorithm, struct result *result)
{
  struct zcomp *const comp = codec_new (algorithm, 1);
  struct zcomp_stream *in, *out;

  in = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  stored = objects_new (in, &corpus);
  count_stored (result);
  result->compress = time_compress (in) - time_copy (false);
  zcomp_stream_put (in);
  out = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  result->decompress = time_decompress (out);
  zcomp_stream_put (out);
  zcomp_destroy (comp);
  objects_free (stored, nr_pages);
}

static double
time_write (struct zram *zram, uint64_t *random)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t i = 0; i < nr_pages; i++) {
    memcpy (page_buf, page_at (order[i]), ZRAM_PAGE_SIZE);
    device_write (zram, random_below (random, nr_pages), page_buf);
  }
  return per_page (start);
}

static double
time_read (struct zram *zram, uint64_t *random)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t i = 0; i < nr_pages; i++)
    device_read (zram, random_below (random, nr_pages), page_buf);
  return per_page (start);
}

static void
time_device (const char *algorithm, struct result *result)
{
  struct zram *const zram = device_for (algorithm, nr_pages);
  uint64_t random = 2;

  device_fill (zram, &corpus);
  time_write (zram, &random);
  result->write = time_write (zram, &random) - time_copy (true);
  result->read = time_read (zram, &random);
  zram_destroy (zram);
}

static void
time_algorithm (const char *name, unsigned round)
{
  struct result result = {.bytes = 0};

  time_codec (name, &result);
  time_device (name, &result);
  printf ("{\"name\":\"codec-%s\",\"round\":%u,\"phase\":\"engine\","
          "\"pages\":%u,\"same\":%u,\"huge\":%u,\"compressed\":%" PRIu64
          ",\"compress\":%.3f,\"decompress\":%.3f,\"write\":%.3f"
          ",\"read\":%.3f}\n",
          name, round, nr_pages, result.nr_same, result.nr_huge, result.bytes,
          result.compress, result.decompress, result.write, result.read);
}

void
bench_engine (int argc, char *argv[])
{
  unsigned round = 0;
  const struct argument arguments[] = {
      ARGUMENT_NUMBER ('r', "ROUND", "what \"round\" says", &round, 0, 1000000),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS ALGORITHM...", 2, true,
      "A line of JSON for each algorithm, microseconds of CPU time a page:\n"
      "the codec alone (compress, decompress), and zram_write and zram_read.",
      arguments};
  char **operands = arguments_parse (&synopsis, argc, argv);
  uint64_t random = 1;

  corpus = corpus_load (*operands++, 1);
  nr_pages = corpus.nr_pages;
  order = new_permutation (nr_pages, &random);
  for (; *operands; operands++)
    time_algorithm (*operands, round);
}
