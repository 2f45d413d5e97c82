/* SPDX-License-Identifier: BSD-3-Clause */
/* Fill more memory than the machine has with pages whose content follows from
 * their number, read them back in random order, and check every byte.
 *
 * It runs where memory is short: nothing is allocated once it has begun, and
 * commands are started without copying its page tables.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE      4096
#define WORDS     (PAGE / sizeof (uint64_t))
/* Of the pages that differ, so many are described. */
#define DESCRIBED 8

enum kind {
  COMPRESSIBLE,
  HALF,
  INCOMPRESSIBLE,
  MIXED,
  KINDS
};

static const char *const kind_names[KINDS] = {"compressible", "half",
                                              "incompressible", "mixed"};

static enum kind kind;
static uint64_t seed = 1;
static unsigned rounds = 1;
static bool free_half;
static const char *command;

static unsigned char *memory;
static uint64_t pages;
static uint64_t wrong;

static void
usage (void)
{
  fprintf (stderr,
           "Usage: swapfill [-f] [-r ROUNDS] [-s SEED] [-x COMMAND] MIB KIND\n"
           "\n"
           "Fill MIB MiB of memory with pages of KIND (compressible: to about\n"
           "a fifth; half; incompressible; mixed), read them back in random\n"
           "order and check them.  Exits with 1 if a page is wrong.\n"
           "\n"
           "-f          then free a random half of them, and check the rest\n"
           "-r ROUNDS   so often, with other pages\n"
           "-s SEED     other pages\n"
           "-x COMMAND  run by sh after each phase, with its name (filled,\n"
           "            read, freed, reread) as $1\n");
  exit (2);
}

static void
fail (const char *what)
{
  perror (what);
  exit (2);
}

/* splitmix64. */
static uint64_t
mix (uint64_t z)
{
  z += UINT64_C (0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* Of each 64 bytes, FRESH words are random, the others the page's own. */
static void
make_records (uint64_t *words, uint64_t state, size_t fresh)
{
  for (size_t i = 0; i < WORDS; i++)
    words[i] = i % 8 < fresh ? mix (state + i) : state ^ (i % 8);
}

/* Of 8 mixed pages one is all one word, 4 compress well, 2 to a half. */
static void
make_mixed (uint64_t *words, uint64_t state)
{
  switch (state % 8) {
  case 0:
    make_records (words, state, 8);
    break;
  case 1:
    for (size_t i = 0; i < WORDS; i++)
      words[i] = state;
    break;
  case 2:
  case 3:
    make_records (words, state, 4);
    break;
  default:
    make_records (words, state, 1);
  }
}

/* What page NUMBER holds in this round. */
static void
make_page (void *page, uint64_t number)
{
  const uint64_t state = mix (mix (seed) + number);

  switch (kind) {
  case COMPRESSIBLE:
    make_records (page, state, 1);
    break;
  case HALF:
    make_records (page, state, 4);
    break;
  case INCOMPRESSIBLE:
    make_records (page, state, 8);
    break;
  case MIXED:
  case KINDS:
    make_mixed (page, state);
  }
}

static double
now (void)
{
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* What FILE has beside NAME, in KiB. */
static unsigned long
proc_figure (const char *file, const char *name)
{
  static char text[8192];
  const int fd = open (file, O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
  const char *line;

  if (n < 0)
    fail (file);
  close (fd);
  text[n] = '\0';
  line = strstr (text, name);
  return line ? strtoul (line + strlen (name), NULL, 10) : 0;
}

static unsigned long
meminfo (const char *name)
{
  return proc_figure ("/proc/meminfo", name);
}

/* How much of us is in memory, in KiB. */
static unsigned long
resident (void)
{
  return proc_figure ("/proc/self/status", "VmRSS:");
}

/* Say that PHASE, begun at START, is over, and run the command. */
static void
end_phase (const char *phase, double start)
{
  const char *const argv[] = {"sh", "-c", command, "sh", phase, NULL};
  pid_t pid;

  printf ("swapfill: phase=%s seconds=%.2f resident_kib=%lu available_kib=%lu "
          "swap_used_kib=%lu wrong=%" PRIu64 "\n",
          phase, now () - start, resident (), meminfo ("MemAvailable:"),
          meminfo ("SwapTotal:") - meminfo ("SwapFree:"), wrong);
  fflush (stdout);
  if (!command)
    return;
  errno = posix_spawnp (&pid, "sh", NULL, NULL, (char **) argv, environ);
  if (errno != 0 || waitpid (pid, NULL, 0) < 0)
    fail (command);
}

/* Number I of a random order of all numbers below 2^BITS: each step can be
 * undone, so no two are the same. */
static uint64_t
shuffled (uint64_t i, unsigned bits)
{
  const uint64_t mask = (UINT64_C (1) << bits) - 1;

  for (int step = 0; step < 3; step++) {
    i = (i * UINT64_C (0x9e3779b97f4a7c15) + seed) & mask;
    i ^= i >> (bits / 2 + 1);
  }
  return i;
}

/* Whether page NUMBER is of the half that -f frees. */
static bool
is_freed (uint64_t number)
{
  return mix (~seed ^ number) & 1;
}

static void
check_page (uint64_t number)
{
  static unsigned char expected[PAGE] __attribute__ ((aligned (PAGE)));
  const unsigned char *const page = memory + number * PAGE;

  make_page (expected, number);
  if (memcmp (page, expected, PAGE) == 0)
    return;
  if (wrong++ < DESCRIBED)
    printf ("swapfill: page %" PRIu64 " begins %02x%02x%02x%02x, not "
            "%02x%02x%02x%02x\n",
            number, page[0], page[1], page[2], page[3], expected[0],
            expected[1], expected[2], expected[3]);
}

static void
check_pages (const char *phase, bool only_half)
{
  const double start = now ();
  unsigned bits = 2;

  while (UINT64_C (1) << bits < pages)
    bits++;
  for (uint64_t i = 0; i < UINT64_C (1) << bits; i++) {
    const uint64_t number = shuffled (i, bits);

    if (number < pages && !(only_half && is_freed (number)))
      check_page (number);
  }
  end_phase (phase, start);
}

static void
fill_pages (void)
{
  const double start = now ();

  for (uint64_t i = 0; i < pages; i++)
    make_page (memory + i * PAGE, i);
  end_phase ("filled", start);
}

static void
free_pages (void)
{
  const double start = now ();

  for (uint64_t i = 0; i < pages; i++)
    if (is_freed (i) && madvise (memory + i * PAGE, PAGE, MADV_DONTNEED) < 0)
      fail ("madvise");
  end_phase ("freed", start);
}

/* What making the pages takes by itself: part of every phase's time. */
static void
time_making (void)
{
  static unsigned char page[PAGE] __attribute__ ((aligned (PAGE)));
  const uint64_t some = pages / 16 + 1;
  const double start = now ();

  for (uint64_t i = 0; i < some; i++) {
    make_page (page, i);
    __asm__ volatile("" : : "r"(page) : "memory");
  }
  printf ("swapfill: phase=made seconds=%.2f pages=%" PRIu64 "\n",
          (now () - start) / (double) some * (double) pages, pages);
}

static void
parse_arguments (int argc, char **argv)
{
  int c;

  while ((c = getopt (argc, argv, "fr:s:x:")) != -1) {
    switch (c) {
    case 'f':
      free_half = true;
      break;
    case 'r':
      rounds = (unsigned) strtoul (optarg, NULL, 10);
      break;
    case 's':
      seed = strtoull (optarg, NULL, 10);
      break;
    case 'x':
      command = optarg;
      break;
    default:
      usage ();
    }
  }
  if (argc - optind != 2)
    usage ();
  pages = strtoull (argv[optind], NULL, 10) * ((1 << 20) / PAGE);
  while (kind < KINDS && strcmp (argv[optind + 1], kind_names[kind]) != 0)
    kind++;
  if (pages == 0 || kind == KINDS)
    usage ();
}

int
main (int argc, char **argv)
{
  static char buffer[BUFSIZ];

  setvbuf (stdout, buffer, _IOLBF, sizeof buffer);
  parse_arguments (argc, argv);
  memory = mmap (NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fail ("mmap");
  time_making ();
  for (unsigned round = 0; round < rounds; round++, seed++) {
    fill_pages ();
    check_pages ("read", false);
    if (free_half) {
      free_pages ();
      check_pages ("reread", true);
    }
  }
  return wrong > 0;
}
