/* SPDX-License-Identifier: BSD-3-Clause */
/* levels: what each algorithm stores of real pages at each of its levels, and
 * how long that takes.
 *
 *   levels CORPUS
 *
 * A line for each on stdout: bytes stored in percent of the pages', where a
 * page that gets no smaller counts whole; the same by the library alone, called
 * without streams; microseconds of CPU time a page, in and out.  Same-filled
 * pages are left out.  Of slow levels fewer pages are tried, evenly spread.
 */
#include <config.h>

#include <lz4.h>
#include <lz4hc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#if HAVE_DEFLATE
#include <libdeflate.h>
#endif
#if HAVE_LZO
#include <lzo/lzo1x.h>
#endif

#include "samefill.h"
#include "util.h"
#include "zcomp.h"
#include "zsmalloc.h"

#define ROOM (2 * ZRAM_PAGE_SIZE)

static char *pages; /* that are not same-filled */
static uint32_t nr_pages;

/* The library by itself: the bytes that it makes of PAGE. */

static size_t
lz4_alone (const char *page, char *out, int level)
{
  return (size_t) LZ4_compress_fast (page, out, ZRAM_PAGE_SIZE, ROOM, level);
}

static size_t
lz4hc_alone (const char *page, char *out, int level)
{
  return (size_t) LZ4_compress_HC (page, out, ZRAM_PAGE_SIZE, ROOM, level);
}

/* Without what a frame has beside: magic number and size of the content. */
static size_t
zstd_alone (const char *page, char *out, int level)
{
  static ZSTD_CCtx *cctx;

  if (!cctx)
    cctx = ZSTD_createCCtx ();
  ZSTD_CCtx_setParameter (cctx, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter (cctx, ZSTD_c_format, ZSTD_f_zstd1_magicless);
  ZSTD_CCtx_setParameter (cctx, ZSTD_c_contentSizeFlag, 0);
  return ZSTD_compress2 (cctx, out, ROOM, page, ZRAM_PAGE_SIZE);
}

#if HAVE_DEFLATE
static size_t
deflate_alone (const char *page, char *out, int level)
{
  static struct libdeflate_compressor *compressor;
  static int its_level = -2;

  if (level != its_level) {
    libdeflate_free_compressor (compressor);
    compressor = libdeflate_alloc_compressor (level);
    its_level = level;
  }
  return libdeflate_deflate_compress (compressor, page, ZRAM_PAGE_SIZE, out,
                                      ROOM);
}
#endif

#if HAVE_LZO
static size_t
lzo_alone (const char *page, char *out, int level)
{
  static char work[LZO1X_1_MEM_COMPRESS];
  lzo_uint len = 0;

  (void) level;
  lzo1x_1_compress ((const unsigned char *) page, ZRAM_PAGE_SIZE,
                    (unsigned char *) out, &len, work);
  return len;
}
#endif

/* What is tried; of each level every STEP'th page. */
static const struct trial {
  const char *algorithm;
  size_t (*alone) (const char *page, char *out, int level);
  int levels[16]; /* 0: no more; deflate's 0 stores */
  uint32_t step;
} trials[] = {
    {"lz4", lz4_alone, {1, 2, 4, 16}, 1},
#if HAVE_LZO
    {"lzo", lzo_alone, {1}, 1},
#endif
    {"lz4hc", lz4hc_alone, {1, 4, 9, 12}, 4},
    {"zstd", zstd_alone, {-5, -1, 1, 2, 3}, 2},
    {"zstd-4k", NULL, {1}, 1},
    {"zstd", zstd_alone, {5, 7, 9, 12}, 4},
    {"zstd", zstd_alone, {15, 19, 22}, 16},
#if HAVE_DEFLATE
    {"deflate", deflate_alone, {1, 6, 9, 12}, 8},
#endif
};

static void
keep_pages (const char *file)
{
  uint32_t all;
  uint64_t word;

  pages = load_corpus (file, 1, &all);
  for (uint32_t i = 0; i < all; i++) {
    const char *const page = pages + (size_t) i * ZRAM_PAGE_SIZE;

    if (page_is_same_filled (page, &word))
      continue;
    memmove (pages + (size_t) nr_pages * ZRAM_PAGE_SIZE, page, ZRAM_PAGE_SIZE);
    nr_pages++;
  }
}

struct result {
  uint64_t stored, alone;
  uint64_t in, out; /* ns */
  uint32_t tried;
};

/* What does not pay is stored as it is. */
static size_t
stored_len (size_t len)
{
  return len < zs_huge_size () ? len : ZRAM_PAGE_SIZE;
}

static void
try_page (const struct trial *trial, int level, struct zcomp_stream *streams[],
          const char *page, struct result *result)
{
  char small[ROOM], back[ZRAM_PAGE_SIZE];
  size_t len;
  uint64_t start = thread_cpu ();

  if (zcomp_compress (streams[ZCOMP_COMPRESS], page, small, sizeof small,
                      &len) != 0)
    fail ("%s: a page does not compress", trial->algorithm);
  result->in += thread_cpu () - start;
  start = thread_cpu ();
  if (zcomp_decompress (streams[ZCOMP_DECOMPRESS], small, len, back) != 0 ||
      memcmp (page, back, sizeof back) != 0)
    fail ("%s: a page was not restored", trial->algorithm);
  result->out += thread_cpu () - start;
  result->stored += stored_len (len);
  if (trial->alone)
    result->alone += stored_len (trial->alone (page, small, level));
  result->tried++;
}

static void
print_result (const struct trial *trial, int level, const struct result *result)
{
  const double all = (double) result->tried * ZRAM_PAGE_SIZE / 100;
  const double tried = (double) result->tried * 1000;
  char alone[32] = "-", ratio[32] = "-";

  if (trial->alone) {
    snprintf (alone, sizeof alone, "%.2f", (double) result->alone / all);
    snprintf (ratio, sizeof ratio, "%.4f",
              (double) result->stored / (double) result->alone);
  }
  printf ("%-8s %5d %9.2f %8s %7s %8.1f %8.1f\n", trial->algorithm, level,
          (double) result->stored / all, alone, ratio,
          (double) result->in / tried, (double) result->out / tried);
  fflush (stdout);
}

static void
try_level (const struct trial *trial, int level)
{
  const struct zcomp_backend *const backend =
      zcomp_backend_find (trial->algorithm);
  const struct zcomp_params params = {.has_level = true, .level = level};
  struct zcomp_stream *streams[ZCOMP_DIRECTIONS];
  struct result result = {0};
  struct zcomp *comp;

  if (zcomp_create (&comp, backend, &params, 1, NULL) != 0 ||
      zcomp_prepare (comp) != 0)
    fail ("%s: level %d", trial->algorithm, level);
  for (unsigned i = 0; i < ZCOMP_DIRECTIONS; i++)
    streams[i] = zcomp_stream_get (comp, i);
  for (uint32_t i = 0; i < nr_pages; i += trial->step)
    try_page (trial, level, streams, pages + (size_t) i * ZRAM_PAGE_SIZE,
              &result);
  for (unsigned i = 0; i < ZCOMP_DIRECTIONS; i++)
    zcomp_stream_put (streams[i]);
  zcomp_destroy (comp);
  print_result (trial, level, &result);
}

int
main (int argc, char *argv[])
{
  if (argc != 2)
    fail ("usage: levels CORPUS");
  keep_pages (argv[1]);
  puts ("algorithm level stored, %  alone   ratio   in, us  out, us");
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
    for (const int *level = trials[i].levels; *level != 0; level++)
      try_level (&trials[i], *level);
  return EXIT_SUCCESS;
}
