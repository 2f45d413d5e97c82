/* SPDX-License-Identifier: BSD-3-Clause */
/* density: what a compressed page costs in memory beyond its compressed size.
 *
 *   enginebench density [-r ROUND] [-a ALGORITHM,...] CORPUS
 *   enginebench density [-r ROUND] [-a ALGORITHM,...] -i MIB
 *
 * With each algorithm the same is done to this project's
 * device, to the kernel's zram and to a model of its zsmalloc: the same pages
 * to the same slots in the same order.  With -i the pages are random bytes.
 *
 *   fill     slot n gets page n, for every page
 *   over     as many writes as there are slots, any slot, any page; six times
 *   discard  a random 60 % of the slots are discarded, one by one
 *   compact  the pool is compacted
 *
 * One thread does it, on one CPU after another, so that whatever a pool has
 * for each CPU is in use.  No thread compacts in the background.  At the end
 * every slot is read and compared.
 *
 * A line of JSON on stdout after each, in bytes: "compressed", the sum of the
 * lengths of what is stored, a page for one that is stored raw; "used", the
 * pool's mem_used_total; "held", everything that is taken for the pages (which
 * is what, store_*.c say); "overhead", held over compressed, in percent, null
 * if all pages are same-filled and none is compressed; "free_fell", how much
 * less free memory the machine has than before, for what it is worth: other
 * programs move it, and the kernel counts some tens of MiB as taken that it
 * only keeps at hand; "given_back", for compact, in pages.
 */
#include <config.h>

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cpus.h"
#include "density.h"
#include "device.h"
#include "enginebench.h"
#include "memory.h"
#include "random.h"
#include "samefill.h"
#include "zsmalloc.h"

#define NR_OVER          6
#define DISCARD_PERCENT  60
#define PAGES_ON_ONE_CPU 64
#define EMPTY            UINT32_MAX /* no page: a slot that was discarded */
#define MAX_ALGORITHMS   8

static const struct store *const stores[] = {&store_zram, &store_kernel,
                                             &store_model};

static const char *corpus_name;
static unsigned nth_round;
static struct input input;
static uint32_t *content;  /* what page each slot has */
static uint32_t *discards; /* the slots in the order they are discarded */

static const struct store *store;
static int64_t free_before; /* the machine's memory */
static double phase_start;

/* All that is written later is touched before anything is measured. */
static void
set_all_empty (void)
{
  for (uint32_t i = 0; i < input.nr_pages; i++)
    content[i] = EMPTY;
}

/* Phases. */

/* Step I of a phase: every so often on the next CPU. */
static void
move_on (uint32_t i)
{
  if (i % PAGES_ON_ONE_CPU == 0)
    run_on_cpu (i / PAGES_ON_ONE_CPU);
}

static void
write_slot (uint32_t slot, uint32_t page)
{
  store->write (&input, slot, page);
  content[slot] = page;
}

static void
fill (void)
{
  for (uint32_t i = 0; i < input.nr_pages; i++) {
    move_on (i);
    write_slot (i, i);
  }
}

static void
overwrite (uint64_t *random)
{
  for (uint32_t i = 0; i < input.nr_pages; i++) {
    const uint32_t slot = random_below (random, input.nr_pages);

    move_on (i);
    write_slot (slot, random_below (random, input.nr_pages));
  }
}

static void
discard (void)
{
  const uint32_t nr =
      (uint32_t) ((uint64_t) input.nr_pages * DISCARD_PERCENT / 100);

  for (uint32_t i = 0; i < nr; i++) {
    move_on (i);
    store->discard (discards[i]);
    content[discards[i]] = EMPTY;
  }
}

/* Every slot must be what was last done to it. */
static void
check (void)
{
  static const char zeros[ZRAM_PAGE_SIZE];
  char *buf = new_buffer (ZRAM_PAGE_SIZE);

  for (uint32_t i = 0; store->read != NULL && i < input.nr_pages; i++) {
    store->read (i, buf);
    if (memcmp (buf,
                content[i] == EMPTY ? zeros : input_page (&input, content[i]),
                ZRAM_PAGE_SIZE) != 0)
      fail ("%s: wrong data: slot %" PRIu32 " is not what was last written",
            store->name, i);
  }
  free (buf);
}

/* Results. */

static void
begin_phase (const char *name)
{
  progress (" %s", name);
  phase_start = now ();
}

static void
print_overhead (const struct usage *usage)
{
  const double held = (double) usage->held;

  if (usage->compressed == 0)
    printf (",\"overhead\":null");
  else
    printf (",\"overhead\":%.3f",
            100 * (held / (double) usage->compressed - 1));
}

static void
end_phase (const char *name, unsigned nth, uint64_t given_back)
{
  const double seconds = now () - phase_start;
  struct memory memory;
  struct usage usage;

  memory_now (&memory);
  store->usage (&usage);
  printf (
      "{\"name\":\"%s-%s\",\"corpus\":\"%s\",\"round\":%u"
      ",\"phase\":\"%s\",\"nth\":%u,\"pages\":%" PRIu32 ",\"objects\":%" PRIu64
      ",\"compressed\":%" PRIu64 ",\"used\":%" PRIu64 ",\"held\":%" PRIu64,
      store->name, input.algorithm, corpus_name, nth_round, name, nth,
      input.nr_pages, usage.objects, usage.compressed, usage.used, usage.held);
  print_overhead (&usage);
  printf (",\"free_fell\":%" PRId64 ",\"given_back\":%" PRIu64
          ",\"seconds\":%.3f}\n",
          free_before - memory.free, given_back, seconds);
  fflush (stdout);
}

static void
run_phases (void)
{
  uint64_t random = 1, given_back;

  begin_phase ("fill");
  fill ();
  end_phase ("fill", 0, 0);
  for (unsigned i = 1; i <= NR_OVER; i++) {
    begin_phase ("over");
    overwrite (&random);
    end_phase ("over", i, 0);
  }
  begin_phase ("discard");
  discard ();
  end_phase ("discard", 0, 0);
  begin_phase ("compact");
  given_back = store->compact ();
  end_phase ("compact", 0, given_back);
  check ();
}

static void
run_store (void)
{
  const char *why = store->missing (&input);
  struct memory memory;

  progress ("%s, %s pages: %s:", input.algorithm, corpus_name, store->name);
  if (why != NULL)
    printf ("{\"name\":\"%s-%s\",\"corpus\":\"%s\",\"skipped\":\"%s\"}\n",
            store->name, input.algorithm, corpus_name, why);
  else {
    malloc_trim (0);
    memory_now (&memory);
    free_before = memory.free;
    store->open (&input);
    run_phases ();
    store->close ();
  }
  progress ("%s\n", why != NULL ? " cannot be had" : "");
}

/* Before anything is stored. */

static uint16_t
compressed_size (struct zcomp_stream *stream, const char *page)
{
  char buf[ZRAM_PAGE_SIZE];
  uint64_t word;
  size_t len;

  if (page_is_same_filled (page, &word))
    return 0;
  if (zcomp_compress (stream, page, buf, zs_huge_size () - 1, &len) != 0)
    return ZRAM_PAGE_SIZE;
  return (uint16_t) len;
}

static void
compress_all (void)
{
  struct zcomp *const comp = codec_new (input.algorithm, 1);
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);

  for (uint32_t i = 0; i < input.nr_pages; i++)
    input.sizes[i] = compressed_size (stream, input_page (&input, i));
  zcomp_stream_put (stream);
  zcomp_destroy (comp);
}

static const char *
random_corpus (unsigned mib)
{
  const size_t size = (size_t) mib << 20;
  char *const bytes = new_buffer (size);
  uint64_t random = 1;

  corpus_name = "random";
  input.nr_pages = mib << (20 - ZRAM_PAGE_SHIFT);
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t word = random64 (&random);

    memcpy (bytes + i, &word, sizeof word);
  }
  return bytes;
}

static void
run_algorithm (const char *algorithm)
{
  input.algorithm = algorithm;
  compress_all ();
  for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
    store = stores[i];
    run_store ();
  }
}

/* Returns how many of ALGORITHMS there are. */
static unsigned
take_arguments (int argc, char *argv[], const char **algorithms)
{
  const char *names = "lz4,zstd";
  unsigned mib = 0;
  const struct argument arguments[] = {
      ARGUMENT_TEXT ('a', "NAME,...", "algorithms", &names),
      ARGUMENT_NUMBER ('i', "MIB", "of random bytes, and no CORPUS", &mib, 0,
                       4096),
      ARGUMENT_NUMBER ('r', "ROUND", "what \"round\" says", &nth_round, 0,
                       1000000),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "[CORPUS]", 0, true,
      "What pages cost in memory beyond their compressed size, filled,\n"
      "overwritten, discarded and compacted: here, in the kernel's zram, and\n"
      "in a model of it: JSON.",
      arguments};
  char **const operands = arguments_parse (&synopsis, argc, argv);

  if (!operands[0] == !mib || (operands[0] && operands[1]))
    fail ("there must be one CORPUS, or else -i");
  if (operands[0])
    corpus_name = corpus_origin (operands[0]);
  input.corpus = mib > 0 ? random_corpus (mib)
                         : load_corpus (operands[0], 1, &input.nr_pages);
  return split_words ("-a", names, algorithms, MAX_ALGORITHMS);
}

void
bench_density (int argc, char *argv[])
{
  const char *algorithms[MAX_ALGORITHMS];
  const unsigned nr = take_arguments (argc, argv, algorithms);
  uint64_t random = 2;

  content = new_array (input.nr_pages, sizeof *content);
  set_all_empty ();
  input.sizes = new_array (input.nr_pages, sizeof *input.sizes);
  discards = new_permutation (input.nr_pages, &random);
  for (unsigned i = 0; i < nr; i++)
    run_algorithm (algorithms[i]);
}
