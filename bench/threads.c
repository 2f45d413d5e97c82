/* SPDX-License-Identifier: BSD-3-Clause */
/* threads: pages written and read by 1, 2, 4 and so on threads at once.
 *
 *   enginebench threads [-j] [-a ALGORITHM,...] [-r ROUNDS] [-T THREADS] CORPUS
 *
 * Every page is written once, in random order, over what it was before, so that
 * nothing grows; then every page is read, in another order; each thread has its
 * part of them, and a CPU.  Those that are compared take turns:
 *
 *   zram-*            one device, filled from all CPUs before
 *   zram-*-one-cpu    ... from one, whose shard of the pool then has it all
 *   zram-*-processes  a process for each thread, with a device of its own: they
 *                     share nothing, so what they do not reach together is what
 *                     the machine cannot
 *   codec-*           the codec alone, called as the engine does; it has
 *                     nothing to do for same-filled pages, nor to read those
 *                     that it makes no smaller
 *
 * Each measurement has new processes, so that none has memory that a fork made
 * copy-on-write.  Times are by the clock, from the first start to the last end.
 * With -j a line of JSON for each measurement.
 */
#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "arguments.h"
#include "cpu.h"
#include "cpus.h"
#include "device.h"
#include "enginebench.h"
#include "median.h"
#include "random.h"
#include "zsmalloc.h"

#define MAX_ROUNDS     101
#define MAX_THREADS    64
#define MAX_STEPS      8 /* 1, 2, 4 ... 64, and what is asked for */
#define MAX_ALGORITHMS 8

enum op {
  WRITE,
  READ,
  OPS
};

static const char *const op_names[OPS] = {"write", "read"};

static struct corpus corpus;
static uint32_t *order;
static const char *algorithm;
static struct object *objects; /* what it makes of the pages */
static bool json;
static unsigned rounds = 5, first_round = 1;

/* Of a process: what its threads use. */
static struct zram *zram;
static struct zcomp *comp;

/* Which pages there are to write and read. */

static void
zram_op (enum op op, uint32_t i, char *page)
{
  if (op == WRITE)
    device_write (zram, i, corpus_page (&corpus, i));
  else
    device_read (zram, i, page);
}

static void
codec_op (enum op op, uint32_t i, char *page)
{
  const struct object *const object = &objects[i];
  struct zcomp_stream *stream;
  size_t len;

  if (!object->bytes || (op == READ && object->len == 0))
    return;
  stream =
      zcomp_stream_get (comp, op == WRITE ? ZCOMP_COMPRESS : ZCOMP_DECOMPRESS);
  if (op == WRITE)
    zcomp_compress (stream, corpus_page (&corpus, i), page, zs_huge_size () - 1,
                    &len);
  else if (zcomp_decompress (stream, object->bytes, object->len, page) != 0)
    fail ("a page was not restored");
  zcomp_stream_put (stream);
}

/* Every page once, in their order: from so many CPUs in turn. */
static void
fill_from (unsigned nr)
{
  zram = device_for (algorithm, corpus.nr_pages);
  for (unsigned cpu = 0; cpu < nr; cpu++) {
    run_on_cpu (cpu);
    for (uint32_t i = cpu; i < corpus.nr_pages; i += nr)
      device_write (zram, i, corpus_page (&corpus, i));
  }
}

static void
prepare_zram (void)
{
  fill_from (nr_cpus ());
}

static void
prepare_one_cpu (void)
{
  fill_from (1);
}

/* What a device has just written is in the caches, so these shall be. */
static void
prepare_codec (void)
{
  char page[ZRAM_PAGE_SIZE];

  comp = codec_new (algorithm, cpu_count ());
  for (uint32_t i = 0; i < corpus.nr_pages; i++) {
    codec_op (WRITE, i, page);
    codec_op (READ, i, page);
  }
}

/* What is compared. */
static const struct way {
  const char *before, *after; /* the algorithm, in its name */
  bool processes;             /* one for each thread */
  void (*prepare) (void);
  void (*op) (enum op op, uint32_t i, char *page);
} ways[] = {
    {"zram-", "", false, prepare_zram, zram_op},
    {"zram-", "-one-cpu", false, prepare_one_cpu, zram_op},
    {"zram-", "-processes", true, prepare_zram, zram_op},
    {"codec-", "", false, prepare_codec, codec_op},
};

#define WAYS  (sizeof ways / sizeof *ways)
#define CODEC (WAYS - 1)

/* What the processes of a measurement share. */
struct span {
  pthread_barrier_t begin;
  double start[OPS][MAX_THREADS], end[OPS][MAX_THREADS];
};

struct worker {
  pthread_t thread;
  const struct way *way;
  struct span *span;
  unsigned me, nr;
};

static void
run_op (const struct worker *worker, enum op op, char *page)
{
  const uint32_t last = corpus.nr_pages - 1;

  for (uint32_t i = worker->me; i <= last; i += worker->nr)
    worker->way->op (op, order[op == WRITE ? i : last - i], page);
}

static void *
work (void *arg)
{
  const struct worker *const worker = arg;
  struct span *const span = worker->span;
  char *const page = new_buffer (ZRAM_PAGE_SIZE);

  run_on_cpu (worker->me);
  for (enum op op = WRITE; op < OPS; op++) {
    pthread_barrier_wait (&span->begin);
    span->start[op][worker->me] = now ();
    run_op (worker, op, page);
    span->end[op][worker->me] = now ();
  }
  free (page);
  return NULL;
}

/* In a process that has FIRST to LAST - 1 of the NR workers. */
static void
work_in_child (const struct way *way, struct span *span, unsigned first,
               unsigned last, unsigned nr)
{
  struct worker workers[MAX_THREADS];

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  way->prepare ();
  for (unsigned i = first; i < last; i++) {
    workers[i] = (struct worker){.way = way, .span = span, .me = i, .nr = nr};
    if (pthread_create (&workers[i].thread, NULL, work, &workers[i]) != 0)
      fail ("pthread_create");
  }
  for (unsigned i = first; i < last; i++)
    /* cppcheck-suppress uninitvar; these of the array are initialised */
    pthread_join (workers[i].thread, NULL);
  _exit (EXIT_SUCCESS);
}

static struct span *
new_span (unsigned nr)
{
  pthread_barrierattr_t attr;
  struct span *const span = mmap (NULL, sizeof *span, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (span == MAP_FAILED)
    fail ("mmap: %m");
  if (pthread_barrierattr_init (&attr) != 0 ||
      pthread_barrierattr_setpshared (&attr, PTHREAD_PROCESS_SHARED) != 0 ||
      pthread_barrier_init (&span->begin, &attr, nr) != 0)
    fail ("no barrier between processes");
  return span;
}

static double
span_length (const struct span *span, enum op op, unsigned nr)
{
  double first = span->start[op][0], last = span->end[op][0];

  for (unsigned i = 1; i < nr; i++) {
    first = span->start[op][i] < first ? span->start[op][i] : first;
    last = span->end[op][i] > last ? span->end[op][i] : last;
  }
  return last - first;
}

/* SECONDS that NR threads take for each op. */
static void
measure (const struct way *way, unsigned nr, double seconds[OPS])
{
  struct span *const span = new_span (nr);
  const unsigned each = way->processes ? 1 : nr;

  for (unsigned i = 0; i < nr; i += each) {
    const pid_t pid = fork ();

    if (pid < 0)
      fail ("fork: %m");
    if (pid == 0)
      work_in_child (way, span, i, i + each, nr);
  }
  for (unsigned i = 0; i < nr; i += each) {
    int status;

    if (wait (&status) < 0 || status != 0)
      fail ("one of those that were measured failed");
  }
  for (enum op op = WRITE; op < OPS; op++)
    seconds[op] = span_length (span, op, nr);
  munmap (span, sizeof *span);
}

/* How many threads there are in each step. */
static unsigned steps[MAX_STEPS], nr_steps;

static void
choose_steps (unsigned most)
{
  for (unsigned n = 1; n < most; n *= 2)
    steps[nr_steps++] = n;
  steps[nr_steps++] = most;
}

static double rates[WAYS][OPS][MAX_STEPS][MAX_ROUNDS];

static void
print_json (const struct way *way, enum op op, unsigned step, unsigned round,
            double seconds)
{
  printf ("{\"name\":\"%s%s%s\",\"op\":\"%s\",\"threads\":%u,\"ops\":%" PRIu32
          ",\"seconds\":%.6f,\"round\":%u}\n",
          way->before, algorithm, way->after, op_names[op], steps[step],
          corpus.nr_pages, seconds, round);
  fflush (stdout);
}

/* Every second round has the most threads first, and each has another way. */
static void
run_round (unsigned round)
{
  for (unsigned s = 0; s < nr_steps; s++)
    for (unsigned i = 0; i < WAYS; i++) {
      const unsigned step = round % 2 ? nr_steps - 1 - s : s;
      const unsigned w = (i + round) % WAYS;
      double seconds[OPS];

      measure (&ways[w], steps[step], seconds);
      for (enum op op = WRITE; op < OPS; op++) {
        rates[w][op][step][round - first_round] = corpus.nr_pages / seconds[op];
        if (json)
          print_json (&ways[w], op, step, round, seconds[op]);
      }
    }
}

static void
print_way (unsigned w, enum op op)
{
  char name[64];

  snprintf (name, sizeof name, "%s%s%s", ways[w].before, algorithm,
            ways[w].after);
  for (unsigned step = 0; step < nr_steps; step++) {
    const struct summary rate = summary_of (rates[w][op][step], rounds);
    const double one = sort_median (rates[w][op][0], rounds);
    const double codec = sort_median (rates[CODEC][op][step], rounds);

    printf ("%-22s %-5s %3u %9.0f %9.0f..%-9.0f %6.2f %6.2f\n", name,
            op_names[op], steps[step], rate.median, rate.least, rate.most,
            rate.median / one, rate.median / codec);
  }
}

static void
run_algorithm (void)
{
  struct zcomp *const once = codec_new (algorithm, 1);
  struct zcomp_stream *const stream = zcomp_stream_get (once, ZCOMP_COMPRESS);

  objects = objects_new (stream, &corpus);
  zcomp_stream_put (stream);
  zcomp_destroy (once);
  for (unsigned round = first_round; round < first_round + rounds; round++) {
    progress ("%s: round %u of %u\n", algorithm, round,
              first_round + rounds - 1);
    run_round (round);
  }
  for (enum op op = WRITE; !json && op < OPS; op++)
    for (unsigned w = 0; w < WAYS; w++)
      print_way (w, op);
  objects_free (objects, corpus.nr_pages);
}

static void
run_algorithms (const char *names)
{
  const char *algorithms[MAX_ALGORITHMS];
  const unsigned nr = split_words ("-a", names, algorithms, MAX_ALGORITHMS);

  if (!json)
    printf ("%u CPUs; pages a second, medians of %u rounds in turn\n"
            "                         threads   median     least..most      "
            "    / one / codec\n",
            nr_cpus (), rounds);
  for (unsigned i = 0; i < nr; i++) {
    algorithm = algorithms[i];
    run_algorithm ();
  }
}

void
bench_threads (int argc, char *argv[])
{
  const char *names = "lz4,zstd";
  unsigned most = nr_cpus () < MAX_THREADS ? nr_cpus () : MAX_THREADS;
  const struct argument arguments[] = {
      ARGUMENT_TEXT ('a', "NAME,...", "algorithms", &names),
      ARGUMENT_NUMBER ('f', "ROUND", "the number of the first round",
                       &first_round, 1, 1000000),
      ARGUMENT_FLAG ('j', "lines of JSON, one for each measurement", &json),
      ARGUMENT_NUMBER ('r', "ROUNDS", "in each of which all take turns",
                       &rounds, 1, MAX_ROUNDS),
      ARGUMENT_NUMBER ('T', "THREADS", "at most", &most, 1, MAX_THREADS),
      ARGUMENTS_END};
  const struct synopsis synopsis = {
      "CORPUS", 1, false,
      "Pages a second that 1, 2, 4 and so on threads write and read: on one\n"
      "device (zram-*; -one-cpu: filled from one CPU), as processes that "
      "share\n"
      "nothing, and by the codec alone; how many times what one thread does,\n"
      "and how many times what the codec does in as many threads.",
      arguments};
  uint64_t random = 1;

  corpus = corpus_load (*arguments_parse (&synopsis, argc, argv), 1);
  order = new_permutation (corpus.nr_pages, &random);
  choose_steps (most);
  run_algorithms (names);
}
