/* SPDX-License-Identifier: BSD-3-Clause */
/* engine: what a page costs without a server, on one thread.
 *
 *   engine [-r ROUND] CORPUS ALGORITHM...
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
#include <unistd.h>

#include "random.h"
#include "samefill.h"
#include "util.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

/* What the codec made of a page. */
struct stored {
  char *bytes;
  size_t len; /* 0: same-filled, or not worth it */
};

static const char *corpus;
static uint32_t nr_pages;
static uint32_t *order; /* the pages in random order */
static struct stored *stored;
static char *stored_bytes;
static char page_buf[ZRAM_PAGE_SIZE];

struct result {
  double compress, decompress, write, read;
  uint64_t bytes; /* compressed */
  uint32_t nr_same, nr_huge;
};

static const char *
page_at (uint32_t i)
{
  return corpus + (size_t) i * ZRAM_PAGE_SIZE;
}

static void
make_order (void)
{
  uint64_t random = 1;

  order = new_permutation (nr_pages, &random);
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

static double
time_copy_stored (void)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t i = 0; i < nr_pages; i++) {
    memcpy (page_buf, stored[order[i]].bytes, stored[order[i]].len);
    __asm__ volatile("" : : "r"(page_buf) : "memory");
  }
  return per_page (start);
}

/* Compress every page once and keep the result for what follows. */
static void
store_all (struct zcomp_stream *stream, struct result *result)
{
  char *room = new_buffer ((size_t) nr_pages * ZRAM_PAGE_SIZE);

  stored_bytes = room;
  stored = new_array (nr_pages, sizeof *stored);
  for (uint32_t i = 0; i < nr_pages; i++) {
    uint64_t word;

    if (page_is_same_filled (page_at (i), &word)) {
      result->nr_same++;
      continue;
    }
    stored[i].bytes = room;
    if (zcomp_compress (stream, page_at (i), room, zs_huge_size () - 1,
                        &stored[i].len) != 0) {
      stored[i].len = 0;
      result->nr_huge++;
      continue;
    }
    result->bytes += stored[i].len;
    room += stored[i].len;
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

static double
time_decompress (struct zcomp_stream *stream)
{
  const uint64_t start = thread_cpu ();
  char buf[ZRAM_PAGE_SIZE];

  for (uint32_t i = 0; i < nr_pages; i++) {
    const struct stored *s = &stored[order[i]];

    if (s->len == 0)
      continue;
    memcpy (page_buf, s->bytes, s->len);
    if (zcomp_decompress (stream, page_buf, s->len, buf) != 0)
      fail ("a page was not restored");
  }
  return per_page (start);
}

static void
time_codec (const struct zcomp_backend *backend, struct result *result)
{
  struct zcomp_stream *in, *out;
  struct zcomp *comp;

  if (zcomp_create (&comp, backend, NULL, 1, NULL) != 0 ||
      zcomp_prepare (comp) != 0)
    fail ("zcomp_create");
  in = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  store_all (in, result);
  result->compress = time_compress (in) - time_copy (false);
  zcomp_stream_put (in);
  out = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  result->decompress = time_decompress (out) - time_copy_stored ();
  zcomp_stream_put (out);
  zcomp_destroy (comp);
  free (stored);
  free (stored_bytes);
}

static double
time_write (struct zram *zram, uint64_t *random)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t i = 0; i < nr_pages; i++) {
    const uint64_t slot = random_below (random, nr_pages);

    memcpy (page_buf, page_at (order[i]), ZRAM_PAGE_SIZE);
    if (zram_write (zram, page_buf, ZRAM_PAGE_SIZE, slot * ZRAM_PAGE_SIZE) != 0)
      fail ("zram_write");
  }
  return per_page (start);
}

static double
time_read (struct zram *zram, uint64_t *random)
{
  const uint64_t start = thread_cpu ();

  for (uint32_t i = 0; i < nr_pages; i++) {
    const uint64_t slot = random_below (random, nr_pages);

    if (zram_read (zram, page_buf, ZRAM_PAGE_SIZE, slot * ZRAM_PAGE_SIZE) != 0)
      fail ("zram_read");
  }
  return per_page (start);
}

static void
time_device (const struct zcomp_backend *backend, struct result *result)
{
  const struct zram_config config = {
      .disksize = (uint64_t) nr_pages * ZRAM_PAGE_SIZE,
      .algorithms[0].backend = backend,
  };
  struct zram *zram;
  uint64_t random = 2;

  if (zram_create (&zram, &config) != 0)
    fail ("zram_create");
  if (zram_write (zram, corpus, config.disksize, 0) != 0)
    fail ("zram_write");
  time_write (zram, &random);
  result->write = time_write (zram, &random) - time_copy (true);
  result->read = time_read (zram, &random);
  zram_destroy (zram);
}

static void
time_algorithm (const char *name, const char *round)
{
  const struct zcomp_backend *backend = zcomp_backend_find (name);
  struct result result = {.bytes = 0};

  if (backend == NULL)
    fail ("%s: no such algorithm", name);
  time_codec (backend, &result);
  time_device (backend, &result);
  printf ("{\"name\":\"codec-%s\",\"round\":%s,\"phase\":\"engine\","
          "\"pages\":%u,\"same\":%u,\"huge\":%u,\"compressed\":%" PRIu64
          ",\"compress\":%.3f,\"decompress\":%.3f,\"write\":%.3f"
          ",\"read\":%.3f}\n",
          name, round, nr_pages, result.nr_same, result.nr_huge, result.bytes,
          result.compress, result.decompress, result.write, result.read);
}

int
main (int argc, char *argv[])
{
  const char *round = "0";
  int opt;

  while ((opt = getopt (argc, argv, "r:")) != -1)
    if (opt == 'r')
      round = optarg;
    else
      return EXIT_FAILURE;
  if (argc - optind < 2)
    fail ("usage: engine [-r ROUND] CORPUS ALGORITHM...");
  corpus = load_corpus (argv[optind++], 1, &nr_pages);
  make_order ();
  for (; optind < argc; optind++)
    time_algorithm (argv[optind], round);
  return EXIT_SUCCESS;
}
