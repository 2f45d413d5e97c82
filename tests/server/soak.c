/* SPDX-License-Identifier: BSD-3-Clause */
/* For as long as one likes, everything at once, on one server: requests of all
 * kinds on several disks, from several connections each, compared with models
 * all the time; pages marked, written back, recompressed and moved; limits that
 * move; stores that go away and fail; disks that come and go; and clients that
 * go in the middle of whatever it is.
 *
 * A run is made of rounds.  At the end of each, all is read and compared; what
 * is counted as pages come and go, with what they are; what is stored, with the
 * memory that is resident.  Then all is emptied, and the server must hold what
 * it held before the first: the pool nothing, no thread more, as many
 * descriptors; and as little memory as after the first ones.
 */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "data.h"
#include "nbdstore.h"
#include "preload.h"
#include "server.h"
#include "soakcheck.h"
#include "soakdisk.h"
#include "soakflat.h"
#include "soakraces.h"
#include "soaktally.h"
#include "soakupset.h"

#define STORE_SIZE    (40 * MiB)
#define PROGRAMS_SIZE (16 * MiB)

/* What a run is that has to have done everything, in seconds. */
#define COMPLETE 180

/* Beside what is stored, when nobody is connected: 16 bytes for each page of
 * three disks, and what its heaps are too full of holes to give back. */
#define TABLES          (3 * SOAK_DISKSIZE / PAGE * 16)
#define MEMORY_OF_HEAPS (4 * MiB)

static struct server server;
static struct soak soak = {.server = &server, .threads = 4};
static struct flat flat;
static struct upset upsets[16];
static unsigned nr_upsets;
static pthread_t users[SOAK_DISKS];
static uint64_t duration = COMPLETE, seed;
static const char *runtime; /* to preload, of ThreadSanitizer; or NULL */
static time_t begun;

static void
usage (FILE *fp)
{
  fputs ("Usage: soak [-t THREADS] [-s SEED] [-p RUNTIME] [TIME]\n\n"
         "TIME is in seconds, or as 90s, 10m or 3h; 3m if it is not given.\n"
         "However short, there are 6 rounds.\n"
         "THREADS is how many nbdkit has for each connection (4).  With 1,\n"
         "clients leave more than one answer when they go.  SEED makes the\n"
         "same choices again.  RUNTIME is ThreadSanitizer's, for the server\n"
         "to preload: its plugin is ZRAM_PLUGIN.  SIGINT ends a run early.\n",
         fp);
}

static void
refuse (const char *what, const char *right, const char *given)
{
  fprintf (stderr, "soak: %s %s, not '%s'\n", what, right, given);
  exit (EXIT_FAILURE);
}

static uint64_t
number (const char *text, const char *what, const char **end)
{
  char *after;
  uint64_t n;

  errno = 0;
  n = strtoull (text, &after, 10);
  if (errno || after == text || text[0] == '-' || (end == NULL && *after))
    refuse (what, "is a number", text);
  if (end)
    *end = after;
  return n;
}

static uint64_t
seconds_of (const char *text)
{
  const char *unit;
  const uint64_t n = number (text, "TIME", &unit);
  const uint64_t factor = strcmp (unit, "h") == 0   ? 3600
                          : strcmp (unit, "m") == 0 ? 60
                                                    : 1;

  if (n == 0 || n > 1000000 ||
      (factor == 1 && unit[0] && strcmp (unit, "s") != 0))
    refuse ("TIME", "is as 90s, 10m or 3h", text);
  return n * factor;
}

static unsigned
threads_of (const char *text)
{
  const uint64_t n = number (text, "THREADS", NULL);

  if (n == 0 || n > 64)
    refuse ("THREADS", "is 1 to 64", text);
  return (unsigned) n;
}

static void
read_arguments (int argc, char *argv[])
{
  int option;

  seed = (uint64_t) time (NULL);
  while ((option = getopt (argc, argv, "ht:s:p:")) != -1)
    switch (option) {
    case 'h':
      usage (stdout);
      exit (EXIT_SUCCESS);
    case 't':
      soak.threads = threads_of (optarg);
      break;
    case 's':
      seed = number (optarg, "SEED", NULL);
      break;
    case 'p':
      runtime = optarg;
      break;
    default:
      usage (stderr);
      exit (EXIT_FAILURE);
    }
  if (optind < argc)
    duration = seconds_of (argv[optind++]);
  if (optind < argc)
    refuse ("TIME", "is the only argument", argv[optind]);
}

static void
load_program (const char *name)
{
  const int fd = open (name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat st;
  ssize_t n = 0;

  if (fd != -1 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    n = read (fd, soak.programs + soak.programs_size,
              PROGRAMS_SIZE - soak.programs_size);
  if (n > 0)
    soak.programs_size += (size_t) n / PAGE * PAGE;
  if (fd != -1)
    close (fd);
}

/* Pages of this machine's programs, as they come. */
static void
load_programs (void)
{
  DIR *const dir = opendir ("/usr/bin");
  const struct dirent *entry;
  char name[300];

  CHECK (dir != NULL);
  soak.programs = buffer_new (PROGRAMS_SIZE);
  while (soak.programs_size < PROGRAMS_SIZE &&
         (entry = readdir (dir)) != NULL) {
    snprintf (name, sizeof name, "/usr/bin/%s", entry->d_name);
    load_program (name);
  }
  closedir (dir);
  CHECK (soak.programs_size >= MiB);
}

/* SIGINT is for this program alone, which waits for it; and the server is to
 * see that a file may not grow. */
static void
begin_signals (void)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  CHECK (pthread_sigmask (SIG_BLOCK, &set, NULL) == 0);
  CHECK (signal (SIGXFSZ, SIG_IGN) != SIG_ERR);
}

static void
start (void)
{
  static char control[128], threads[16];

  nbdstore_make (STORE_SIZE);
  soak.control = nbdstore_path ("control");
  snprintf (control, sizeof control, "control=%s", soak.control);
  snprintf (threads, sizeof threads, "-t%u", soak.threads);
  if (runtime)
    races_preload (runtime);
  server_start (&server, threads, control, "num_devices=0", "max_devices=8",
                NULL);
  preload_nothing ();
  nbd_close (server_negotiate (&server)); /* it is there */
  soakdisks_make (&soak);
}

/* Requests to a disk, in bursts: a page that is used while it is on its way
 * loses it, so that there have to be moments in which some arrive. */
static void *
use_disk (void *arg)
{
  struct soakdisk *const disk = arg;
  uint64_t state = random_next (&disk->model.state);

  modeldisk_connect (&disk->model, &server, disk->name);
  while (!soak.no_more_requests) {
    modeldisk_run (&disk->model, random_below (&state, 200));
    soak_rest (&state, random_below (&state, 20) ? 20 : 500);
  }
  return NULL;
}

static void
start_upset (void *(*function) (void *upset), struct soakdisk *disk)
{
  struct upset *const upset = &upsets[nr_upsets++];

  upset->soak = &soak;
  upset->disk = disk;
  upset->state = random_next (&soak.state);
  CHECK (pthread_create (&upset->thread, NULL, function, upset) == 0);
}

static void
start_all (void)
{
  soak.no_more_requests = soak.no_more_upsets = false;
  nr_upsets = 0;
  for (unsigned i = 0; i < SOAK_DISKS; i++) {
    CHECK (pthread_create (&users[i], NULL, use_disk, &soak.disks[i]) == 0);
    start_upset (upset_pages, &soak.disks[i]);
  }
  start_upset (upset_limits, NULL);
  start_upset (upset_stores, NULL);
  start_upset (upset_disks, NULL);
  start_upset (upset_clients, NULL);
  start_upset (upset_control, NULL);
}

/* Requests end while limits are lifted and stores come back, so that what has
 * failed can be read.  The store behind NBD would end with the thread that has
 * started it last, while others still write to it: it goes before, and returns
 * with this one. */
static void
join_all (void)
{
  soak.no_more_requests = true;
  for (unsigned i = 0; i < SOAK_DISKS; i++)
    CHECK (pthread_join (users[i], NULL) == 0);
  soak.no_more_upsets = true;
  for (unsigned i = 0; i < nr_upsets; i++)
    CHECK (pthread_join (upsets[i].thread, NULL) == 0);
  soak_store_returns (&soak);
}

/* What has gone from what is resident was stored, or ThreadSanitizer's. */
static void
compare_memory (uint64_t before, uint64_t after, uint64_t used)
{
  const uint64_t most = used + TABLES + MEMORY_OF_HEAPS;

  if (runtime)
    return;
  if (before > after + most || before + MEMORY_OF_HEAPS < after + used)
    fail ("%" PRIu64 " bytes were resident with %" PRIu64
          " stored, and %" PRIu64 " with none",
          before, used, after);
}

/* Where nobody sees the progress. */
static void
log_round (uint64_t before, uint64_t used)
{
  if (!isatty (STDERR_FILENO))
    fprintf (stderr,
             "soak: round %u: %.1f MiB resident with %.1f stored, %.1f with "
             "nothing; %.1f million pages compared\n",
             flat.rounds, (double) before / (double) MiB,
             (double) used / (double) MiB, (double) flat.memory / (double) MiB,
             (double) soak_counted (SOAK_VERIFIED) / 1e6);
}

static void
end_round (void)
{
  uint64_t before, used;

  join_all ();
  soak_verify (&soak);
  used = soak_stored (&soak);
  before = server_memory (&server, "Anonymous");
  soak_empty (&soak);
  flat_take (&flat);
  compare_memory (before, flat.memory, used);
  log_round (before, used);
  if (runtime)
    races_check (&server);
  CHECK (truncate (server.log, 0) == 0); /* it is clients that have gone */
}

/* Those of this round, too. */
static double
millions_compared (void)
{
  uint64_t pages = soak_counted (SOAK_VERIFIED);

  for (unsigned i = 0; i < SOAK_DISKS; i++)
    pages += soak.disks[i].model.verified / PAGE;
  return (double) pages / 1e6;
}

static void
show_progress (void)
{
  if (isatty (STDERR_FILENO))
    fprintf (stderr,
             "\rsoak: %" PRIu64 " of %" PRIu64
             " s, round %u, %.1f million pages compared ",
             (uint64_t) (time (NULL) - begun), duration, flat.rounds + 1,
             millions_compared ());
}

/* For so many seconds; whether somebody has asked to end. */
static bool
pass (uint64_t seconds)
{
  const struct timespec second = {.tv_sec = 1};
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  for (uint64_t i = 0; i < seconds; i++) {
    show_progress ();
    if (sigtimedwait (&set, NULL, &second) == SIGINT)
      return true;
  }
  return false;
}

static void
take_statistics (void)
{
  for (unsigned i = 0; i < SOAK_DISKS; i++) {
    const char *const disk = soak.disks[i].name;

    soak_add (SOAK_PAGES_RECOMPRESSED,
              soak_column (&soak, disk, "recomp_stat", 1));
    soak_add (SOAK_PAGES_READ_BACK, soak_column (&soak, disk, "bd_stat", 1));
    soak_add (SOAK_PAGES_WRITTEN_BACK, soak_column (&soak, disk, "bd_stat", 2));
    soak_add (SOAK_PAGES_COMPACTED, soak_column (&soak, disk, "mm_stat", 6));
  }
}

/* What has been done; a complete run has done everything. */
static void
report (void)
{
  const uint64_t taken = (uint64_t) (time (NULL) - begun);
  unsigned missing;

  soak_print ();
  missing = soak_missing ();
  printf ("REPORT: soak: %.2f hours in %u rounds, seed %" PRIu64
          ", -t%u: %" PRIu64 " requests were answered, and %.1f million pages "
          "compared, none wrong\n",
          (double) taken / 3600, flat.rounds, seed, soak.threads,
          soak_counted (SOAK_READ) + soak_counted (SOAK_WRITE) +
              soak_counted (SOAK_ZERO) + soak_counted (SOAK_TRIM) +
              soak_counted (SOAK_EXTENTS) + soak_counted (SOAK_FLUSH) +
              soak_counted (SOAK_CACHE),
          (double) soak_counted (SOAK_VERIFIED) / 1e6);
  flat_report (&flat);
  if (taken >= COMPLETE && missing > 0)
    fail ("%u kinds of things have never happened", missing);
}

static uint64_t
round_seconds (void)
{
  const uint64_t part = duration / 15;

  if (part < 8)
    return duration < 8 ? duration : 8;
  return part > 60 ? 60 : part;
}

/* On a slow machine few rounds may take all of a short run's time. */
static bool
is_over (void)
{
  return (uint64_t) (time (NULL) - begun) >= duration &&
         flat.rounds >= FLAT_ROUNDS;
}

int
main (int argc, char *argv[])
{
  bool ended = false;

  read_arguments (argc, argv);
  fprintf (stderr, "soak: again with: -s %" PRIu64 " -t %u\n", seed,
           soak.threads);
  soak.state = seed;
  begin_signals ();
  load_programs ();
  start ();
  flat_begin (&flat, &server, runtime != NULL);
  begun = time (NULL);
  while (!ended && !is_over ()) {
    start_all ();
    ended = pass (round_seconds ());
    end_round ();
  }
  if (isatty (STDERR_FILENO))
    fputc ('\n', stderr);
  take_statistics ();
  report ();
  server_end (&server);
  if (runtime)
    races_check_ended (&server);
  server_kill (&server);
  soakdisks_close (&soak);
  free (soak.programs);
  return EXIT_SUCCESS;
}
