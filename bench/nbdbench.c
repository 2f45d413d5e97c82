/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdbench: one contestant, one round.
 *
 *   nbdbench [OPTIONS] -n NAME -c CORPUS [-p PHASES] -- NBDKIT-ARGUMENTS...
 *   nbdbench [OPTIONS] -n NAME -c CORPUS [-p PHASES] -k ALGORITHM
 *   nbdbench [OPTIONS] -n NAME -c CORPUS -p PHASES -u URI [-- COMMAND...]
 *
 * Starts nbdkit (with -k: adds a zram device to the kernel; with -u: takes the
 * server that is there, which holds the corpus), as large as the corpus is, and
 * does the phases to it in turn, a line of JSON for each on stdout.  "@SIZE@"
 * in an argument stands for the size in bytes.  -h lists the options.
 *
 * A phase is NAME[/PAGES[/DEPTH]], PAGES to a request:
 *   fill    the whole device in order, page n is the corpus's page n, and from
 *           the first again where that has no more
 *   over    as many writes as there are pages, anywhere, of any corpus page
 *   write   the same until the time is over
 *   same    ... of same-filled pages, not zeros
 *   scatter one page in each MiB
 *   read    reads anywhere until the time is over, one in 16 compared
 *   check   the whole device in order, all of it compared
 *   trim    the whole device in order, 512 pages to a request, is not needed
 *   empty   the same; memory is measured when it falls no longer, after 3
 *           seconds at the latest
 *   warm    reads for a moment, and no line: a server may start threads for a
 *           connection, and they have to have come
 *   beside  reads for as long as COMMAND runs; what that prints goes to stderr
 *   fioread
 *           "read" by fio, with as many connections of its own
 *   fiomixed
 *           "mixed" by fio: writes of pages that it makes up, and as many reads
 *           that verify them; nothing is known of the device afterwards
 *
 * A line has what the phase took: requests ("ops"), seconds, how long requests
 * took in microseconds ("p50" to "max"), the CPU time of the contestant and of
 * this program ("client_cpu"), and the context switches of all threads of the
 * contestant; and after it the contestant's memory, and by how much its RSS has
 * grown ("rss") and the machine's MemFree fallen ("taken") since before the
 * first.  After a phase that is timed it goes on for a moment, with nothing
 * timed, to count the contestant's system calls for each request ("syscalls").
 * Of a server that is not ours all that is left out, and of fio's work context
 * switches and system calls.
 *
 * "device" is its size, "written" what of it had been written before, in bytes.
 * "content" says what pages were written, found or given up: "corpus", those of
 * programs; "synthetic", somebody made them up; "same-filled"; "zeros";
 * "mixed", several of these.
 *
 * Data that is not what was last written ends the program with status 1 and no
 * figures.
 */
#include <config.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "bench.h"
#include "measure.h"
#include "random.h"
#include "util.h"

/* The corpus and the device have a multiple of so many pages: 1 MiB. */
#define UNIT 256

/* Same-filled pages that are written: 4 MiB, for caches to have work. */
#define NR_SAME 1024

/* What an nbdkit has by itself for each connection, and may be told to have. */
#define DEFAULT_THREADS 16
#define MAX_THREADS     1024

#define MAX_PHASES 256

struct options {
  const char *name;
  const char *corpus;
  const char *kernel; /* the kernel's zram, with this algorithm */
  const char *uri;    /* or somebody's server */
  const char *phases;
  char **arguments;
  unsigned threads; /* nbdkit's -t */
  unsigned mib;     /* 0: as the corpus */
  bool silent;
  bool uncounted;
  bool synthetic; /* the corpus */
  bool keeps_nothing;
  unsigned round;
  unsigned conns;
  unsigned seed;
  struct phase defaults;
};

void (*stop_target) (void);

static struct data data;

/* However this program ends, nothing of the contestant stays. */
static void
clean_up (void)
{
  if (stop_target != NULL)
    stop_target ();
}

/* The first signal stops the load, and main does the rest; a second one has
 * its usual effect. */
static void
on_signal (int sig)
{
  stop_signal = sig;
}

/* At a terminal it shows which phase it is at. */
static void
run_phases (const struct options *options, const struct contestant *contestant)
{
  const char *phases[MAX_PHASES];
  const unsigned n = split_words ("-p", options->phases, phases, MAX_PHASES);

  for (unsigned nth = 0; nth < n && stop_signal == 0; nth++) {
    const struct phase phase =
        parse_phase (phases[nth], &options->defaults, &data);

    if (phase.beside && contestant->command == NULL)
      fail ("%s: a COMMAND is wanted, after --", phase.name);
    if (phase.fio && contestant->target->uri == NULL)
      fail ("%s: fio speaks to servers only", phase.name);
    if (isatty (STDERR_FILENO))
      fprintf (stderr, "%s%s", nth == 0 ? "" : " ", phase.name);
    measure (contestant, &phase, nth);
  }
}

/* "@SIZE@" becomes the device's size. */
static void
fill_in_size (char *args[])
{
  for (; *args != NULL; args++) {
    const char *at = strstr (*args, "@SIZE@");

    if (at != NULL &&
        asprintf (args, "%.*s%" PRIu64 "%s", (int) (at - *args), *args,
                  (uint64_t) data.nr_pages * ZRAM_PAGE_SIZE, at + 6) < 0)
      fail ("out of memory");
  }
}

static const char what[] =
    "One contestant, one round; on stdout a line of JSON for each phase.  The\n"
    "ARGUMENTs are nbdkit's; with -u a COMMAND.  A phase is "
    "NAME[/PAGES[/DEPTH]],\n"
    "PAGES to a request; the top of nbdbench.c says what each does:\n"
    "fill over write same scatter read check trim empty warm beside fioread "
    "fiomixed";

static void
parse_options (struct options *options, int argc, char *argv[])
{
  const struct argument arguments[] = {
      ARGUMENT_TEXT ('n', "NAME", "of the contestant, for the output",
                     &options->name),
      ARGUMENT_TEXT ('c', "CORPUS", "file of pages", &options->corpus),
      ARGUMENT_FLAG ('S', "the corpus is synthetic", &options->synthetic),
      ARGUMENT_TEXT ('p', "PHASES", "commas between them", &options->phases),
      ARGUMENT_NUMBER ('B', "MIB",
                       "of the device, or of its part that is used; "
                       "0: as large as the corpus",
                       &options->mib, 0, 1 << 22),
      ARGUMENT_NUMBER ('C', "CONNS", "connections", &options->conns, 1,
                       MAX_CONNS),
      ARGUMENT_NUMBER ('d', "DEPTH", "requests at once",
                       &options->defaults.depth, 1, MAX_DEPTH),
      ARGUMENT_NUMBER ('T', "THREADS", "nbdkit's option -t", &options->threads,
                       1, MAX_THREADS),
      ARGUMENT_SECONDS ('t', "for each phase that is timed",
                        &options->defaults.seconds),
      ARGUMENT_NUMBER ('r', "ROUND", "for the output", &options->round, 0,
                       UINT32_MAX),
      ARGUMENT_NUMBER ('s', "SEED", "of the requests", &options->seed, 1,
                       UINT32_MAX),
      ARGUMENT_TEXT ('k', "ALGORITHM", "the kernel's zram with it",
                     &options->kernel),
      ARGUMENT_TEXT ('u', "URI", "of a server that holds the corpus",
                     &options->uri),
      ARGUMENT_FLAG ('N', "count no system calls", &options->uncounted),
      ARGUMENT_FLAG ('q', "say nothing if they cannot be counted",
                     &options->silent),
      ARGUMENT_FLAG ('x', "the contestant keeps nothing: compare nothing",
                     &options->keeps_nothing),
      ARGUMENTS_END};
  const struct synopsis synopsis = {"[--] [ARGUMENT...]", 0, true, what,
                                    arguments};

  options->arguments = arguments_parse (&synopsis, argc, argv);
  if (options->name == NULL || options->corpus == NULL)
    fail ("-n NAME and -c CORPUS are wanted (-h says what they are)");
  if ((options->kernel != NULL) + (options->uri != NULL) +
          (options->uri == NULL && *options->arguments != NULL) !=
      1)
    fail ("either -k ALGORITHM, -u URI or nbdkit's ARGUMENTs are wanted");
}

/* Each page has another eight bytes over and over, which are not zeros. */
static char *
make_same_filled (void)
{
  char *same = new_buffer ((size_t) NR_SAME * ZRAM_PAGE_SIZE);
  uint64_t random = 1, *word = (uint64_t *) same;

  for (uint32_t page = 0; page < NR_SAME; page++) {
    const uint64_t value = random64 (&random) | 1;

    for (uint32_t i = 0; i < ZRAM_PAGE_SIZE / sizeof value; i++)
      *word++ = value;
  }
  return same;
}

/* What the device holds: nothing, or the corpus. */
static void
make_data (const struct options *options)
{
  const bool full = options->uri != NULL;

  data.corpus = load_corpus (options->corpus, UNIT, &data.corpus_size);
  data.corpus_kind = options->synthetic ? "synthetic" : "corpus";
  data.same = make_same_filled ();
  data.same_size = NR_SAME;
  data.holds = full ? data.corpus_kind : "zeros";
  data.given = full ? data.corpus_kind : NULL;
  data.nr_pages = options->mib != 0 ? options->mib * UNIT : data.corpus_size;
  data.content = new_array (data.nr_pages, sizeof *data.content);
  data.busy = new_array (data.nr_pages, sizeof *data.busy);
  memset (data.busy, false, data.nr_pages * sizeof *data.busy);
  for (uint32_t i = 0; i < data.nr_pages; i++)
    data.content[i] = full ? i % data.corpus_size : NEVER_WRITTEN;
}

static const struct target *
make_target (const struct options *options, char *args[])
{
  if (options->kernel != NULL)
    return target_kernel (options->kernel,
                          (uint64_t) data.nr_pages * ZRAM_PAGE_SIZE);
  if (options->uri != NULL)
    return target_uri (options->uri, options->conns);
  fill_in_size (args);
  return target_nbd (args, options->conns, options->threads);
}

/* Of the contestant, for each connection; 0: who knows. */
static unsigned
threads_of (const struct options *options)
{
  if (options->uri != NULL)
    return 0;
  if (options->kernel != NULL)
    return 1;
  return options->threads;
}

static void
catch_signals (void)
{
  const int sigs[] = {SIGHUP, SIGINT, SIGTERM};
  const struct sigaction action = {.sa_handler = on_signal,
                                   .sa_flags = (int) SA_RESETHAND};

  for (size_t i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
    sigaction (sigs[i], &action, NULL);
  /* Whoever reads no more is an error of "printf" (measure), not the end. */
  signal (SIGPIPE, SIG_IGN);
  atexit (clean_up);
}

int
main (int argc, char *argv[])
{
  struct options options = {.phases = "fill,read,over,over,over,write,read,"
                                      "check",
                            .conns = 1,
                            .threads = DEFAULT_THREADS,
                            .seed = 1,
                            .defaults = {.depth = 16, .seconds = 1.5}};
  struct contestant contestant = {.data = &data};

  parse_options (&options, argc, argv);
  data.verify = !options.keeps_nothing;
  make_data (&options);
  catch_signals ();
  contestant.name = options.name;
  contestant.round = options.round;
  contestant.threads = threads_of (&options);
  contestant.seed = options.seed;
  contestant.count = !options.uncounted;
  contestant.complain = !options.silent;
  contestant.command =
      options.uri != NULL && *options.arguments ? options.arguments : NULL;
  contestant.target = make_target (&options, options.arguments);
  measure_start (&contestant);
  run_phases (&options, &contestant);
  if (contestant.target->leave != NULL)
    contestant.target->leave ();
  if (stop_signal != 0) {
    clean_up ();
    raise (stop_signal);
  }
  return EXIT_SUCCESS;
}
