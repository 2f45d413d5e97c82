/* SPDX-License-Identifier: BSD-3-Clause */
/* What has been filled in advance takes no page fault, and would have taken
 * some: the kernel counts them, for each thread.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "prefault.h"
#include "unit.h"

#define KIB ((size_t) 1 << 10)
#define MIB ((size_t) 1 << 20)

/* Of what is touched, what the test itself and the C library may take. */
#define FEW 3

static size_t page;

/* Each page has its own fault. */
static void
setup (void)
{
  page = (size_t) sysconf (_SC_PAGESIZE);
  prctl (PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

/* How many faults it takes to write, or to read, SIZE bytes at START. */
static long
faults_of_writing (void *start, size_t size)
{
  volatile char *const bytes = start;
  const long before = thread_faults ();

  for (size_t i = 0; i < size; i += page)
    bytes[i] = 1;
  return thread_faults () - before;
}

static long
faults_of_reading (const void *start, size_t size)
{
  const volatile char *const bytes = start;
  const long before = thread_faults ();

  for (size_t i = 0; i < size; i += page)
    (void) bytes[i];
  return thread_faults () - before;
}

/* The heap. */

#define HEAP (8 * MIB)

/* What writing HEAP bytes takes that malloc gives in pieces of SIZE, all of
 * them freed in the end. */
static long
faults_of_pieces (size_t size)
{
  void *pieces[HEAP / (64 * KIB)];
  const size_t n = HEAP / size;
  const long before = thread_faults ();

  for (size_t i = 0; i < n; i++) {
    pieces[i] = malloc (size - 16);
    must (pieces[i] != NULL);
    faults_of_writing (pieces[i], size - 16);
  }
  for (size_t i = 0; i < n; i++)
    free (pieces[i]);
  return thread_faults () - before;
}

static const size_t piece_sizes[] = {64 * KIB, MIB, HEAP};

#define NR_PIECE_SIZES ((int) (sizeof piece_sizes / sizeof piece_sizes[0]))

START_TEST (an_unfilled_heap_takes_faults)
{
  ck_assert_int_gt (faults_of_pieces (piece_sizes[_i]), HEAP / page / 2);
}

/* Again and again: nothing that is freed is given back. */
START_TEST (a_filled_heap_takes_none)
{
  prefault_init ();
  prefault_heap (HEAP);
  for (int round = 0; round < 3; round++)
    ck_assert_int_le (faults_of_pieces (piece_sizes[_i]), FEW);
}

static void
take_pieces (void *arg, unsigned me)
{
  long *const taken = arg;

  /* A thread's first malloc makes what it caches small pieces in. */
  free (malloc (1));
  taken[me] = faults_of_pieces (piece_sizes[0]);
}

START_TEST (threads_take_from_it_too)
{
  long taken[1];

  prefault_init ();
  prefault_heap (2 * HEAP);
  threads_run (1, take_pieces, taken);
  ck_assert_int_le (taken[0], FEW);
}

START_TEST (what_was_too_little_has_become_enough)
{
  prefault_init ();
  prefault_heap (HEAP / 8);
  ck_assert_int_gt (faults_of_pieces (HEAP), HEAP / page / 2);
  ck_assert_int_le (faults_of_pieces (HEAP), FEW);
}

/* Stacks. */

#define NR_THREADS 6U

START_TEST (filled_stacks_take_no_faults)
{
  long most, least;

  ck_assert (memory_lock ());
  stacks_use (NR_THREADS, &most, &least);
  ck_assert_int_ge (least, STACK_USED / page / 2);
  prefault_init ();
  for (int round = 0; round < 3; round++) {
    prefault_stacks (NR_THREADS);
    stacks_use (NR_THREADS, &most, &least);
    ck_assert_int_le (most, FEW);
  }
}

static void
fill_and_use (void *arg, unsigned me)
{
  long *const taken = arg;

  (void) me;
  prefault_stacks (0);
  *taken = stack_use ();
}

START_TEST (so_does_the_callers_own)
{
  long taken;

  prefault_init ();
  threads_run (1, fill_and_use, &taken);
  ck_assert_int_le (taken, FEW);
}

/* Mappings. */

#define NR_PAGES 256U

/* NR_PAGES pages of a file that has N, mapped privately as PROT says. */
static char *
map_pages (size_t n, int prot)
{
  FILE *fp = tmpfile ();
  char *start;

  ck_assert_ptr_nonnull (fp);
  ck_assert_int_eq (ftruncate (fileno (fp), (off_t) (n * page)), 0);
  start = mmap (NULL, NR_PAGES * page, prot, MAP_PRIVATE, fileno (fp), 0);
  ck_assert (start != MAP_FAILED);
  fclose (fp);
  return start;
}

static char *
map_file (int prot)
{
  return map_pages (NR_PAGES, prot);
}

START_TEST (mapped_files_are_read)
{
  const size_t size = NR_PAGES * page;
  const char *const before = map_file (PROT_READ);
  const char *constants, *text;
  char *variables;

  ck_assert_int_gt (faults_of_reading (before, size), 0);
  constants = map_file (PROT_READ);
  text = map_file (PROT_READ | PROT_EXEC);
  variables = map_file (PROT_READ | PROT_WRITE);
  prefault_mappings ();
  ck_assert_int_eq (faults_of_reading (constants, size), 0);
  ck_assert_int_eq (faults_of_reading (text, size), 0);
  ck_assert (all_zero (variables, size));
  ck_assert_int_eq (faults_of_writing (variables, size), 0);
}

/* Whoever touches what is beyond gets SIGBUS. */
START_TEST (a_file_may_be_shorter_than_its_mapping)
{
  const char *const constants = map_pages (NR_PAGES / 2, PROT_READ);

  map_pages (0, PROT_READ);
  map_pages (NR_PAGES / 2, PROT_READ | PROT_WRITE);
  prefault_mappings ();
  ck_assert_int_eq (faults_of_reading (constants, NR_PAGES / 2 * page), 0);
}

static char *
map_memory (size_t size, int prot)
{
  char *const start =
      mmap (NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  ck_assert (start != MAP_FAILED);
  return start;
}

START_TEST (what_nobody_touched_stays_without_memory)
{
  const size_t size = 256 * MIB;
  uint64_t before;

  prefault_mappings ();
  before = rss_bytes ();
  map_memory (size, PROT_NONE);
  map_memory (size, PROT_READ);
  map_memory (size, PROT_READ | PROT_WRITE)[0] = 1;
  map_file (PROT_NONE);
  prefault_mappings ();
  ck_assert_uint_lt (rss_bytes (), before + MIB);
}

/* What this process has written before it forks. */
struct inheritance {
  char *memory, *file;
};

static char variables[NR_PAGES * 4096];

static void
write_inheritance (struct inheritance *in)
{
  in->memory = map_memory (NR_PAGES * page, PROT_READ | PROT_WRITE);
  in->file = map_file (PROT_READ | PROT_WRITE);
  for (size_t i = 0; i < NR_PAGES; i++)
    in->memory[i * page] = in->file[i * page] = variables[i * 4096] = (char) i;
}

static bool
is_as_inherited (const struct inheritance *in)
{
  for (size_t i = 0; i < NR_PAGES; i++)
    if (in->memory[i * page] != (char) i || in->file[i * page] != (char) i ||
        variables[i * 4096] != (char) i)
      return false;
  return true;
}

/* The exit status is the number of faults, as far as it goes. */
static int
write_again (const struct inheritance *in, bool filled)
{
  long taken;

  if (filled)
    prefault_mappings ();
  if (!is_as_inherited (in))
    return 255;
  taken = faults_of_writing (in->memory, NR_PAGES * page) +
          faults_of_writing (in->file, NR_PAGES * page) +
          faults_of_writing (variables, sizeof variables);
  return taken < 200 ? (int) taken : 200;
}

static int
faults_of_a_child (const struct inheritance *in, bool filled)
{
  int status;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (write_again (in, filled));
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status));
  return WEXITSTATUS (status);
}

START_TEST (what_the_parent_wrote_is_copied)
{
  struct inheritance in;

  write_inheritance (&in);
  ck_assert_int_eq (faults_of_a_child (&in, false), 200);
  ck_assert_int_le (faults_of_a_child (&in, true), FEW);
}

static bool
may_be_locked (void)
{
  if (!memory_lock ()) {
    printf ("SKIP: a test of stacks that are locked: mlockall: %s\n",
            strerror (errno));
    return false;
  }
  munlockall ();
  return true;
}

int
main (void)
{
  Suite *suite;
  TCase *tc;

  if (instrumented ())
    return skip ("the page faults of who watches are the program's");
  suite = suite_create ("prefault");

  tc = suite_case (suite, "heap");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_loop_test (tc, an_unfilled_heap_takes_faults, 0, NR_PIECE_SIZES);
  tcase_add_loop_test (tc, a_filled_heap_takes_none, 0, NR_PIECE_SIZES);
  tcase_add_test (tc, threads_take_from_it_too);
  tcase_add_test (tc, what_was_too_little_has_become_enough);

  tc = suite_case (suite, "stacks");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, so_does_the_callers_own);
  if (may_be_locked ())
    tcase_add_test (tc, filled_stacks_take_no_faults);

  tc = suite_case (suite, "mappings");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, mapped_files_are_read);
  tcase_add_test (tc, a_file_may_be_shorter_than_its_mapping);
  tcase_add_test (tc, what_nobody_touched_stays_without_memory);
  tcase_add_test (tc, what_the_parent_wrote_is_copied);
  return suite_run (suite);
}
