/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdbench: one contestant, one round.
 *
 *   nbdbench [OPTIONS] -n NAME -c CORPUS [-p PHASES] -- NBDKIT-ARGUMENTS...
 *   nbdbench [OPTIONS] -n NAME -c CORPUS [-p PHASES] -k ALGORITHM
 *
 * Starts nbdkit (with -k: adds a zram device to the kernel), as large as the
 * corpus is, and does the phases to it in turn, a line of JSON for each on
 * stdout.  "@SIZE@" in an argument stands for the size in bytes.
 *
 *   -C CONNS     connections, 1      -t SECONDS  for phases that are timed, 1.5
 *   -d DEPTH     of each phase, 16   -T THREADS  nbdkit's option -t
 *   -r ROUND     for the output      -s SEED     of the requests, 1
 *   -x           the contestant keeps nothing: compare nothing
 *
 * A phase is NAME[/PAGES[/DEPTH]], PAGES to a request:
 *   fill    the whole device in order, page n is the corpus's page n
 *   over    as many writes as there are pages, anywhere, of any corpus page
 *   write   the same until the time is over
 *   read    reads anywhere until the time is over, one in 16 compared
 *   check   the whole device in order, all of it compared
 *
 * Memory is measured after each phase.  Data that is not what was last written
 * ends the program with status 1 and no figures.
 */
#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "util.h"

#define MAX_THREADS 64
#define FILL_BLOCK  16

struct options {
  const char *name;
  const char *corpus;
  const char *kernel;  /* the kernel's zram, with this algorithm */
  const char *threads; /* for nbdkit -t; NULL: its own choice */
  char *phases;
  unsigned round;
  unsigned depth;
  unsigned conns;
  double seconds;
  uint64_t seed;
};

void (*stop_target) (void);
volatile sig_atomic_t stop_signal;

static const struct target *target;
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

/* Parse NAME[/PAGES[/DEPTH]]. */
static struct phase
parse_phase (char *text, const struct options *options)
{
  struct phase phase = {
      .block = 1, .depth = options->depth, .seconds = options->seconds};
  char *pages, *depth, *rest;

  phase.name = strtok_r (text, "/", &rest);
  pages = strtok_r (NULL, "/", &rest);
  depth = strtok_r (NULL, "/", &rest);
  if (strcmp (phase.name, "fill") == 0 || strcmp (phase.name, "check") == 0)
    phase.block = FILL_BLOCK;
  else
    phase.random = true;
  if (strcmp (phase.name, "fill") == 0 || strcmp (phase.name, "over") == 0 ||
      strcmp (phase.name, "check") == 0)
    phase.pages = data.nr_pages;
  if (strcmp (phase.name, "check") == 0)
    phase.access = ACCESS_CHECK;
  else if (strcmp (phase.name, "read") == 0)
    phase.access = ACCESS_READ;
  else if (phase.pages != 0 || strcmp (phase.name, "write") == 0)
    phase.access = ACCESS_WRITE;
  else
    fail ("%s: no such phase", phase.name);
  if (pages != NULL)
    phase.block = (uint32_t) strtoul (pages, NULL, 10);
  if (depth != NULL)
    phase.depth = (unsigned) strtoul (depth, NULL, 10);
  if (phase.block == 0 || data.nr_pages % phase.block != 0 ||
      phase.depth == 0 || phase.depth > 256)
    fail ("%s: PAGES must divide the corpus, DEPTH be 1 to 256", phase.name);
  return phase;
}

struct thread {
  pthread_t id;
  unsigned i;
  struct load load;
};

static void *
run_thread (void *opaque)
{
  struct thread *thread = opaque;

  target->run (thread->i, &thread->load);
  return NULL;
}

static void
run_phase (const struct phase *phase, const struct options *options,
           unsigned nth)
{
  const unsigned n = target->nr_threads;
  const uint64_t seed = options->seed + UINT64_C (1000003) * nth;
  const uint64_t cpu = target->cpu (), client = process_cpu ();
  const double start = now ();
  struct thread threads[MAX_THREADS];
  uint64_t done = 0, verified = 0;
  double seconds;

  for (unsigned i = 0; i < n; i++) {
    threads[i].i = i;
    load_init (&threads[i].load, &data, phase, i, n, seed);
    if (pthread_create (&threads[i].id, NULL, run_thread, &threads[i]) != 0)
      fail ("pthread_create");
  }
  for (unsigned i = 0; i < n; i++) {
    pthread_join (threads[i].id, NULL);
    done += threads[i].load.done;
    verified += threads[i].load.verified;
  }
  seconds = now () - start;
  if (stop_signal != 0)
    return;
  printf (
      "{\"name\":\"%s\",\"round\":%u,\"phase\":\"%s\",\"nth\":%u,"
      "\"block\":%u,\"depth\":%u,\"connections\":%u,\"ops\":%" PRIu64
      ",\"seconds\":%.6f,\"cpu\":%.6f,\"client_cpu\":%.6f"
      ",\"memory\":%" PRIu64 ",\"verified\":%" PRIu64 "}\n",
      options->name, options->round, phase->name, nth,
      phase->block * ZRAM_PAGE_SIZE, target->one_at_a_time ? 1 : phase->depth,
      n, done, seconds, (double) (target->cpu () - cpu) / 1e9,
      (double) (process_cpu () - client) / 1e9, target->memory (), verified);
  fflush (stdout);
}

static void
run_phases (const struct options *options)
{
  char *text, *next;
  unsigned nth = 0;

  for (text = strtok_r (options->phases, ",", &next);
       text != NULL && stop_signal == 0; text = strtok_r (NULL, ",", &next)) {
    const struct phase phase = parse_phase (text, options);

    if (isatty (STDERR_FILENO))
      fprintf (stderr, "%s%s", nth == 0 ? "" : " ", phase.name);
    run_phase (&phase, options, nth++);
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

static void
parse_options (struct options *options, int argc, char *argv[])
{
  int opt;

  while ((opt = getopt (argc, argv, "C:c:d:k:n:p:r:s:T:t:x")) != -1)
    switch (opt) {
    case 'C':
      options->conns = (unsigned) strtoul (optarg, NULL, 10);
      break;
    case 'c':
      options->corpus = optarg;
      break;
    case 'd':
      options->depth = (unsigned) strtoul (optarg, NULL, 10);
      break;
    case 'k':
      options->kernel = optarg;
      break;
    case 'n':
      options->name = optarg;
      break;
    case 'p':
      options->phases = optarg;
      break;
    case 'r':
      options->round = (unsigned) strtoul (optarg, NULL, 10);
      break;
    case 's':
      options->seed = strtoull (optarg, NULL, 10);
      break;
    case 'T':
      options->threads = optarg;
      break;
    case 't':
      options->seconds = strtod (optarg, NULL);
      break;
    case 'x':
      data.verify = false;
      break;
    default:
      exit (EXIT_FAILURE);
    }
  if (options->name == NULL || options->corpus == NULL || options->conns == 0 ||
      (options->kernel == NULL) == (optind == argc))
    fail ("see the top of nbdbench.c for the arguments");
}

int
main (int argc, char *argv[])
{
  static char phases[] = "fill,read,over,over,over,write,read,check";
  struct options options = {
      .phases = phases, .depth = 16, .conns = 1, .seconds = 1.5, .seed = 1};
  const int sigs[] = {SIGHUP, SIGINT, SIGTERM};
  const struct sigaction action = {.sa_handler = on_signal,
                                   .sa_flags = (int) SA_RESETHAND};

  parse_options (&options, argc, argv);
  data.corpus = load_corpus (options.corpus, FILL_BLOCK, &data.nr_pages);
  data.content = new_array (data.nr_pages, sizeof *data.content);
  memset (data.content, 0xff, data.nr_pages * sizeof *data.content);
  data.busy = new_array (data.nr_pages, sizeof *data.busy);
  for (size_t i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
    sigaction (sigs[i], &action, NULL);
  atexit (clean_up);
  fill_in_size (argv + optind);
  target = options.kernel != NULL
               ? target_kernel (options.kernel,
                                (uint64_t) data.nr_pages * ZRAM_PAGE_SIZE)
               : target_nbd (argv + optind, options.conns, options.threads);
  run_phases (&options);
  if (stop_signal != 0) {
    clean_up ();
    raise (stop_signal);
  }
  return EXIT_SUCCESS;
}
