/* SPDX-License-Identifier: BSD-3-Clause */
/* hotpaths: what the engine does most, for ./run to count its instructions.
 *
 * For each kind of pages, on a device of its own: all are written, written
 * again in another order, over older ones, read, half of them trimmed one by
 * one, and the disk emptied by one TRIM of it all, by a function each whose
 * name begins with "path_"; or, of the kind that is written back, written,
 * written back, read and overwritten.  Their names are printed in that order.
 * What is written follows from a seed, and no thread helps: the same
 * instructions are run each time.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ramstore.h"
#include "random.h"
#include "zcomp.h"
#include "zram.h"
#include "zsmalloc.h"

/* So many that each class of sizes has several. */
#define PAGES 512

/* Of a page's content: the usual one is of WORDS words that there are, and some
 * that are new, which lz4 makes a third of it. */
enum content {
  SAME,
  USUAL,
  RANDOM
};

static const struct kind {
  const char *name, *algorithm;
  enum content content;
  bool written_back;
} kinds[] = {
    {"same", "lz4", SAME, false},   {"lz4", "lz4", USUAL, false},
    {"zstd", "zstd", USUAL, false}, {"huge", "lz4", RANDOM, false},
    {"backed", "lz4", USUAL, true},
};

#define NR_KINDS (sizeof kinds / sizeof *kinds)
#define WORDS    96

static char pages[PAGES][ZRAM_PAGE_SIZE];
static char page[ZRAM_PAGE_SIZE];

static void
fail (const char *what)
{
  fprintf (stderr, "hotpaths: %s\n", what);
  exit (EXIT_FAILURE);
}

static uint64_t
next_word (enum content content, const uint64_t words[WORDS], uint64_t *state)
{
  const uint64_t random = random64 (state);

  return content == RANDOM || random % 8 == 0 ? random64 (state)
                                              : words[random / 8 % WORDS];
}

static void
fill_pages (enum content content)
{
  uint64_t state = 1, words[WORDS];

  for (unsigned i = 0; i < WORDS; i++)
    words[i] = random64 (&state) >> (random64 (&state) % 48);
  for (unsigned i = 0; i < PAGES; i++)
    for (size_t at = 0; at < ZRAM_PAGE_SIZE; at += sizeof (uint64_t)) {
      const uint64_t word =
          content == SAME ? i : next_word (content, words, &state);

      memcpy (&pages[i][at], &word, sizeof word);
    }
}

static void
write_page (struct zram *zram, unsigned slot, unsigned content)
{
  if (zram_write (zram, pages[content], ZRAM_PAGE_SIZE,
                  (uint64_t) slot * ZRAM_PAGE_SIZE) != 0)
    fail ("zram_write");
}

/* Another place for each of them. */
static unsigned
shuffled (unsigned i)
{
  return i * 197 % PAGES;
}

__attribute__ ((noinline)) static void
path_fill (struct zram *zram)
{
  for (unsigned i = 0; i < PAGES; i++)
    write_page (zram, i, i);
}

__attribute__ ((noinline)) static void
path_write (struct zram *zram)
{
  for (unsigned i = 0; i < PAGES; i++)
    write_page (zram, shuffled (i), i);
}

__attribute__ ((noinline)) static void
path_read (struct zram *zram)
{
  for (unsigned i = 0; i < PAGES; i++)
    if (zram_read (zram, page, ZRAM_PAGE_SIZE,
                   (uint64_t) shuffled (i) * ZRAM_PAGE_SIZE) != 0)
      fail ("zram_read");
}

__attribute__ ((noinline)) static void
path_trim (struct zram *zram)
{
  for (unsigned i = 0; i < PAGES / 2; i++)
    zram_discard (zram, ZRAM_PAGE_SIZE,
                  (uint64_t) shuffled (i) * ZRAM_PAGE_SIZE);
}

__attribute__ ((noinline)) static void
path_empty (struct zram *zram)
{
  zram_discard (zram, (uint64_t) PAGES * ZRAM_PAGE_SIZE, 0);
}

__attribute__ ((noinline)) static void
path_writeback (struct zram *zram)
{
  const struct zram_writeback all = {.end = PAGES};
  struct zram_written written;

  if (zram_writeback (zram, &all, NULL, &written) != 0 ||
      written.pages != PAGES)
    fail ("zram_writeback");
}

static const struct path {
  const char *name;
  void (*run) (struct zram *zram);
  unsigned pages;
} paths[2][6] = {
    {{"fill", path_fill, PAGES},
     {"write", path_write, PAGES},
     {"read", path_read, PAGES},
     {"trim", path_trim, PAGES / 2},
     {"empty", path_empty, PAGES / 2}},
    {{"fill", path_fill, PAGES},
     {"writeback", path_writeback, PAGES},
     {"read", path_read, PAGES},
     {"write", path_write, PAGES}},
};

/* The store, which is the device's then. */
static struct store *
make_store (void)
{
  struct store *const store =
      ram_store_make (4 * (uint64_t) PAGES * ZRAM_PAGE_SIZE);

  if (!store || store_start (store) != 0)
    fail ("ram_store_make");
  return store;
}

static void
run_kind (const struct kind *kind)
{
  const struct zram_config config = {
      .disksize = (uint64_t) PAGES * ZRAM_PAGE_SIZE,
      .algorithms[0].backend = zcomp_backend_find (kind->algorithm),
      .store = kind->written_back ? make_store () : NULL,
  };
  struct zram *zram;

  fill_pages (kind->content);
  if (zram_create (&zram, &config) != 0)
    fail ("zram_create");
  write_page (zram, 0, 0); /* what the first one alone has to do */
  for (const struct path *path = paths[kind->written_back]; path->run; path++) {
    path->run (zram);
    printf ("%s_%s %u\n", kind->name, path->name, path->pages);
  }
  zram_destroy (zram);
}

int
main (void)
{
  for (size_t i = 0; i < NR_KINDS; i++)
    run_kind (&kinds[i]);
  return EXIT_SUCCESS;
}
