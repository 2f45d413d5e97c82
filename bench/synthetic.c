/* SPDX-License-Identifier: BSD-3-Clause */
/* A page is a row of sequences, as lz4 finds them: a new word, and then some
 * that have been in the page before.  The more sequences, the less can be made
 * of it; how many make how much is measured first.  The bytes of new words are
 * not equally frequent, so that zstd makes two thirds of what lz4 does, as of
 * real pages.
 */
#include <config.h>

#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "synthetic.h"
#include "util.h"

#define PAGE       4096
#define WORD       8
#define PAGE_WORDS (PAGE / WORD)

/* Per 10,000 pages of 96 MiB that six programs left (bench/workloads, 1 page
 * in 4 of 384 MiB): same-filled; and those that lz4 makes less than 128 bytes
 * of, less than 256, and so on. */
#define SAME_FILLED 125
static const unsigned short sizes[] = {
    136, 421, 190, 249,  245, 343, 392, 413, 559, 659, 784, 961,
    861, 734, 904, 1010, 489, 148, 170, 107, 60,  22,  5,
};
#define NR_SIZES  (sizeof sizes / sizeof *sizes)
#define SIZE_STEP 128

/* Sequences that are measured: STEP, two STEPs and so on. */
#define STEP  16
#define STEPS 24

struct synthetic {
  uint64_t random;
  unsigned char bytes[256]; /* of new words, each as often as it is here */
  unsigned made[STEPS + 1]; /* bytes, of so many STEPs of sequences */
};

/* 13 of 16 are among 16. */
static void
choose_bytes (struct synthetic *synthetic)
{
  for (unsigned i = 0; i < 256; i++)
    synthetic->bytes[i] = (unsigned char) (i < 208 ? i % 16 : i);
}

static void
new_word (struct synthetic *synthetic, char *word)
{
  uint64_t random = random64 (&synthetic->random);

  for (unsigned i = 0; i < WORD; i++, random >>= 8)
    word[i] = (char) synthetic->bytes[random & 255];
}

/* NR words for the page from WORD AT on that are there before it. */
static void
old_words (struct synthetic *synthetic, char *page, unsigned at, unsigned nr)
{
  const unsigned from = random_below (&synthetic->random, at);

  for (unsigned i = 0; i < nr; i++)
    memcpy (page + (size_t) (at + i) * WORD, page + (size_t) (from + i) * WORD,
            WORD);
}

/* Behind each new word there are as many old ones, on average, as make so many
 * sequences fill it: in 256ths, since they are few. */
static void
make_page (struct synthetic *synthetic, char *page, unsigned sequences)
{
  const unsigned mean = PAGE_WORDS * 256 / sequences - 256;
  unsigned at = 0;

  while (at < PAGE_WORDS) {
    unsigned nr = random_below (&synthetic->random, 2 * mean + 256) / 256;

    new_word (synthetic, page + (size_t) at++ * WORD);
    if (nr > PAGE_WORDS - at)
      nr = PAGE_WORDS - at;
    old_words (synthetic, page, at, nr);
    at += nr;
  }
}

static unsigned
compressed (const char *page)
{
  char to[LZ4_COMPRESSBOUND (PAGE)];

  return (unsigned) LZ4_compress_default (page, to, PAGE, (int) sizeof to);
}

/* The mean of some pages, for each number of STEPs. */
static void
measure (struct synthetic *synthetic)
{
  char page[PAGE];

  for (unsigned i = 1; i <= STEPS; i++) {
    unsigned sum = 0;

    for (unsigned n = 0; n < 64; n++) {
      make_page (synthetic, page, i * STEP);
      sum += compressed (page);
    }
    synthetic->made[i] = sum / 64;
  }
}

struct synthetic *
synthetic_begin (uint64_t seed)
{
  struct synthetic *const synthetic = new_array (1, sizeof *synthetic);

  synthetic->random = seed;
  choose_bytes (synthetic);
  measure (synthetic);
  return synthetic;
}

void
synthetic_end (struct synthetic *synthetic)
{
  free (synthetic);
}

/* How many sequences make SIZE bytes. */
static unsigned
sequences_for (const struct synthetic *synthetic, unsigned size)
{
  const unsigned *const made = synthetic->made;
  unsigned i = 1, n;

  while (i < STEPS && made[i] < size)
    i++;
  n = i * STEP;
  if (made[i] > size)
    n -= STEP * (made[i] - size) / (made[i] - made[i - 1]);
  return n > 0 ? n : 1;
}

/* Of the next page; 0: it is same-filled. */
static unsigned
next_size (struct synthetic *synthetic)
{
  unsigned random = random_below (&synthetic->random, 10000), i = 0;

  if (random < SAME_FILLED)
    return 0;
  random = random_below (&synthetic->random, 10000 - SAME_FILLED);
  while (i < NR_SIZES - 1 && random >= sizes[i])
    random -= sizes[i++];
  return i * SIZE_STEP + random_below (&synthetic->random, SIZE_STEP);
}

void
synthetic_next (struct synthetic *synthetic, char *page)
{
  const unsigned size = next_size (synthetic);

  if (size == 0)
    memset (page, 0, PAGE);
  else
    make_page (synthetic, page, sequences_for (synthetic, size));
}
