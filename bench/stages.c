/* SPDX-License-Identifier: BSD-3-Clause */
/* stages: what each stage of a page's write and read costs.
 *
 *   enginebench stages [-d DIR] [-j] [-n PAGES] [-r ROUNDS] CORPUS
 *
 * Problem.  A stage takes some nanoseconds, and the clock takes more; and what
 * a stage costs depends on what the caches hold when it begins.
 *
 * Idea.  Beside a device there are, once more, the parts that a device is made
 * of (stagework.c).  Groups of 16 pages, brought into the cache, go through
 * those, stage by stage, by the functions that the device calls, with a look at
 * the clock between two stages; and some groups earlier or later, the same
 * pages go to the same slots of the device.  What the device takes is the
 * whole; what the stages leave of it is the rest: calls, requests split into
 * pages, and what stages cost one another, or save, as reads of memory do that
 * are under way at once.  It may be less than nothing, and is printed as it is.
 *
 * Times are of this thread's CPU, but of reading back by the clock, without
 * what a look at it takes; medians of rounds.  Slots are chosen at random, and
 * written over older pages.  Pages are the corpus's, of each kind (same-filled,
 * those that lz4 makes no smaller: huge, and the others), as far as it has any;
 * otherwise they are made, and that is said.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "enginebench.h"
#include "median.h"
#include "random.h"
#include "stagework.h"
#include "store.h"

#define MAX_ROUNDS 1001
#define MAX_STAGES 32

/* Pages that go through the stages, and then to the device, or the other way
 * round, before the next do: so many that the processor has forgotten how they
 * branched when they come again. */
#define CHUNK (64 * GROUP)

/* The rows behind those of the stages. */
#define REST  (MAX_STAGES - 2)
#define WHOLE (MAX_STAGES - 1)

static const struct subject {
  const char *name, *algorithm;
  enum kind kind;
} subjects[] = {{"lz4", "lz4", SMALL},
                {"zstd", "zstd", SMALL},
                {"same", "lz4", SAME},
                {"huge", "lz4", HUGE},
                {"writeback", "lz4", BACK}};

static const char *const op_names[OPS] = {"write", "read"};

static struct corpus corpus;
static const char *directory;
static bool json;
static unsigned rounds = 11, most_pages = 8192;

static const struct subject *subject;
static struct corpus pages; /* of this kind; and so many slots */
static bool made;           /* none of them is the corpus's */
static struct zram *zram;
static struct work *work;

/* Nanoseconds a page. */
static double times[MAX_STAGES][OPS][MAX_ROUNDS];

/* Choosing pages. */

static enum kind
kind_of (const struct object *object)
{
  if (!object->bytes)
    return SAME;
  return object->len == 0 ? HUGE : SMALL;
}

/* Which pages of the corpus are of the kind that is wanted; how many. */
static uint32_t
list_pages (uint32_t *list)
{
  const enum kind kind = subject->kind == BACK ? SMALL : subject->kind;
  struct zcomp *const comp = codec_new (subject->algorithm, 1);
  struct zcomp_stream *const stream = zcomp_stream_get (comp, ZCOMP_COMPRESS);
  struct object *const objects = objects_new (stream, &corpus);
  uint32_t nr = 0;

  zcomp_stream_put (stream);
  for (uint32_t i = 0; i < corpus.nr_pages; i++)
    if (kind_of (&objects[i]) == kind)
      list[nr++] = i;
  objects_free (objects, corpus.nr_pages);
  zcomp_destroy (comp);
  return nr;
}

/* One that is filled with a word, or random. */
static void
make_page (char *page, uint64_t *random)
{
  uint64_t word = random64 (random);

  for (size_t at = 0; at < ZRAM_PAGE_SIZE; at += sizeof word) {
    memcpy (page + at, &word, sizeof word);
    if (subject->kind == HUGE)
      word = random64 (random);
  }
}

/* What was written back takes longer to read. */
static uint32_t
number_of_slots (void)
{
  const uint32_t nr = subject->kind == BACK ? most_pages / 4 : most_pages;

  return nr < GROUP ? GROUP : nr / GROUP * GROUP;
}

/* Page I, of FOUND that LIST has: evenly spread over them, or over and over. */
static const char *
found_page (const uint32_t *list, uint32_t found, uint32_t i)
{
  const uint64_t at = found < pages.nr_pages
                          ? i % found
                          : (uint64_t) i * found / pages.nr_pages;

  return corpus_page (&corpus, list[at]);
}

static void
copy_pages (char *bytes, const uint32_t *list, uint32_t found)
{
  uint64_t random = 1;

  for (uint32_t i = 0; i < pages.nr_pages; i++, bytes += ZRAM_PAGE_SIZE)
    if (found > 0)
      memcpy (bytes, found_page (list, found, i), ZRAM_PAGE_SIZE);
    else
      make_page (bytes, &random);
}

static void
print_pages (uint32_t found)
{
  if (made)
    printf ("%s: %" PRIu32 " pages that were MADE for it\n", subject->name,
            pages.nr_pages);
  else
    printf ("%s: %" PRIu32 " slots, %" PRIu32 " pages of the corpus\n",
            subject->name, pages.nr_pages,
            found < pages.nr_pages ? found : pages.nr_pages);
}

static void
choose_pages (void)
{
  uint32_t *const list = new_array (corpus.nr_pages, sizeof *list);
  const uint32_t found = list_pages (list);
  char *bytes;

  made = found == 0;
  if (made && subject->kind != SAME && subject->kind != HUGE)
    fail ("the corpus has no page that %s compresses", subject->algorithm);
  pages.nr_pages = number_of_slots ();
  bytes = new_buffer ((size_t) pages.nr_pages * ZRAM_PAGE_SIZE);
  copy_pages (bytes, list, found);
  pages.pages = bytes;
  if (!json)
    print_pages (found);
  free (list);
}

/* Measuring. */

/* Reading back is mostly waiting. */
static uint64_t
clock_of (enum op op)
{
  return subject->kind == BACK && op == READ ? (uint64_t) (now () * 1e9)
                                             : thread_cpu ();
}

/* All stages of a group; what they took is added. */
static void
run_stages (enum op op, uint64_t took[MAX_STAGES])
{
  for (unsigned s = 0; stages[s].name; s++)
    if (stages[s].op == op && stages[s].kinds & subject->kind) {
      const uint64_t start = clock_of (op);

      stages[s].run (work);
      took[s] += clock_of (op) - start;
    }
}

/* All of it, by the device. */
static void
run_whole (enum op op, uint64_t took[MAX_STAGES])
{
  const uint64_t start = clock_of (op);

  for (unsigned i = 0; i < GROUP; i++)
    if (op == WRITE)
      device_write (zram, work->slots[i], work->pages[i]);
    else
      device_read (zram, work->slots[i], work->reply);
  took[WHOLE] += clock_of (op) - start;
}

/* Is stage S one of those that make up the whole of this op? */
static bool
counts (unsigned s, enum op op)
{
  return stages[s].op == op && stages[s].run != stages[0].run &&
         stages[s].kinds & subject->kind && !(stages[s].unlike & subject->kind);
}

static void
keep_times (enum op op, unsigned round, const uint64_t took[MAX_STAGES])
{
  double nothing = 0, rest;

  for (unsigned s = 0; stages[s].name; s++)
    if (stages[s].op == op && stages[s].run == stages[0].run)
      nothing = (double) took[s] / pages.nr_pages;
  rest = (double) took[WHOLE] / pages.nr_pages - nothing;
  times[WHOLE][op][round] = rest;
  for (unsigned s = 0; stages[s].name; s++)
    if (counts (s, op)) {
      times[s][op][round] = (double) took[s] / pages.nr_pages - nothing;
      rest -= times[s][op][round];
    }
  times[REST][op][round] = rest;
}

/* Any page to any slot, or from any, each once. */
struct pairs {
  uint32_t *pages, *slots;
};

/* The groups from page FIRST on, before END, by stages or as a whole. */
static void
run_groups (enum op op, bool whole, const struct pairs *pairs, uint32_t first,
            uint32_t end, uint64_t took[MAX_STAGES])
{
  for (uint32_t i = first; i < end; i += GROUP) {
    for (unsigned n = 0; n < GROUP; n++) {
      work->slots[n] = pairs->slots[i + n];
      memcpy (work->pages[n], corpus_page (&pages, pairs->pages[i + n]),
              ZRAM_PAGE_SIZE);
    }
    if (whole)
      run_whole (op, took);
    else
      run_stages (op, took);
  }
}

static void
run_op (enum op op, unsigned round, uint64_t *random)
{
  const struct pairs pairs = {new_permutation (pages.nr_pages, random),
                              new_permutation (pages.nr_pages, random)};
  uint64_t took[MAX_STAGES] = {0};
  bool whole = round % 2;

  for (uint32_t i = 0; i < pages.nr_pages; i += CHUNK) {
    const uint32_t end =
        i + CHUNK < pages.nr_pages ? i + CHUNK : pages.nr_pages;

    run_groups (op, whole, &pairs, i, end, took);
    run_groups (op, !whole, &pairs, i, end, took);
    whole = !whole;
  }
  keep_times (op, round, took);
  free (pairs.pages);
  free (pairs.slots);
}

static void
write_back (void)
{
  const struct zram_writeback all = {.end = pages.nr_pages};
  struct zram_written done;

  if (zram_writeback (zram, &all, NULL, &done) != 0 ||
      done.pages != pages.nr_pages)
    fail ("not all pages could be written back");
}

/* Round 0 fills the slots, and counts for nothing: the next has its place. */
static void
run_rounds (void)
{
  uint64_t random = 1;

  run_op (WRITE, 0, &random);
  if (subject->kind == BACK)
    work_write_back (work, pages.nr_pages);
  for (unsigned round = 0; round < rounds; round++) {
    progress ("%s: round %u of %u\n", subject->name, round + 1, rounds);
    if (subject->kind == BACK)
      write_back ();
    run_op (READ, round, &random);
    run_op (WRITE, round, &random);
  }
}

/* A new file in the directory. */
static char *
new_store_file (void)
{
  char *name;
  int fd;

  if (asprintf (&name, "%s/nbdkit-zram-XXXXXX", directory) < 0)
    fail ("out of memory");
  fd = mkstemp (name);
  if (fd < 0)
    fail ("%s: %s", name, strerror (errno));
  close (fd);
  return name;
}

/* It is open, and goes with that. */
static void
drop_name (char *name)
{
  unlink (name);
  free (name);
}

static struct store *
open_store (uint64_t size)
{
  char *const name = new_store_file ();
  const struct store_config config = {
      .backing_dev = name, .size = size, .overwrite = true};
  struct store *store;
  char *why;
  const int r = store_open (&store, &config, &why);

  drop_name (name);
  if (r != 0)
    fail ("%s", why ? why : "store_open");
  return store;
}

static void
make_device (void)
{
  const uint64_t bytes = (uint64_t) pages.nr_pages * ZRAM_PAGE_SIZE;
  struct zram_config config = {.disksize = bytes,
                               .algorithms[0].backend =
                                   algorithm_named (subject->algorithm)};

  if (subject->kind == BACK)
    config.store = open_store (2 * bytes + (64 << 20));
  zram = device_new (&config);
  if (zram_start (zram) != 0)
    fail ("zram_start");
}

/* Printing. */

static const char *
row_name (unsigned row)
{
  if (row == REST)
    return "rest";
  return row == WHOLE ? "whole" : stages[row].name;
}

static void
print_row (unsigned row, enum op op)
{
  const double whole = sort_median (times[WHOLE][op], rounds);
  const struct summary ns = summary_of (times[row][op], rounds);

  if (json)
    printf ("{\"stage\":\"%s\",\"op\":\"%s\",\"kind\":\"%s\",\"made\":%s,"
            "\"ns\":%.1f,\"least\":%.1f,\"most\":%.1f}\n",
            row_name (row), op_names[op], subject->name,
            made ? "true" : "false", ns.median, ns.least, ns.most);
  else
    printf ("  %-5s %-17s %9.1f %9.1f..%-9.1f %6.1f %%\n", op_names[op],
            row_name (row), ns.median, ns.least, ns.most,
            100 * ns.median / whole);
}

static void
print_op (enum op op)
{
  for (unsigned s = 0; stages[s].name; s++)
    if (counts (s, op))
      print_row (s, op);
  print_row (REST, op);
  print_row (WHOLE, op);
}

static void
run_subject (const struct subject *which)
{
  subject = which;
  choose_pages ();
  make_device ();
  work = work_new (subject->algorithm, pages.nr_pages,
                   subject->kind == BACK
                       ? open_store (work_store_size (pages.nr_pages))
                       : NULL);
  run_rounds ();
  print_op (WRITE);
  print_op (READ);
  work_free (work, pages.nr_pages);
  zram_destroy (zram);
  free ((void *) pages.pages);
}

void
bench_stages (int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_TEXT ('d', "DIR",
                     "where pages are written back, to files without names",
                     &directory),
      ARGUMENT_FLAG ('j', "lines of JSON", &json),
      ARGUMENT_NUMBER ('n', "PAGES",
                       "of each kind, some of them again if need be",
                       &most_pages, GROUP, 1 << 20),
      ARGUMENT_NUMBER ('r', "ROUNDS", "in each of which all take turns",
                       &rounds, 1, MAX_ROUNDS),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "Nanoseconds of CPU time a page that each stage of a write and of a "
      "read\n"
      "takes by itself, and the whole; \"rest\" is what the stages leave of "
      "it,\n"
      "and less than nothing if they take longer by themselves.  Reading what\n"
      "was written back is measured by the clock.",
      arguments};
  const char *const tmp = getenv ("TMPDIR");
  char **operands;

  directory = tmp ? tmp : "/tmp";
  operands = arguments_parse (&synopsis, argc, argv);

  corpus = corpus_load (operands[0], 1);
  if (!json)
    puts ("                          ns a page     least..most      of the "
          "whole");
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
    run_subject (&subjects[i]);
}
