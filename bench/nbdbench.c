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
 * in an argument stands for the size in bytes.
 *
 *   -B MIB       the device's size, or that of its part that is used
 *   -C CONNS     connections, 1      -t SECONDS  for phases that are timed, 1.5
 *   -d DEPTH     of each phase, 16   -T THREADS  nbdkit's option -t
 *   -r ROUND     for the output      -s SEED     of the requests, 1
 *   -N           do not count system calls
 *   -q           say nothing if they cannot be counted
 *   -S           the corpus is synthetic
 *   -x           the contestant keeps nothing: compare nothing
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

#include "bench.h"
#include "measure.h"
#include "random.h"
#include "util.h"

/* The corpus and the device have a multiple of so many pages: 1 MiB. */
#define UNIT 256

/* Same-filled pages that are written: 4 MiB, for caches to have work. */
#define NR_SAME 1024

/* What an nbdkit has by itself for each connection, and may be told to. */
#define DEFAULT_THREADS 16
#define MAX_THREADS     1024

struct options {
  const char *name;
  const char *corpus;
  const char *kernel;  /* the kernel's zram, with this algorithm */
  const char *uri;     /* or somebody's server */
  const char *threads; /* for nbdkit -t; NULL: its own choice */
  char *phases;
  uint32_t mib;
  bool silent;
  bool uncounted;
  bool synthetic; /* the corpus */
  unsigned round;
  unsigned conns;
  uint64_t seed;
  struct phase defaults;
};

void (*stop_target) (void);

static struct data data = {.verify = true};

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
  char *text, *next;
  unsigned nth = 0;

  for (text = strtok_r (options->phases, ",", &next);
       text != NULL && stop_signal == 0; text = strtok_r (NULL, ",", &next)) {
    const struct phase phase = parse_phase (text, &options->defaults, &data);

    if (phase.beside && contestant->command == NULL)
      fail ("%s: a COMMAND is wanted, after --", phase.name);
    if (phase.fio && contestant->target->uri == NULL)
      fail ("%s: fio speaks to servers only", phase.name);
    if (isatty (STDERR_FILENO))
      fprintf (stderr, "%s%s", nth == 0 ? "" : " ", phase.name);
    measure (contestant, &phase, nth++);
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

/* The number from 1 to MAX that OPTION has. */
static uint32_t
number (int option, const char *text, uint32_t max)
{
  char *end;
  const unsigned long n = strtoul (text, &end, 10);

  if (end == text || *end != '\0' || n == 0 || n > max)
    fail ("-%c %s: not a number from 1 to %" PRIu32, option, text, max);
  return (uint32_t) n;
}

static void
set_option (struct options *options, int opt)
{
  switch (opt) {
  case 'B':
    options->mib = number (opt, optarg, 1 << 22);
    break;
  case 'C':
    options->conns = number (opt, optarg, MAX_CONNS);
    break;
  case 'c':
    options->corpus = optarg;
    break;
  case 'd':
    options->defaults.depth = number (opt, optarg, MAX_DEPTH);
    break;
  case 'k':
    options->kernel = optarg;
    break;
  case 'N':
    options->uncounted = true;
    break;
  case 'n':
    options->name = optarg;
    break;
  case 'p':
    options->phases = optarg;
    break;
  case 'q':
    options->silent = true;
    break;
  case 'r':
    options->round = number (opt, optarg, UINT32_MAX);
    break;
  case 'S':
    options->synthetic = true;
    break;
  case 's':
    options->seed = number (opt, optarg, UINT32_MAX);
    break;
  case 'T':
    number (opt, optarg, MAX_THREADS);
    options->threads = optarg;
    break;
  case 't':
    options->defaults.seconds = strtod (optarg, NULL);
    break;
  case 'u':
    options->uri = optarg;
    break;
  case 'x':
    data.verify = false;
    break;
  default:
    exit (EXIT_FAILURE);
  }
}

static void
parse_options (struct options *options, int argc, char *argv[])
{
  int opt;

  while ((opt = getopt (argc, argv, "B:C:c:d:k:Nn:p:qr:Ss:T:t:u:x")) != -1)
    set_option (options, opt);
  if (options->name == NULL || options->corpus == NULL)
    fail ("-n NAME and -c CORPUS are wanted: see the top of nbdbench.c");
  if ((options->kernel != NULL) + (options->uri != NULL) +
          (options->uri == NULL && optind < argc) !=
      1)
    fail ("either -k ALGORITHM, -u URI or NBDKIT-ARGUMENTS are wanted");
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
  return options->threads != NULL ? number ('T', options->threads, MAX_THREADS)
                                  : DEFAULT_THREADS;
}

static void
catch_signals (void)
{
  const int sigs[] = {SIGHUP, SIGINT, SIGTERM};
  const struct sigaction action = {.sa_handler = on_signal,
                                   .sa_flags = (int) SA_RESETHAND};

  for (size_t i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
    sigaction (sigs[i], &action, NULL);
  atexit (clean_up);
}

int
main (int argc, char *argv[])
{
  static char phases[] = "fill,read,over,over,over,write,read,check";
  struct options options = {.phases = phases,
                            .conns = 1,
                            .seed = 1,
                            .defaults = {.depth = 16, .seconds = 1.5}};
  struct contestant contestant = {.data = &data};

  parse_options (&options, argc, argv);
  make_data (&options);
  catch_signals ();
  contestant.name = options.name;
  contestant.round = options.round;
  contestant.threads = threads_of (&options);
  contestant.seed = options.seed;
  contestant.count = !options.uncounted;
  contestant.complain = !options.silent;
  contestant.command =
      options.uri != NULL && optind < argc ? argv + optind : NULL;
  contestant.target = make_target (&options, argv + optind);
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
