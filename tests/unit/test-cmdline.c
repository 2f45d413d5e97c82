/* SPDX-License-Identifier: BSD-3-Clause */
/* nbdkit's command line is read as nbdkit reads it. */
#include <config.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "cmdline.h"
#include "unit.h"

#define MAX_WORDS 8

struct row {
  unsigned threads; /* 0: the default */
  bool swap;
  const char *words[MAX_WORDS]; /* after the program */
};

static const struct row rows[] = {
    {0, false, {NULL}},
    {0, false, {"zram", "1G"}},

    /* -t */
    {4, false, {"-t", "4", "zram", "1G"}},
    {4, false, {"-t4", "zram", "1G"}},
    {16, false, {"-t", "16"}},
    {1, false, {"-t1"}},
    {1000, false, {"-t", "1000"}},
    {4, false, {"-f", "-t", "4"}},
    {4, false, {"-ft4"}},
    {4, false, {"-fvt", "4"}},
    {4, false, {"-rt4", "-f"}},

    /* --threads, cut short or not */
    {4, false, {"--threads", "4", "zram", "1G"}},
    {4, false, {"--threads=4", "zram", "1G"}},
    {4, false, {"--thread", "4"}},
    {4, false, {"--thread=4"}},
    {4, false, {"--th", "4"}},
    {4, false, {"--th=4"}},

    /* numbers as nbdkit takes them; 0 is its default */
    {16, false, {"-t", "0x10"}},
    {8, false, {"-t", "010"}},
    {4, false, {"-t", " 4"}},
    {4, false, {"--threads=+4"}},
    {0, false, {"-t", "0"}},
    {UINT_MAX, false, {"-t", "4294967295"}},
    {UINT_MAX, false, {"-t", "99999999999999999999"}},

    /* the last one counts */
    {5, false, {"-t", "4", "--threads=5"}},
    {4, false, {"--threads", "5", "-t4"}},
    {0, false, {"-t", "4", "-t0"}},

    /* --swap */
    {0, true, {"--swap", "zram", "1G"}},
    {0, true, {"--swa", "zram"}},
    {0, true, {"--sw", "zram"}},
    {4, true, {"--swap", "-t", "4"}},
    {4, true, {"-t", "4", "--swap", "zram"}},
    {0, false, {"--swapp"}},
    {0, false, {"-swap"}},
    {0, false, {"swap"}},

    /* anywhere before "--" */
    {4, true, {"zram", "1G", "-t", "4", "--swap"}},
    {4, true, {"zram", "-t4", "1G", "--swap", "mem_limit=1G"}},
    {0, false, {"zram", "--", "-t", "4", "--swap"}},
    {4, false, {"-t", "4", "--", "zram", "-t5", "--swap"}},
    {0, false, {"--", "--swap", "--threads=4"}},
    {4, false, {"-", "-t4"}},
    {4, false, {"", "-t4", ""}},

    /* what only looks like them: values */
    {0, false, {"-P", "-t4", "zram"}},
    {0, false, {"-U", "--swap", "zram"}},
    {4, false, {"-U", "-", "-t4"}},
    {4, false, {"-fU", "-", "-t4"}},
    {4, false, {"-U-", "-t4"}},
    {0, false, {"-Pt4"}},
    {0, false, {"-fPt4"}},
    {0, false, {"-e", "--", "zram"}},
    {0, true, {"-e", "--", "--swap"}},
    {0, false, {"-t", "--swap"}},
    {0, false, {"--run", "--swap"}},
    {0, false, {"--run", "nbdcopy -t4 --swap"}},
    {0, false, {"--run=--swap"}},
    {0, false, {"--pidfile", "-t4"}},
    {0, false, {"--pidf", "-t4"}},
    {4, false, {"--pidfile=-", "-t4"}},
    {0, false, {"--tls", "-t4"}},
    {0, false, {"--tls-psk", "--swap"}},
    {4, false, {"--tls=off", "-t4"}},
    {4, false, {"--tls-verify-peer", "-t4"}},
    {0, true, {"--foreground", "--swap"}},
    {4, false, {"--no-such-option", "-t4"}},
    {0, false, {"zram", "t=4", "threads=4", "swap=on"}},

    /* what nbdkit would not have started with */
    {0, false, {"-t"}},
    {0, false, {"--threads"}},
    {0, false, {"--threads="}},
    {0, false, {"-t", "many"}},
    {4, false, {"-t4", "--="}},
    {4, false, {"-t4", "--=5"}},
};

#define NR_ROWS ((int) (sizeof rows / sizeof rows[0]))

/* Append WORD and its NUL byte to the LEN bytes at ARGS. */
static size_t
append (char *args, size_t len, const char *word)
{
  memcpy (args + len, word, strlen (word) + 1);
  return len + strlen (word) + 1;
}

/* The LEN bytes at ARGS, with memory that may not be touched after them, must
 * say THREADS and SWAP. */
static void
must_say (const char *args, size_t len, unsigned threads, bool swap)
{
  /* cppcheck-suppress uninitvar; filled as far as it is read */
  char *const fenced = memcpy (guarded_end (len), args, len);
  struct cmdline cmdline;

  memset (&cmdline, 0x55, sizeof cmdline);
  cmdline_parse (&cmdline, fenced, len);
  ck_assert_uint_eq (cmdline.threads,
                     threads ? threads : CMDLINE_DEFAULT_THREADS);
  ck_assert_int_eq (cmdline.swap, swap);
}

START_TEST (it_says_what_nbdkit_reads)
{
  const struct row *const row = &rows[_i];
  char args[1000];
  size_t len = append (args, 0, "/usr/sbin/nbdkit");

  for (int i = 0; i < MAX_WORDS && row->words[i]; i++)
    len = append (args, len, row->words[i]);
  must_say (args, len, row->threads, row->swap);
}

START_TEST (the_program_is_no_option)
{
  static const char args[] = "-t4\0zram", swap[] = "--swap", dashes[] = "--";
  char more[20];

  must_say (args, sizeof args, 0, false);
  must_say (swap, sizeof swap, 0, false);
  must_say (more, append (more, append (more, 0, dashes), "-t4"), 4, false);
}

/* At whatever byte it ends: a word that has no end is none. */
START_TEST (nothing_beyond_its_length_is_read)
{
  static const char args[] = "nbdkit\0-t\0"
                             "44\0--swap\0--threads\0"
                             "5\0zram";

  for (size_t len = 0; len <= sizeof args; len++)
    must_say (args, len, len < 13 ? 0 : len < 32 ? 44 : 5, len >= 20);
}

/* Parameters of 100 kB before, and this process's own. */

#define SELF      "/proc/self/exe"
#define LONG_WORD 100000

static int
exit_with_threads (void)
{
  struct cmdline cmdline;

  cmdline_read (&cmdline);
  return (int) cmdline.threads + (cmdline.swap ? 100 : 0);
}

static int
run_with (const char *option, const char *other)
{
  static char word[LONG_WORD + 1];
  const pid_t pid = fork ();
  int status;

  memset (word, 'x', LONG_WORD);
  if (pid == 0) {
    setenv ("EXIT_WITH_THREADS", "1", 1);
    execl (SELF, "nbdkit", "zram", word, option, other, NULL);
    _exit (EXIT_FAILURE);
  }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status));
  return WEXITSTATUS (status);
}

START_TEST (this_processs_is_read_to_its_end)
{
  ck_assert_int_eq (run_with ("--", "-t4"), CMDLINE_DEFAULT_THREADS);
  ck_assert_int_eq (run_with ("-t", "4"), 4);
  ck_assert_int_eq (run_with ("--threads=33", "--swap"), 133);
}

int
main (void)
{
  Suite *suite = suite_create ("cmdline");
  TCase *tc;

  if (getenv ("EXIT_WITH_THREADS"))
    return exit_with_threads ();
  tc = suite_case (suite, "words");
  tcase_add_loop_test (tc, it_says_what_nbdkit_reads, 0, NR_ROWS);
  tcase_add_test (tc, the_program_is_no_option);
  tcase_add_test (tc, nothing_beyond_its_length_is_read);

  if (instrumented ())
    puts ("SKIP: this process's command line: valgrind is run by it");
  else {
    tc = suite_case (suite, "process");
    tcase_add_test (tc, this_processs_is_read_to_its_end);
  }
  return suite_run (suite);
}
