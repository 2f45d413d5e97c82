/* SPDX-License-Identifier: BSD-3-Clause */
/* What the unit suites share; unit.h says what for. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "page.h"
#include "unit.h"

/* Long enough that a slow machine never meets it. */
#define CASE_SECONDS 600
#define MAX_THREADS  256

/* So many rounds take about as long as one that is instrumented. */
#define INSTRUMENTED_COST 5

const char *const content_names[CONTENT_KINDS] = {
    [CONTENT_ZERO] = "zero",   [CONTENT_SAME] = "same-filled",
    [CONTENT_TEXT] = "text",   [CONTENT_MIXED] = "mixed",
    [CONTENT_NOISE] = "noise",
};

TCase *
suite_case (Suite *suite, const char *name)
{
  TCase *tc = tcase_create (name);

  tcase_set_timeout (tc, CASE_SECONDS);
  suite_add_tcase (suite, tc);
  return tc;
}

int
suite_run (Suite *suite)
{
  const struct rlimit no_core = {0, 0};
  SRunner *runner = srunner_create (suite);
  int failed;

  /* Some tests end in abort () because they should. */
  setrlimit (RLIMIT_CORE, &no_core);
  srunner_run_all (runner, CK_ENV);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void
measure_alone (void)
{
  const int fd = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0 || flock (fd, LOCK_EX) < 0)
    perror ("measuring beside others");
  /* cppcheck-suppress resourceLeak; the lock is held until the test ends */
}

int
skip (const char *why)
{
  printf ("SKIP: %s\n", why);
  fprintf (stderr, "SKIPPED, NOTHING WAS TESTED: %s\n", why);
  return EXIT_SKIP;
}

/* Valgrind puts its own library before the program's. */
bool
under_valgrind (void)
{
  const char *preload = getenv ("LD_PRELOAD");

  return preload && strstr (preload, "vgpreload");
}

bool
instrumented (void)
{
  return SANITIZED || under_valgrind ();
}

uint64_t
scaled (uint64_t n)
{
  if (instrumented ())
    n /= INSTRUMENTED_COST;
  return n > 0 ? n : 1;
}

/* What pages are made of was most of what tests cost under ThreadSanitizer, and
 * tells it nothing: nor is memcpy called, which would tell it, word by word. */
#define UNWATCHED __attribute__ ((no_sanitize ("thread")))

/* splitmix64 */
UNWATCHED uint64_t
random_next (uint64_t *state)
{
  uint64_t z = (*state += UINT64_C (0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t
random_below (uint64_t *state, uint64_t limit)
{
  return random_next (state) % limit;
}

uint64_t
draw_lz4_len (uint64_t *random)
{
  static const uint16_t quantiles[] = {
      40,   60,   85,   120,  165,  215,  270,  340,  415,  495,  580,
      665,  750,  835,  920,  1005, 1090, 1175, 1260, 1350, 1440, 1535,
      1640, 1760, 1890, 2030, 2190, 2370, 2570, 2800, 3080, 3420, 4000,
  };
  const uint64_t i = random_below (random, 32);

  if (random_below (random, 100) < 3)
    return ZRAM_PAGE_SIZE;
  return quantiles[i] +
         random_below (random, quantiles[i + 1] - (uint64_t) quantiles[i]);
}

UNWATCHED static void
fill_text (char *p, size_t size, uint64_t *state)
{
  static const char words[16][9] = {
      "the ", "slot ",   "holds ", "a ",  "page ",   "of ", "memory, ", "and ",
      "its ", "handle ", "names ", "an ", "object ", "in ", "pool.\n",  "0x7f ",
  };
  uint64_t random = 0;
  unsigned nr_drawn = 0;

  while (size > 0) {
    random = nr_drawn++ % 16 == 0 ? random_next (state) : random >> 4;
    for (const char *c = words[random % 16]; *c && size > 0; c++, size--)
      *p++ = *c;
  }
}

UNWATCHED static void
fill_words (char *p, size_t size, uint64_t *state, bool same)
{
  uint64_t word = random_next (state) | 1;

  for (; size >= sizeof word; p += sizeof word, size -= sizeof word) {
    memcpy (p, &word, sizeof word);
    if (!same)
      word = random_next (state);
  }
  memcpy (p, &word, size);
}

void
content_fill (void *buf, size_t size, enum content kind, uint64_t seed)
{
  char *p = buf;

  switch (kind) {
  case CONTENT_SAME:
    fill_words (p, size, &seed, true);
    break;
  case CONTENT_TEXT:
    fill_text (p, size, &seed);
    break;
  case CONTENT_MIXED:
    fill_text (p, size / 2, &seed);
    fill_words (p + size / 2, size - size / 2, &seed, false);
    break;
  case CONTENT_NOISE:
    fill_words (p, size, &seed, false);
    break;
  default:
    memset (p, 0, size);
  }
}

bool
all_zero (const void *buf, size_t size)
{
  const char *p = buf;

  return size == 0 || (p[0] == 0 && memcmp (p, p + 1, size - 1) == 0);
}

/* Some open memory with a page that may not be touched on either side. */
static char *
guarded_map (size_t size, size_t *open_size)
{
  const size_t page = (size_t) sysconf (_SC_PAGESIZE);
  char *p;

  *open_size = (size + page - 1) / page * page;
  p = mmap (NULL, *open_size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
            -1, 0);
  ck_assert (p != MAP_FAILED);
  ck_assert_int_eq (mprotect (p + page, *open_size, PROT_READ | PROT_WRITE), 0);
  return p + page;
}

void *
guarded_end (size_t size)
{
  size_t open_size;
  char *p = guarded_map (size, &open_size);

  return p + open_size - size;
}

void *
guarded_start (size_t size)
{
  size_t open_size;

  return guarded_map (size, &open_size);
}

struct worker {
  pthread_t thread;
  void (*work) (void *arg, unsigned me);
  void *arg;
  unsigned me;
};

static void *
worker_main (void *arg)
{
  const struct worker *worker = arg;

  worker->work (worker->arg, worker->me);
  return NULL;
}

void
threads_run (unsigned n, void (*work) (void *arg, unsigned me), void *arg)
{
  static struct worker workers[MAX_THREADS];
  unsigned i;

  ck_assert_uint_le (n, MAX_THREADS);
  for (i = 0; i < n; ++i) {
    workers[i] = (struct worker){.work = work, .arg = arg, .me = i};
    ck_assert_int_eq (
        pthread_create (&workers[i].thread, NULL, worker_main, &workers[i]), 0);
  }
  for (i = 0; i < n; ++i)
    ck_assert_int_eq (pthread_join (workers[i].thread, NULL), 0);
}

uint64_t
proc_bytes (const char *file, const char *name)
{
  FILE *fp = fopen (file, "r");
  unsigned long long kib = 0;
  bool found = false;
  char line[256];

  must (fp != NULL);
  while (!found && fgets (line, sizeof line, fp))
    found = strncmp (line, name, strlen (name)) == 0 &&
            sscanf (line + strlen (name), "%llu", &kib) == 1;
  fclose (fp);
  if (!found)
    ck_abort_msg ("%s has no %s", file, name);
  return kib << 10;
}

unsigned
open_descriptors (void)
{
  DIR *const fds = opendir ("/proc/self/fd");
  unsigned n = 0;

  ck_assert_ptr_nonnull (fds);
  while (readdir (fds))
    n++;
  closedir (fds);
  return n;
}

uint64_t
rss_bytes (void)
{
  return proc_bytes ("/proc/self/smaps_rollup", "Rss:");
}

uint64_t
rss_bytes_later (uint64_t most)
{
  const struct timespec moment = {.tv_nsec = 10000000};

  for (int i = 0; i < 1000 && rss_bytes () >= most; i++)
    nanosleep (&moment, NULL);
  return rss_bytes ();
}

void
memory_limit (uint64_t extra)
{
  struct rlimit limit;

  ck_assert_int_eq (getrlimit (RLIMIT_DATA, &limit), 0);
  limit.rlim_cur = proc_bytes ("/proc/self/status", "VmData:") + extra;
  ck_assert_int_eq (setrlimit (RLIMIT_DATA, &limit), 0);
}

void
memory_limit_lift (void)
{
  struct rlimit limit;

  ck_assert_int_eq (getrlimit (RLIMIT_DATA, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ck_assert_int_eq (setrlimit (RLIMIT_DATA, &limit), 0);
}

bool
memory_can_be_limited (void)
{
  if (instrumented ())
    puts ("SKIP: a test without memory: who watches needs memory too");
  return !instrumented ();
}

bool
addresses_suffice (uint64_t size)
{
  void *p = mmap (NULL, size, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (p == MAP_FAILED) {
    printf ("SKIP: a large test: there are no addresses for %llu GiB\n",
            (unsigned long long) (size >> 30));
    return false;
  }
  munmap (p, size);
  return true;
}

long
thread_faults (void)
{
  struct rusage usage;

  must (getrusage (RUSAGE_THREAD, &usage) == 0);
  return usage.ru_minflt + usage.ru_majflt;
}

__attribute__ ((noinline)) long
stack_use (void)
{
  const size_t page = (size_t) sysconf (_SC_PAGESIZE);
  const long before = thread_faults ();
  volatile char stack[STACK_USED];

  for (size_t i = 0; i < sizeof stack; i += page)
    stack[i] = 1;
  return thread_faults () - before;
}

struct crowd {
  pthread_barrier_t all_there;
  long taken[MAX_THREADS];
};

static void
crowd_use (void *arg, unsigned me)
{
  struct crowd *const crowd = arg;

  pthread_barrier_wait (&crowd->all_there);
  crowd->taken[me] = stack_use ();
  pthread_barrier_wait (&crowd->all_there);
}

void
stacks_use (unsigned n, long *most, long *least)
{
  struct crowd crowd;

  pthread_barrier_init (&crowd.all_there, NULL, n);
  threads_run (n, crowd_use, &crowd);
  *most = *least = crowd.taken[0];
  for (unsigned i = 1; i < n; i++) {
    *most = crowd.taken[i] > *most ? crowd.taken[i] : *most;
    *least = crowd.taken[i] < *least ? crowd.taken[i] : *least;
  }
}

/* Where there is a limit it is tried with 0.  (Called by main, too: no check.)
 */
bool
memory_lock (void)
{
  struct rlimit limit, tried;
  int error;

  if (getrlimit (RLIMIT_MEMLOCK, &limit) < 0)
    return false;
  tried = limit;
  if (limit.rlim_cur != RLIM_INFINITY)
    tried.rlim_cur = 0;
  setrlimit (RLIMIT_MEMLOCK, &tried);
  error = mlockall (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 ? 0 : errno;
  setrlimit (RLIMIT_MEMLOCK, &limit);
  errno = error;
  return error == 0;
}

static const char next_mark[] = "abort is next\n";

void
abort_is_next (void)
{
  if (write (STDERR_FILENO, next_mark, strlen (next_mark)) < 0)
    _exit (EXIT_FAILURE);
}

/* All that comes through FD until it is closed, or its first SIZE - 1 bytes. */
static void
read_all (int fd, char *buf, size_t size)
{
  size_t got = 0;
  ssize_t n;

  while (got < size - 1 && (n = read (fd, buf + got, size - 1 - got)) > 0)
    got += (size_t) n;
  buf[got] = '\0';
}

void
must_abort (void (*fn) (const void *arg), const void *arg, char *output,
            size_t size)
{
  char text[4096];
  int fds[2], status;
  pid_t pid;

  ck_assert_int_eq (pipe (fds), 0);
  pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid == 0) {
    dup2 (fds[1], STDERR_FILENO);
    close (fds[0]);
    close (fds[1]);
    fn (arg);
    _exit (EXIT_SUCCESS);
  }
  close (fds[1]);
  read_all (fds[0], text, sizeof text);
  close (fds[0]);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert_msg (strncmp (text, next_mark, strlen (next_mark)) == 0,
                 "it came to its end too early: %s", text);
  ck_assert_msg (WIFSIGNALED (status) && WTERMSIG (status) == SIGABRT,
                 "it did not abort, but ended with wait status 0x%x: %s",
                 (unsigned) status, text);
  snprintf (output, size, "%s", text + strlen (next_mark));
}
