/* SPDX-License-Identifier: BSD-3-Clause */
/* Every algorithm at all of its levels, alone and with a dictionary: pages come
 * back, what does not fit says so, damage stays inside the page, and what is
 * stored is not longer than what the library makes of the page by itself.
 *
 * Of thousands of levels a few are tried, of tens all.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alone.h"
#include "unit.h"
#include "zcomp.h"
#include "zcompdict.h"

#define MAX_LEVELS 64

/* What is stored beside what the pool has to have: more is no page's length. */
#define LARGE (2 * ZRAM_PAGE_SIZE)

static const char device;

/* Guarded: see test-zcomp.c. */
static char *page_in, *page_out, *fence_after, *fence_before;
static struct zcomp *comp;

static void
setup (void)
{
  page_in = guarded_end (ZRAM_PAGE_SIZE);
  page_out = guarded_end (ZRAM_PAGE_SIZE);
  fence_after = (char *) guarded_end (LARGE) + LARGE;
  fence_before = guarded_start (LARGE);
}

/* All levels of up to 40; of more those from -7 to 22, and ever longer steps
 * from there to the ends. */
static size_t
choose_levels (const struct zcomp_levels *range, int levels[MAX_LEVELS])
{
  size_t n = 0;
  int next;

  for (int level = range->min; level <= range->max; level = next) {
    ck_assert_uint_lt (n, MAX_LEVELS);
    levels[n++] = level;
    next = level + 1;
    if (level < -7)
      next = level / 4 > -7 ? -7 : level / 4;
    else if (level >= 22)
      next = level * 4 < range->max || level == range->max ? level * 4
                                                           : range->max;
  }
  ck_assert_int_eq (levels[0], range->min);
  ck_assert_int_eq (levels[n - 1], range->max);
  return n;
}

static int
compress (const void *src, void *dst, size_t capacity, size_t *len)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  const int r = zcomp_compress (stream, src, dst, capacity, len);

  zcomp_stream_put (stream);
  return r;
}

static int
decompress (const void *src, size_t len, void *dst)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  const int r = zcomp_decompress (stream, src, len, dst);

  zcomp_stream_put (stream);
  return r;
}

/* Kinds of pages: those of unit.h, text that zstd has compressed, and this
 * program's own code and data. */
#define COMPRESSED CONTENT_KINDS
#define BINARY     (CONTENT_KINDS + 1)
#define KINDS      (CONTENT_KINDS + 2)

static void
fill_binary (char *page, uint64_t seed)
{
  const int fd = open ("/proc/self/exe", O_RDONLY);

  must_equal (pread (fd, page, ZRAM_PAGE_SIZE,
                     (off_t) (1 + seed % 10) * ZRAM_PAGE_SIZE),
              ZRAM_PAGE_SIZE);
  close (fd);
}

static void
fill_compressed (char *page, uint64_t seed)
{
  char text[ZRAM_PAGE_SIZE];
  size_t at = 0;

  while (at < ZRAM_PAGE_SIZE) {
    char small[ZSTD_COMPRESSBOUND (sizeof text)];
    size_t len;

    content_fill (text, sizeof text, CONTENT_TEXT, seed * 100 + at);
    len = ZSTD_compress (small, sizeof small, text, sizeof text, 3);
    if (len > ZRAM_PAGE_SIZE - at)
      len = ZRAM_PAGE_SIZE - at;
    memcpy (page + at, small, len);
    at += len;
  }
}

static void
fill_page (char *page, unsigned kind, uint64_t seed)
{
  if (kind == COMPRESSED)
    fill_compressed (page, seed);
  else if (kind == BINARY)
    fill_binary (page, seed);
  else
    content_fill (page, ZRAM_PAGE_SIZE, (enum content) kind, seed);
}

/* A dictionary of text that is not that of the pages. */
static struct zcomp_dict *
make_dict (void)
{
  struct zcomp_dict *dict;
  char bytes[16 << 10];

  for (size_t at = 0; at < sizeof bytes; at += ZRAM_PAGE_SIZE)
    content_fill (bytes + at, ZRAM_PAGE_SIZE, CONTENT_TEXT, 1000 + at);
  ck_assert_int_eq (zcomp_dict_create (&dict, bytes, sizeof bytes), 0);
  return dict;
}

static void
make_comp (const struct zcomp_backend *backend, int level,
           struct zcomp_dict *dict)
{
  const struct zcomp_params params = {
      .has_level = true, .level = level, .dict = dict};

  must_equal (zcomp_create (&comp, backend, &params, 1, &device), 0);
  must_equal (zcomp_prepare (comp), 0);
}

/* From where nothing may be read before and behind it. */
static int
decompress_fenced (const char *bytes, size_t len)
{
  const int r =
      decompress (memcpy (fence_after - len, bytes, len), len, page_out);

  must_equal (decompress (memcpy (fence_before, bytes, len), len, page_out), r);
  return r;
}

static void
must_be_harmless (const char *bytes, size_t len)
{
  const int r = decompress_fenced (bytes, len);

  must (r == 0 || r == -EIO);
}

/* One bit, then two bytes. */
static void
damage (char *small, size_t len, uint64_t *random)
{
  small[random_below (random, len)] ^= (char) (1 << random_below (random, 8));
  must_be_harmless (small, len);
  small[random_below (random, len)] = (char) random_next (random);
  small[random_below (random, len)] = (char) random_next (random);
  must_be_harmless (small, len);
}

static void
try_page (unsigned kind, uint64_t seed)
{
  char small[LARGE];
  uint64_t random = seed + kind;
  size_t len, again;

  fill_page (page_in, kind, seed);
  must_equal (compress (page_in, fence_after - LARGE, LARGE, &len), 0);
  memcpy (small, fence_after - LARGE, len);
  memset (page_out, 0xee, ZRAM_PAGE_SIZE);
  must_equal (decompress_fenced (small, len), 0);
  must (memcmp (page_in, page_out, ZRAM_PAGE_SIZE) == 0);

  must_equal (compress (page_in, fence_after - (len - 1), len - 1, &again),
              -ENOSPC);
  must_equal (compress (page_in, fence_after - len / 2, len / 2, &again),
              -ENOSPC);
  for (size_t cut = 0; cut < len; cut += 1 + cut / 3)
    must_equal (decompress_fenced (small, cut), -EIO);
  must_equal (decompress_fenced (small, len - 1), -EIO);
  damage (small, len, &random);
}

/* Each level of a backend, with DICT. */
static void
try_levels (const struct zcomp_backend *backend, struct zcomp_dict *dict)
{
  const struct zcomp_levels range = zcomp_backend_levels (backend);
  int levels[MAX_LEVELS];
  const size_t n = choose_levels (&range, levels);

  for (size_t i = 0; i < n; i++) {
    make_comp (backend, levels[i], dict);
    for (unsigned kind = 0; kind < KINDS; kind++)
      for (uint64_t seed = 0; seed < scaled (10); seed++)
        try_page (kind, seed);
    zcomp_destroy (comp);
  }
}

START_TEST (pages_come_back_and_damage_is_harmless)
{
  try_levels (zcomp_backends[_i], NULL);
}

START_TEST (the_same_with_a_dictionary)
{
  struct zcomp_dict *const dict = make_dict ();

  if (zcomp_backend_takes_dict (zcomp_backends[_i]))
    try_levels (zcomp_backends[_i], dict);
  zcomp_dict_put (dict);
}

/* Bytes that pages of a KIND take, here and there. */
static void
compare_sizes (size_t i, int level, unsigned kind)
{
  size_t here = 0, there = 0;
  char out[LARGE];
  size_t len;

  for (uint64_t seed = 0; seed < 10; seed++) {
    fill_page (page_in, kind, seed);
    must_equal (compress (page_in, out, sizeof out, &len), 0);
    here += len;
    there += alone[i].compress (page_in, out, level);
  }
  ck_assert_msg (100 * here <= 101 * there,
                 "%s, level %d, kind %u: %zu bytes, not %zu", alone[i].name,
                 level, kind, here, there);
}

START_TEST (what_is_stored_is_what_the_library_gives)
{
  const struct zcomp_backend *const backend =
      zcomp_backend_find (alone[_i].name);
  const struct zcomp_levels range = zcomp_backend_levels (backend);
  int levels[MAX_LEVELS];
  const size_t n = choose_levels (&range, levels);

  for (size_t i = 0; i < n; i++) {
    make_comp (backend, levels[i], NULL);
    for (unsigned kind = 0; kind < KINDS; kind++)
      compare_sizes ((size_t) _i, levels[i], kind);
    zcomp_destroy (comp);
  }
}

int
main (void)
{
  Suite *const suite = suite_create ("zcomplevels");
  TCase *const tc = suite_case (suite, "levels");
  int n = 0;

  while (zcomp_backends[n])
    n++;
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, pages_come_back_and_damage_is_harmless, 0, n);
  tcase_add_loop_test (tc, the_same_with_a_dictionary, 0, n);
  tcase_add_loop_test (tc, what_is_stored_is_what_the_library_gives, 0,
                       NR_ALONE);
  return suite_run (suite);
}
