/* SPDX-License-Identifier: BSD-3-Clause */
/* recompressed: what memory pages take that were written with lz4 and are
 * recompressed with zstd 9 and a dictionary that was trained on one page in a
 * hundred, beside the kernel's zram with lz4, on the same pages.
 *
 *   enginebench recompressed [-d KIB] [-l LEVEL] CORPUS
 *
 * Counted are the pools (mem_used_total), and with all that comes with them:
 * the slot table, 16 bytes a page on both sides, and here the dictionary and
 * what was made of it; there a handle of 8 bytes and a descriptor's part, 6,
 * for each object, which no statistic shows.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zdict.h>

#include "arguments.h"
#include "device.h"
#include "enginebench.h"
#include "kernelzram.h"
#include "samefill.h"
#include "zcompdict.h"

/* One page in so many is for training. */
#define SAMPLE_STEP 100

#define SLOT_BYTES          16
#define KERNEL_OBJECT_BYTES (8 + 6)

static struct corpus corpus;
static uint32_t nr_pages;
static unsigned dict_kib = 112;
static unsigned level = 9;

static struct zcomp_dict *
train (void)
{
  const uint32_t most = nr_pages / SAMPLE_STEP + 1;
  char *const samples = new_buffer ((size_t) most * ZRAM_PAGE_SIZE);
  size_t *const sizes = new_array (most, sizeof *sizes);
  const size_t room = (size_t) dict_kib << 10;
  char *const bytes = new_buffer (room);
  struct zcomp_dict *dict;
  unsigned n = 0;
  size_t len;

  for (uint32_t i = 0; i < nr_pages; i += SAMPLE_STEP) {
    const char *const page = corpus_page (&corpus, i);
    uint64_t word;

    if (page_is_same_filled (page, &word))
      continue;
    memcpy (samples + (size_t) n * ZRAM_PAGE_SIZE, page, ZRAM_PAGE_SIZE);
    sizes[n++] = ZRAM_PAGE_SIZE;
  }
  len = ZDICT_trainFromBuffer (bytes, room, samples, sizes, n);
  if (ZDICT_isError (len))
    fail ("%u pages, one in %u of the corpus's that are not same-filled, train "
          "no dictionary (zstd: %s): a larger corpus or another -d is needed",
          n, SAMPLE_STEP, ZDICT_getErrorName (len));
  if (zcomp_dict_create (&dict, bytes, len) != 0)
    fail ("zcomp_dict_create");
  free (samples);
  free (sizes);
  free (bytes);
  return dict;
}

struct taken {
  uint64_t pool;
  uint64_t all;
};

static uint64_t
table_bytes (void)
{
  return (uint64_t) nr_pages * SLOT_BYTES;
}

static void
print_taken (const char *what, const struct taken *taken)
{
  const double raw = (double) nr_pages * ZRAM_PAGE_SIZE / 100;

  printf ("%-34s pool %6.2f %%, all %6.2f %%\n", what,
          (double) taken->pool / raw, (double) taken->all / raw);
}

static struct taken
take (const struct zram *zram)
{
  const struct zram_stats stats = device_stats (zram);
  struct zcomp_usage usage;

  zram_comp_usage (zram, &usage);
  return (struct taken){.pool = stats.mem_used_total,
                        .all =
                            stats.mem_used_total + table_bytes () + usage.dict};
}

static void
must_hold_corpus (struct zram *zram)
{
  char page[ZRAM_PAGE_SIZE];

  for (uint32_t i = 0; i < nr_pages; i++) {
    device_read (zram, i, page);
    if (memcmp (page, corpus_page (&corpus, i), sizeof page) != 0)
      fail ("page %u is not what it was", i);
  }
}

static struct taken
measure_here (void)
{
  struct zram_config config = {.disksize = (uint64_t) nr_pages * ZRAM_PAGE_SIZE,
                               .algorithms[0].backend = algorithm_named ("lz4"),
                               .algorithms[1].backend =
                                   algorithm_named ("zstd")};
  const struct zram_recompress what = {.max_pages = UINT64_MAX, .priority = 1};
  struct zram_recompressed done;
  struct zram *zram;
  struct taken taken;

  config.algorithms[1].params = (struct zcomp_params){
      .has_level = true, .level = (int) level, .dict = train ()};
  zram = device_new (&config);
  device_fill (zram, &corpus);
  taken = take (zram);
  print_taken ("here, lz4", &taken);
  if (zram_recompress (zram, &what, NULL, &done) != 0)
    fail ("zram_recompress");
  taken = take (zram);
  print_taken ("here, recompressed", &taken);
  zram_compact (zram, NULL);
  taken = take (zram);
  print_taken ("here, recompressed and compacted", &taken);
  must_hold_corpus (zram);
  zram_destroy (zram);
  zram_config_clear (&config);
  return taken;
}

static struct taken
measure_kernel (void)
{
  const int fd = kernel_zram_add ("lz4", (uint64_t) nr_pages * ZRAM_PAGE_SIZE);
  struct zram_stats stats;
  struct taken taken;
  uint64_t objects;

  for (uint32_t i = 0; i < nr_pages; i++)
    if (pwrite (fd, corpus_page (&corpus, i), ZRAM_PAGE_SIZE,
                (off_t) i * ZRAM_PAGE_SIZE) != ZRAM_PAGE_SIZE)
      fail ("writing to the kernel's zram: %s", strerror (errno));
  kernel_zram_stats (&stats);
  objects = stats.orig_data_size / ZRAM_PAGE_SIZE - stats.same_pages;
  taken = (struct taken){.pool = stats.mem_used_total,
                         .all = stats.mem_used_total + table_bytes () +
                                objects * KERNEL_OBJECT_BYTES};
  print_taken ("the kernel's zram, lz4", &taken);
  return taken;
}

static void
compare_sides (void)
{
  const char *const why = kernel_zram_missing ("lz4");
  struct taken here, there;

  printf ("zstd %u, dictionary of at most %u KiB, in %% of the pages\n", level,
          dict_kib);
  here = measure_here ();
  if (why) {
    printf ("NOT RUN: /dev/zram: %s\n", why);
    return;
  }
  there = measure_kernel ();
  printf ("of the kernel's: pool %.3f, all %.3f\n",
          (double) here.pool / (double) there.pool,
          (double) here.all / (double) there.all);
}

void
bench_recompressed (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_NUMBER ('d', "KIB", "of the dictionary, at most", &dict_kib, 1,
                       1 << 20),
      ARGUMENT_NUMBER ('l', "LEVEL", "of zstd", &level, 1, 22), ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "What pages take that were written with lz4 and are recompressed with\n"
      "zstd and a dictionary, beside the kernel's zram with lz4.",
      arguments};

  corpus = corpus_load (*arguments_parse (&synopsis, argc, argv), 1);
  nr_pages = corpus.nr_pages;
  compare_sides ();
}
