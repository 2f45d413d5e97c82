/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus: pages that real programs left in memory, to measure on.
 *
 *   corpus [-m MIB] [-s SEED] [-t SECONDS] -o FILE WORKLOADS KIND...
 *   corpus -S [-m MIB] [-s SEED] -o FILE
 *
 * "WORKLOADS KIND" is started for each KIND in turn with an environment of
 * PATH and LANG only, so that no secret of the caller's is in the file.  Once
 * the program and its children have twice the memory that is wanted of them
 * (or SECONDS have passed) they are stopped, runs of 64 KiB are taken from
 * what swap would take (present private pages that belong to no file), and
 * they are killed.  SEED chooses the runs and their order in FILE.  What was
 * taken from whom is printed.
 *
 * Only a program's own children are read, so a plain user may run this.  Root
 * sees frame numbers as well and leaves out pages that a fork shares and the
 * kernel's zero page; a plain user cannot tell that page from a page of zeros,
 * so his runs have neither.
 *
 * With -S the pages are synthetic, for where that cannot be done: synthetic.h.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "compiler.h"
#include "random.h"
#include "synthetic.h"
#include "util.h"

#define PAGE      4096U
#define RUN_PAGES 16U
#define RUN       (PAGE * RUN_PAGES)

/* /proc/PID/pagemap */
#define PM_PRESENT (UINT64_C (1) << 63)
#define PM_FILE    (UINT64_C (1) << 61)
#define PM_PFN     ((UINT64_C (1) << 55) - 1)

/* One page that may be taken. */
struct page {
  uint64_t addr;
  uint64_t pfn; /* 0: hidden from us */
  pid_t pid;
  bool dup; /* another in the list has the same frame */
};

/* All that one kind has, by process and address. */
struct pages {
  struct page *page;
  size_t nr;
  size_t room;
};

static uint64_t seed = 1;
static unsigned seconds = 30;
static uint64_t zero_pfn;
static volatile pid_t group; /* the running workload's process group */

/* The file's runs are written in the order of this permutation. */
static int out = -1;
static char *out_tmp;
static uint32_t *place;
static uint32_t nr_runs, nr_written;

static void
fail_at (const char *what)
{
  fail ("%s: %s", what, strerror (errno));
}

static void *
resize (void *p, size_t size)
{
  p = realloc (p, size);
  if (p == NULL)
    fail_at ("realloc");
  return p;
}

/* However this program ends, the workload ends with it. */
static void
kill_group (void)
{
  if (group != 0) {
    kill (-group, SIGKILL);
    group = 0;
  }
}

static void
clean_up (void)
{
  kill_group ();
  if (out_tmp != NULL)
    unlink (out_tmp);
}

static void
on_signal (int sig)
{
  clean_up ();
  signal (sig, SIG_DFL);
  raise (sig);
}

static void
start_group (const char *workloads, const char *kind)
{
  static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  static char lang[] = "LANG=C.UTF-8";
  char *const env[] = {path, lang, NULL};
  const pid_t pid = fork ();

  if (pid < 0)
    fail_at ("fork");
  if (pid == 0) {
    const int null = open ("/dev/null", O_RDWR);

    setpgid (0, 0);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    /* A huge page would bring in memory that was never touched. */
    prctl (PR_SET_THP_DISABLE, 1, 0, 0, 0);
    dup2 (null, 0);
    dup2 (null, 1);
    execle (workloads, workloads, kind, (char *) NULL, env);
    perror (workloads);
    _exit (EXIT_FAILURE);
  }
  setpgid (pid, pid);
  group = pid;
}

/* Call FN for every process of the group; returns the sum of its answers. */
static uint64_t
for_group (uint64_t (*fn) (pid_t pid, void *opaque), void *opaque)
{
  DIR *dir = opendir ("/proc");
  const struct dirent *entry;
  uint64_t sum = 0;

  if (dir == NULL)
    fail_at ("/proc");
  while ((entry = readdir (dir)) != NULL) {
    const pid_t pid = (pid_t) strtol (entry->d_name, NULL, 10);

    if (pid > 0 && getpgid (pid) == group)
      sum += fn (pid, opaque);
  }
  closedir (dir);
  return sum;
}

/* A file in /proc/PID; NULL if the process has just gone. */
static FILE *
open_proc (pid_t pid, const char *name)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%d/%s", (int) pid, name);
  return fopen (path, "re");
}

static uint64_t
anonymous_bytes (pid_t pid, void *opaque ZRAM_UNUSED)
{
  FILE *fp = open_proc (pid, "status");
  char line[256];
  uint64_t kib = 0;

  if (fp == NULL)
    return 0;
  while (fgets (line, sizeof line, fp) != NULL)
    if (sscanf (line, "RssAnon: %" SCNu64, &kib) == 1)
      break;
  fclose (fp);
  return kib << 10;
}

static uint64_t
still_running (pid_t pid, void *opaque ZRAM_UNUSED)
{
  FILE *fp = open_proc (pid, "status");
  char line[256];
  char state = 'T';

  if (fp == NULL)
    return 0;
  while (fgets (line, sizeof line, fp) != NULL)
    if (sscanf (line, "State: %c", &state) == 1)
      break;
  fclose (fp);
  return state != 'T' && state != 'Z';
}

/* Let the group work until it has WANTED bytes, then stop all of it. */
static void
wait_and_stop (const char *kind, uint64_t wanted)
{
  const struct timespec tick = {.tv_nsec = 10000000};
  const double end = now () + seconds;
  uint64_t has;

  while ((has = for_group (anonymous_bytes, NULL)) < wanted && now () < end) {
    if (waitpid (group, NULL, WNOHANG) == group) {
      fprintf (stderr, "corpus: %s ended by itself\n", kind);
      exit (EXIT_FAILURE);
    }
    if (isatty (STDERR_FILENO))
      fprintf (stderr, "\r%-10s %4" PRIu64 " of %4" PRIu64 " MiB ", kind,
               has >> 20, wanted >> 20);
    nanosleep (&tick, NULL);
  }
  if (isatty (STDERR_FILENO))
    fprintf (stderr, "\r%40s\r", "");
  do
    kill (-group, SIGSTOP);
  while (for_group (still_running, NULL) > 0 && nanosleep (&tick, NULL) == 0);
}

static void
add_page (struct pages *pages, pid_t pid, uint64_t addr, uint64_t pfn)
{
  if (pages->nr == pages->room) {
    pages->room = pages->room * 2 + 4096;
    pages->page = resize (pages->page, pages->room * sizeof *pages->page);
  }
  pages->page[pages->nr++] =
      (struct page){.pid = pid, .addr = addr, .pfn = pfn};
}

/* The pages of START..END-1 that swap would take. */
static void
add_mapping (struct pages *pages, pid_t pid, int pagemap, uint64_t start,
             uint64_t end)
{
  uint64_t entry[512];

  while (start < end) {
    const uint64_t left = (end - start) / PAGE;
    const size_t nr = left < 512 ? left : 512;

    if (pread (pagemap, entry, nr * 8, (off_t) (start / PAGE * 8)) !=
        (ssize_t) (nr * 8))
      return;
    /* cppcheck-suppress knownConditionTrueFalse; less may be left of it */
    for (size_t i = 0; i < nr; i++)
      if ((entry[i] & (PM_PRESENT | PM_FILE)) == PM_PRESENT &&
          (zero_pfn == 0 || (entry[i] & PM_PFN) != zero_pfn))
        add_page (pages, pid, start + i * PAGE, entry[i] & PM_PFN);
    start += nr * PAGE;
  }
}

static uint64_t
add_process (pid_t pid, void *opaque)
{
  struct pages *pages = opaque;
  FILE *maps = open_proc (pid, "maps");
  FILE *pagemap = open_proc (pid, "pagemap");
  const size_t before = pages->nr;
  char line[PATH_MAX + 128];

  if (maps == NULL || pagemap == NULL)
    fail_at ("/proc/PID/maps, pagemap");
  while (fgets (line, sizeof line, maps) != NULL) {
    uint64_t start, end;
    char perms[5];

    if (sscanf (line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, perms) ==
            3 &&
        perms[0] == 'r' && perms[3] == 'p' && strstr (line, "[v") == NULL)
      add_mapping (pages, pid, fileno (pagemap), start, end);
  }
  fclose (maps);
  fclose (pagemap);
  return pages->nr > before;
}

static int
by_frame (const void *p, const void *q)
{
  const struct page *a = *(struct page *const *) p;
  const struct page *b = *(struct page *const *) q;

  if (a->pfn != b->pfn)
    return a->pfn < b->pfn ? -1 : 1;
  return a < b ? -1 : a > b;
}

/* What a fork shares has one place in swap: keep the first of each frame. */
static void
drop_shared_frames (struct pages *pages)
{
  struct page **sorted = resize (NULL, pages->nr * sizeof (struct page *));
  size_t kept = 0;

  for (size_t i = 0; i < pages->nr; i++)
    sorted[i] = &pages->page[i];
  qsort (sorted, pages->nr, sizeof (struct page *), by_frame);
  for (size_t i = 1; i < pages->nr; i++)
    sorted[i]->dup =
        sorted[i]->pfn != 0 && sorted[i]->pfn == sorted[i - 1]->pfn;
  free (sorted);

  for (size_t i = 0; i < pages->nr; i++)
    if (!pages->page[i].dup)
      pages->page[kept++] = pages->page[i];
  pages->nr = kept;
}

static bool
same_filled (const void *page)
{
  return memcmp (page, (const char *) page + 8, PAGE - 8) == 0;
}

/* Read a run of pages into BUF; false if it holds one that must not be taken.
 * Counts same-filled pages. */
static bool
read_run (int mem, const struct page *page, char *buf, uint64_t *nr_same)
{
  static const char zeros[8];

  for (unsigned i = 0; i < RUN_PAGES; i++, buf += PAGE) {
    if (page[i].pid != page[0].pid ||
        pread (mem, buf, PAGE, (off_t) page[i].addr) != PAGE)
      return false;
    if (same_filled (buf)) {
      if (zero_pfn == 0 && memcmp (buf, zeros, 8) == 0)
        return false;
      ++*nr_same;
    }
  }
  return true;
}

/* Write up to WANTED runs of PAGES, chosen at random, to their places. */
static uint32_t
write_runs (const struct pages *pages, uint32_t wanted, uint64_t *nr_same)
{
  const uint32_t nr = (uint32_t) (pages->nr / RUN_PAGES);
  uint32_t *order = new_permutation (nr, &seed);
  uint32_t taken = 0;
  pid_t mem_pid = 0;
  int mem = -1;
  static char buf[RUN];

  for (uint32_t i = 0; i < nr && taken < wanted; i++) {
    const struct page *page = &pages->page[(size_t) order[i] * RUN_PAGES];
    uint64_t same = 0;

    if (page->pid != mem_pid) {
      char path[64];

      if (mem >= 0)
        close (mem);
      snprintf (path, sizeof path, "/proc/%d/mem", (int) page->pid);
      mem = open (path, O_RDONLY | O_CLOEXEC);
      if (mem < 0)
        fail_at (path);
      mem_pid = page->pid;
    }
    if (!read_run (mem, page, buf, &same))
      continue;
    if (pwrite (out, buf, RUN, (off_t) place[nr_written] * RUN) != RUN)
      fail_at ("write");
    nr_written++;
    taken++;
    *nr_same += same;
  }
  if (mem >= 0)
    close (mem);
  free (order);
  return taken;
}

static void
take_kind (const char *workloads, const char *kind, uint32_t wanted)
{
  struct pages pages = {.page = NULL};
  const double start = now ();
  uint64_t nr_processes, nr_same = 0;
  uint32_t taken;

  start_group (workloads, kind);
  wait_and_stop (kind, (uint64_t) wanted * RUN * 2);
  nr_processes = for_group (add_process, &pages);
  drop_shared_frames (&pages);
  taken = write_runs (&pages, wanted, &nr_same);
  printf ("%s: %.1f of %.1f MiB anonymous memory in %" PRIu64
          " process%s after %.1f s, %.1f %% of its pages same-filled\n",
          kind, taken * (RUN / 1048576.0), (double) pages.nr / 256.0,
          nr_processes, nr_processes == 1 ? "" : "es", now () - start,
          taken == 0 ? 0 : 100.0 * (double) nr_same / (taken * RUN_PAGES));
  fflush (stdout);
  free (pages.page);
  kill_group ();
  while (wait (NULL) > 0)
    ;
}

/* The frame of the kernel's zero page: whatever a page that has only been read
 * shows.  0 if we may not know. */
static uint64_t
find_zero_pfn (void)
{
  volatile char *page =
      mmap (NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  FILE *pagemap = open_proc (getpid (), "pagemap");
  uint64_t entry = 0;

  if (page == MAP_FAILED || pagemap == NULL)
    fail_at ("/proc/self/pagemap");
  (void) *page;
  if (pread (fileno (pagemap), &entry, 8,
             (off_t) ((uintptr_t) page / PAGE * 8)) != 8)
    fail_at ("/proc/self/pagemap");
  fclose (pagemap);
  munmap ((void *) page, PAGE);
  return entry & PM_PFN;
}

static void
open_out (const char *file)
{
  struct sigaction action = {.sa_handler = on_signal};
  const int sigs[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};

  if (asprintf (&out_tmp, "%s.XXXXXX", file) < 0)
    fail_at ("asprintf");
  out = mkostemp (out_tmp, O_CLOEXEC);
  if (out < 0)
    fail_at (file);
  atexit (clean_up);
  for (size_t i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
    sigaction (sigs[i], &action, NULL);
}

static void
close_out (const char *file)
{
  if (nr_written < nr_runs) {
    fprintf (stderr,
             "corpus: only %u of %u MiB found: ask for fewer (-m), or "
             "wait for longer (-t)\n",
             nr_written / (1048576 / RUN), nr_runs / (1048576 / RUN));
    exit (EXIT_FAILURE);
  }
  if (close (out) != 0 || rename (out_tmp, file) != 0)
    fail_at (file);
  free (out_tmp);
  out_tmp = NULL;
}

static void
write_synthetic (void)
{
  struct synthetic *const synthetic = synthetic_begin (seed);
  char run[RUN];

  for (; nr_written < nr_runs; nr_written++) {
    for (unsigned i = 0; i < RUN_PAGES; i++)
      synthetic_next (synthetic, run + (size_t) i * PAGE);
    if (write (out, run, RUN) != RUN)
      fail_at ("write");
  }
  synthetic_end (synthetic);
  printf ("synthetic pages, by seed %" PRIu64 ": not real ones\n", seed);
}

static uint32_t
number (const char *arg, uint32_t max)
{
  char *end;
  const unsigned long n = strtoul (arg, &end, 10);

  if (end == arg || *end != '\0' || n == 0 || n > max) {
    fprintf (stderr, "corpus: %s: not a number from 1 to %" PRIu32 "\n", arg,
             max);
    exit (EXIT_FAILURE);
  }
  return (uint32_t) n;
}

static void
write_real (const char *workloads, char *const kinds[], uint32_t nr_kinds)
{
  char *const path = realpath (workloads, NULL);

  if (path == NULL)
    fail_at (workloads);
  place = new_permutation (nr_runs, &seed);
  zero_pfn = find_zero_pfn ();
  for (uint32_t i = 0; i < nr_kinds; i++)
    take_kind (path, kinds[i], (nr_runs - nr_written) / (nr_kinds - i));
  free (place);
  free (path);
}

int
main (int argc, char *argv[])
{
  const char *file = NULL;
  bool synthetic = false;
  uint32_t mib = 192;
  int opt;

  while ((opt = getopt (argc, argv, "Sm:o:s:t:")) != -1)
    if (opt == 'm')
      mib = number (optarg, 1 << 16);
    else if (opt == 'o')
      file = optarg;
    else if (opt == 'S')
      synthetic = true;
    else if (opt == 's')
      seed = number (optarg, UINT32_MAX);
    else if (opt == 't')
      seconds = number (optarg, 3600);
    else
      file = NULL, optind = argc;
  if (file == NULL || (synthetic ? argc - optind != 0 : argc - optind < 2)) {
    fprintf (stderr, "usage: corpus [-m MIB] [-s SEED] [-t SECONDS] -o FILE "
                     "WORKLOADS KIND...\n"
                     "       corpus -S [-m MIB] [-s SEED] -o FILE\n");
    return EXIT_FAILURE;
  }
  nr_runs = mib * (1048576 / RUN);
  open_out (file);
  if (synthetic)
    write_synthetic ();
  else
    write_real (argv[optind], argv + optind + 1,
                (uint32_t) (argc - optind - 1));
  close_out (file);
  return EXIT_SUCCESS;
}
