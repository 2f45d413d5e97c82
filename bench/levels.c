/* SPDX-License-Identifier: BSD-3-Clause */
/* levels: what each algorithm stores of real pages at each of its levels, and
 * how long that takes.
 *
 *   enginebench levels CORPUS
 *
 * A line for each on stdout: bytes stored in percent of the pages', where a
 * page that gets no smaller counts whole; the same by the library alone, called
 * without streams; microseconds of CPU time a page, in and out.  Same-filled
 * pages are left out.  Of slow levels fewer pages are tried, evenly spread.
 */
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alone.h"
#include "arguments.h"
#include "enginebench.h"
#include "samefill.h"
#include "util.h"
#include "zcomp.h"
#include "zsmalloc.h"

static char *pages; /* that are not same-filled */
static uint32_t nr_pages;

/* What is tried; of each level every STEP'th page. */
static const struct trial {
  const char *algorithm;
  int levels[16]; /* 0: no more; deflate's 0 stores */
  uint32_t step;
} trials[] = {
    {"lz4", {1, 2, 4, 16}, 1},
#if HAVE_LZO
    {"lzo", {1}, 1},
#endif
    {"lz4hc", {1, 4, 9, 12}, 4},
    {"zstd", {-5, -1, 1, 2, 3}, 2},
    {"zstd-4k", {1}, 1},
    {"zstd", {5, 7, 9, 12}, 4},
    {"zstd", {15, 19, 22}, 16},
#if HAVE_DEFLATE
    {"deflate", {1, 6, 9, 12}, 8},
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
  if (nr_pages == 0)
    fail ("%s: all of its pages are same-filled, and those are left out", file);
}

struct result {
  const struct alone *library;
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

static size_t
compress (struct zcomp *comp, const char *page, char *small)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  size_t len;

  if (zcomp_compress (stream, page, small, ALONE_ROOM, &len) != 0)
    fail ("a page does not compress");
  zcomp_stream_put (stream);
  return len;
}

static void
decompress (struct zcomp *comp, const char *small, size_t len, char *page)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);

  if (zcomp_decompress (stream, small, len, page) != 0)
    fail ("a page does not decompress");
  zcomp_stream_put (stream);
}

static void
try_page (struct zcomp *comp, int level, const char *page,
          struct result *result)
{
  char small[ALONE_ROOM], back[ZRAM_PAGE_SIZE];
  const uint64_t start = thread_cpu ();
  const size_t len = compress (comp, page, small);
  const uint64_t middle = thread_cpu ();

  decompress (comp, small, len, back);
  result->out += thread_cpu () - middle;
  result->in += middle - start;
  if (memcmp (page, back, sizeof back) != 0)
    fail ("a page was not restored");
  result->stored += stored_len (len);
  result->alone += stored_len (result->library->compress (page, small, level));
  result->tried++;
}

/* What it takes to look at the clock, in ns: as long as to decompress a third
 * of a page. */
static double
clock_cost (void)
{
  const unsigned looks = 10000;
  const uint64_t start = thread_cpu ();

  for (unsigned i = 1; i < looks; i++)
    thread_cpu ();
  return (double) (thread_cpu () - start) / looks;
}

static void
print_result (const struct trial *trial, int level, const struct result *result)
{
  const double all = (double) result->tried * ZRAM_PAGE_SIZE / 100;
  const double tried = (double) result->tried, clock = clock_cost ();

  printf ("%-8s %5d %9.2f %8.2f %7.4f %8.1f %8.1f\n", trial->algorithm, level,
          (double) result->stored / all, (double) result->alone / all,
          (double) result->stored / (double) result->alone,
          ((double) result->in / tried - clock) / 1000,
          ((double) result->out / tried - clock) / 1000);
  fflush (stdout);
}

static const struct alone *
find_alone (const char *algorithm)
{
  for (size_t i = 0; i < NR_ALONE; i++)
    if (strcmp (alone[i].name, algorithm) == 0)
      return &alone[i];
  fail ("%s: no library does that alone", algorithm);
}

static void
try_level (const struct trial *trial, int level)
{
  const struct zcomp_backend *const backend =
      zcomp_backend_find (trial->algorithm);
  const struct zcomp_params params = {.has_level = true, .level = level};
  struct result result = {.library = find_alone (trial->algorithm)};
  struct zcomp *comp;

  if (zcomp_create (&comp, backend, &params, 1, NULL) != 0 ||
      zcomp_prepare (comp) != 0)
    fail ("%s: level %d", trial->algorithm, level);
  for (uint32_t i = 0; i < nr_pages; i += trial->step)
    try_page (comp, level, pages + (size_t) i * ZRAM_PAGE_SIZE, &result);
  zcomp_destroy (comp);
  print_result (trial, level, &result);
}

void
bench_levels (int argc, char *argv[])
{
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "Of each algorithm and level: what is stored of pages that are not\n"
      "same-filled, by the engine and by the library alone, and CPU time.",
      NULL};

  keep_pages (*arguments_parse (&synopsis, argc, argv));
  puts ("algorithm level stored, %  alone   ratio   in, us  out, us");
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
    for (const int *level = trials[i].levels; *level != 0; level++)
      try_level (&trials[i], *level);
}
