/* SPDX-License-Identifier: BSD-3-Clause */
/* Dictionaries: read whole or refused, counted, shared; what they are used for
 * comes back, gets smaller, and is harmless with another one.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zdict.h>
#include <sys/stat.h>

#include "unit.h"
#include "zcomp.h"
#include "zcompdict.h"

#define DICT_SIZE (16U << 10)

static const char device;
static char path[64];

static bool memory_is_short;

extern void *__real_aligned_alloc (size_t alignment, size_t size);
extern void *__wrap_aligned_alloc (size_t alignment, size_t size);

void *
__wrap_aligned_alloc (size_t alignment, size_t size)
{
  return memory_is_short ? NULL : __real_aligned_alloc (alignment, size);
}

/* A file of SIZE bytes at BYTES. */
static void
write_file (const void *bytes, size_t size)
{
  int fd;

  fd = mkstemp (strcpy (path, "/tmp/zcompdict-XXXXXX"));
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, bytes, size), (ssize_t) size);
  close (fd);
}

START_TEST (a_file_is_read_whole)
{
  char bytes[100000];
  struct zcomp_dict *dict;

  content_fill (bytes, sizeof bytes, CONTENT_NOISE, 1);
  write_file (bytes, sizeof bytes);
  ck_assert_int_eq (zcomp_dict_read (&dict, path), 0);
  unlink (path);
  ck_assert_uint_eq (zcomp_dict_len (dict), sizeof bytes);
  ck_assert_mem_eq (zcomp_dict_bytes (dict), bytes, sizeof bytes);
  zcomp_dict_put (dict);
}

START_TEST (what_is_no_dictionary_is_refused)
{
  struct zcomp_dict *dict = NULL;

  ck_assert_int_eq (zcomp_dict_read (&dict, "/nonexistent"), -ENOENT);
  ck_assert_int_eq (zcomp_dict_read (&dict, "/"), -EISDIR);
  ck_assert_int_eq (zcomp_dict_read (&dict, "/dev/zero"), -EINVAL);
  write_file ("", 0);
  ck_assert_int_eq (zcomp_dict_read (&dict, path), -EINVAL);
  ck_assert_int_eq (truncate (path, (off_t) ZCOMP_DICT_MAX + 1), 0);
  ck_assert_int_eq (zcomp_dict_read (&dict, path), -EFBIG);
  unlink (path);
  /* Nobody writes there: whoever opened it would wait. */
  ck_assert_int_eq (mkfifo (path, 0600), 0);
  ck_assert_int_eq (zcomp_dict_read (&dict, path), -EINVAL);
  unlink (path);
  ck_assert_int_eq (zcomp_dict_create (&dict, "", 0), -EINVAL);
  ck_assert_ptr_null (dict);
}

START_TEST (who_may_not_read_it_is_told)
{
  struct zcomp_dict *dict = NULL;

  write_file ("x", 1);
  ck_assert_int_eq (chmod (path, 0), 0);
  if (geteuid () == 0 && seteuid (65534) < 0)
    puts ("SKIP: root may read all, and here is no other user");
  else
    ck_assert_int_eq (zcomp_dict_read (&dict, path), -EACCES);
  if (getuid () == 0)
    ck_assert_int_eq (seteuid (0), 0);
  unlink (path);
}

static void
refer (void *arg, unsigned me)
{
  for (unsigned i = 0; i < 10000; i++) {
    struct zcomp_dict *const mine = zcomp_dict_get (arg);

    must (zcomp_dict_len (mine) == 7);
    zcomp_dict_put (mine);
  }
  (void) me;
}

/* The sanitizers see whether it is freed, and that nobody uses it then. */
START_TEST (references_are_counted)
{
  struct zcomp_dict *dict;

  ck_assert_int_eq (zcomp_dict_create (&dict, "dictate", 7), 0);
  threads_run (4, refer, dict);
  ck_assert_mem_eq (zcomp_dict_bytes (dict), "dictate", 7);
  zcomp_dict_put (dict);
  ck_assert_ptr_null (zcomp_dict_get (NULL));
  zcomp_dict_put (NULL);
}

/* With a dictionary. */

/* Raw bytes, or as zstd trains them, with tables of its own. */
static struct zcomp_dict *
make_dict (bool trained, uint64_t seed)
{
  enum {
    SAMPLES = 400
  };
  static char samples[SAMPLES][ZRAM_PAGE_SIZE];
  size_t sizes[SAMPLES];
  struct zcomp_dict *dict;
  char bytes[DICT_SIZE];
  size_t len = sizeof bytes;

  for (size_t i = 0; i < SAMPLES; i++) {
    content_fill (samples[i], sizeof samples[i], CONTENT_TEXT, seed + i);
    sizes[i] = sizeof samples[i];
  }
  memcpy (bytes, samples, sizeof bytes);
  if (trained) {
    len = ZDICT_trainFromBuffer (bytes, sizeof bytes, samples, sizes, SAMPLES);
    ck_assert (!ZDICT_isError (len));
  }
  ck_assert_int_eq (zcomp_dict_create (&dict, bytes, len), 0);
  return dict;
}

static struct zcomp *
make_comp (const struct zcomp_backend *backend, struct zcomp_dict *dict)
{
  const struct zcomp_levels levels = zcomp_backend_levels (backend);
  const struct zcomp_params params = {
      .has_level = true,
      /* Where it pays; lz4's level makes it faster, not better. */
      .level = levels.max > 22 || levels.max < 9 ? levels.usual : 9,
      .dict = dict};
  struct zcomp *comp;

  ck_assert_int_eq (zcomp_create (&comp, backend, &params, 2, &device), 0);
  ck_assert_int_eq (zcomp_prepare (comp), 0);
  return comp;
}

static size_t
compress (struct zcomp *comp, const char *page, char *out)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  size_t len = 0;

  must_equal (zcomp_compress (stream, page, out, 2 * ZRAM_PAGE_SIZE, &len), 0);
  zcomp_stream_put (stream);
  return len;
}

static int
decompress (struct zcomp *comp, const char *src, size_t len, char *page)
{
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_DECOMPRESS);
  const int r = zcomp_decompress (stream, src, len, page);

  zcomp_stream_put (stream);
  return r;
}

/* Many pages by WITH; how long they are in all. */
static size_t
store_pages (struct zcomp *with)
{
  char page[ZRAM_PAGE_SIZE], back[ZRAM_PAGE_SIZE], out[2 * ZRAM_PAGE_SIZE];
  size_t sum = 0;

  for (uint64_t seed = 10000; seed < 10000 + scaled (300); seed++) {
    size_t len;

    content_fill (page, sizeof page, CONTENT_TEXT, seed);
    len = compress (with, page, out);
    must_equal (decompress (with, out, len, back), 0);
    must (memcmp (page, back, sizeof page) == 0);
    sum += len;
  }
  return sum;
}

START_TEST (it_makes_pages_smaller)
{
  const struct zcomp_backend *const backend = zcomp_backends[_i];
  struct zcomp *comp;
  size_t without, with;

  if (!zcomp_backend_takes_dict (backend))
    return;
  comp = make_comp (backend, NULL);
  without = store_pages (comp);
  zcomp_destroy (comp);
  for (unsigned trained = 0; trained < 2; trained++) {
    struct zcomp_dict *const dict = make_dict (trained, 0);
    struct zcomp_usage usage;

    comp = make_comp (backend, dict);
    /* The zcomp has a reference. */
    zcomp_usage (comp, &usage);
    ck_assert_uint_gt (usage.dict, zcomp_dict_len (dict));
    zcomp_dict_put (dict);
    with = store_pages (comp);
    /* zstd's fast strategy has its own mind about that. */
    if (backend != zcomp_backend_find ("zstd-4k"))
      ck_assert_uint_lt (with, without);
    zcomp_destroy (comp);
  }
}

/* One that is damaged is refused before there is a device, or can be used. */
START_TEST (what_is_damaged_is_refused)
{
  const struct zcomp_backend *const zstd = zcomp_backend_find ("zstd");
  struct zcomp_dict *const good = make_dict (true, 0);
  const size_t len = zcomp_dict_len (good);
  char *const bytes = malloc (len);
  unsigned refused = 0;

  for (size_t at = 8; at < 160; at++)
    for (unsigned bit = 0; bit < 8; bit++) {
      struct zcomp_params params = {.has_level = true, .level = 1};
      struct zcomp_dict *dict;
      struct zcomp *comp;
      char why[256];
      int r;

      memcpy (bytes, zcomp_dict_bytes (good), len);
      bytes[at] ^= (char) (1 << bit);
      must_equal (zcomp_dict_create (&dict, bytes, len), 0);
      params.dict = dict;
      if (zcomp_params_check (zstd, &params, why, sizeof why) != 0)
        refused++;
      else {
        r = zcomp_create (&comp, zstd, &params, 1, &device);
        must_equal (r, 0);
        must_equal (zcomp_prepare (comp), 0);
        zcomp_destroy (comp);
      }
      zcomp_dict_put (dict);
    }
  ck_assert_uint_gt (refused, 0);
  zcomp_dict_put (good);
  free (bytes);
}

/* Whoever cannot tell whether one is damaged does not say that it is. */
START_TEST (what_there_is_no_memory_to_check_is_not_damaged)
{
  struct zcomp_params params = {.dict = make_dict (true, 0)};
  const struct zcomp_backend *const zstd = zcomp_backend_find ("zstd");
  struct zcomp *comp;
  char why[256];

  memory_is_short = true;
  ck_assert_int_eq (zcomp_params_check (zstd, &params, why, sizeof why),
                    -ENOMEM);
  ck_assert_str_eq (why, "there is no memory to read its tables");
  ck_assert_int_eq (zcomp_create (&comp, zstd, &params, 1, &device), -ENOMEM);
  memory_is_short = false;
  ck_assert_int_eq (zcomp_params_check (zstd, &params, why, sizeof why), 0);
  zcomp_dict_put (params.dict);
}

/* Pages that were stored with another one, or with none. */
START_TEST (the_wrong_one_is_harmless)
{
  const struct zcomp_backend *const backend = zcomp_backends[_i];
  char *const back = guarded_end (ZRAM_PAGE_SIZE);
  char *const fence = (char *) guarded_end (2 * ZRAM_PAGE_SIZE);
  struct zcomp_dict *dicts[3];
  struct zcomp *comps[4];

  if (!zcomp_backend_takes_dict (backend))
    return;
  dicts[0] = make_dict (false, 0);
  dicts[1] = make_dict (true, 0);
  dicts[2] = make_dict (false, 5000);
  comps[0] = make_comp (backend, NULL);
  for (unsigned i = 1; i < 4; i++)
    comps[i] = make_comp (backend, dicts[i - 1]);
  for (uint64_t seed = 0; seed < scaled (200); seed++)
    for (unsigned i = 0; i < 16; i++) {
      char page[ZRAM_PAGE_SIZE], out[2 * ZRAM_PAGE_SIZE];
      size_t len;
      int r;

      content_fill (page, sizeof page, CONTENT_TEXT, seed);
      len = compress (comps[i / 4], page, out);
      r = decompress (comps[i % 4],
                      memcpy (fence + 2 * ZRAM_PAGE_SIZE - len, out, len), len,
                      back);
      must (r == 0 || r == -EIO);
      if (i / 4 == i % 4)
        must (r == 0 && memcmp (page, back, sizeof page) == 0);
    }
  for (unsigned i = 0; i < 4; i++)
    zcomp_destroy (comps[i]);
  for (unsigned i = 0; i < 3; i++)
    zcomp_dict_put (dicts[i]);
}

static void
store_on_thread (void *arg, unsigned me)
{
  (void) me;
  store_pages (arg);
}

START_TEST (threads_share_one)
{
  struct zcomp_dict *dict;
  struct zcomp *comp;

  if (!zcomp_backend_takes_dict (zcomp_backends[_i]))
    return;
  dict = make_dict (true, 0);
  comp = make_comp (zcomp_backends[_i], dict);
  zcomp_dict_put (dict);
  threads_run (4, store_on_thread, comp);
  zcomp_destroy (comp);
}

static void
store_and_count_faults (void *arg, unsigned me)
{
  char page[ZRAM_PAGE_SIZE], out[2 * ZRAM_PAGE_SIZE];
  struct zcomp *const *const comps = arg;
  long faults = 0;

  (void) me;
  content_fill (page, sizeof page, CONTENT_TEXT, 1);
  /* The first has been used before: its code and this stack are there. */
  for (unsigned i = 0; i < 2; i++) {
    faults = thread_faults ();
    must_equal (
        decompress (comps[i], out, compress (comps[i], page, out), page), 0);
    faults = thread_faults () - faults;
  }
  must_equal (faults, 0);
}

START_TEST (what_is_filled_takes_no_page_fault)
{
  struct zcomp *comps[2];
  struct zcomp_dict *dict;

  if (!zcomp_backend_takes_dict (zcomp_backends[_i]))
    return;
  dict = make_dict (true, 0);
  for (unsigned i = 0; i < 2; i++)
    comps[i] = make_comp (zcomp_backends[_i], dict);
  ck_assert_int_eq (zcomp_populate (comps[1]), 0);
  threads_run (1, store_and_count_faults, comps);
  for (unsigned i = 0; i < 2; i++)
    zcomp_destroy (comps[i]);
  zcomp_dict_put (dict);
}

int
main (void)
{
  Suite *const suite = suite_create ("zcompdict");
  TCase *tc;
  int n = 0;

  while (zcomp_backends[n])
    n++;
  tc = suite_case (suite, "files");
  tcase_add_test (tc, a_file_is_read_whole);
  tcase_add_test (tc, what_is_no_dictionary_is_refused);
  tcase_add_test (tc, who_may_not_read_it_is_told);
  tcase_add_test (tc, references_are_counted);
  tcase_add_test (tc, what_is_damaged_is_refused);
  tcase_add_test (tc, what_there_is_no_memory_to_check_is_not_damaged);

  tc = suite_case (suite, "use");
  tcase_add_loop_test (tc, it_makes_pages_smaller, 0, n);
  tcase_add_loop_test (tc, the_wrong_one_is_harmless, 0, n);
  tcase_add_loop_test (tc, threads_share_one, 0, n);
  if (instrumented ())
    puts ("SKIP: a test of page faults: who watches takes some, too");
  else
    tcase_add_loop_test (tc, what_is_filled_takes_no_page_fault, 0, n);
  return suite_run (suite);
}
